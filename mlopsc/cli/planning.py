"""From a command's arguments to the Plan."""

from __future__ import annotations

import argparse

from mlopsc.cli.checking import checked_or_code
from mlopsc.driver.compiling import Plan, plan_of

__all__ = ["checked_or_code", "plan_of", "plan_or_code"]


def plan_or_code(args: argparse.Namespace) -> Plan | int:
    """The Plan of the spec; or, its errors told, the exit code."""
    checked = checked_or_code(args)
    return checked if isinstance(checked, int) else plan_of(checked)
