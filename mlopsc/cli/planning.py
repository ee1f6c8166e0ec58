"""The way that `compile`, `graph`, `show --plan`, `run` and `test` share: check the spec, say what was found, make the Plan."""

from __future__ import annotations

import argparse

from mlopsc.cli.printing import tell
from mlopsc.driver.check import Checked, check_file
from mlopsc.driver.compiling import plan_of
from mlopsc.driver.overrides import pairs
from mlopsc.driver.spec import SpecFile, read
from mlopsc.ir.plan import Plan


def checked_or_code(args: argparse.Namespace, spec: SpecFile | None = None, target: str | None = None) -> Checked | int:
    """The checked spec, its warnings told; or, its errors told, the exit code."""
    checked = check_file(spec or read(args.spec), profile=args.profile, sets=pairs(args.sets), target=target)
    if not checked.has_errors:
        tell(() if args.quiet else checked.findings)
        return checked
    tell(checked.findings)
    return 2 if checked.misused else 1


def plan_or_code(args: argparse.Namespace) -> Plan | int:
    checked = checked_or_code(args)
    return checked if isinstance(checked, int) else plan_of(checked)
