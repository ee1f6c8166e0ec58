"""What this back end cannot express, told with a code."""

from __future__ import annotations

from mlopsc.diagnostics.codes import CODES
from mlopsc.target.protocol import Refused
from mlopsc_kubeflow.capabilities import CAPABILITIES

TARGET = f"kubeflow {CAPABILITIES.versions[0]}"


def refuse(name: str, message: str, help: str | None = None) -> Refused:
    """To be raised: `name` is a diagnostic's readable name; the message names the target and its version."""
    return Refused(CODES[name][0], name, f"{TARGET}: {message}", help=help)
