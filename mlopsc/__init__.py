"""mlopsc: one small declarative language for a whole ML system, compiled to the orchestrator you have."""

__version__ = "0.1.0"
EDITION = 2026
