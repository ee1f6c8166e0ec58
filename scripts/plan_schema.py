"""Writes docs/plan.schema.json.

python scripts/plan_schema.py
"""

from __future__ import annotations

from pathlib import Path

from mlopsc.passes.schema import plan_schema

TARGET = Path(__file__).resolve().parent.parent / "docs" / "plan.schema.json"

if __name__ == "__main__":
    TARGET.write_text(plan_schema(), encoding="utf-8")
