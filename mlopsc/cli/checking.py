"""The way that the commands share whose output is not findings: check the spec, say what was found, go on or stop."""

from __future__ import annotations

import argparse
from importlib import import_module

from mlopsc.cli.printing import tell
from mlopsc.diagnostics.located import Located, in_order
from mlopsc.driver.check import Checked, check_file
from mlopsc.driver.overrides import pairs
from mlopsc.driver.spec import SpecFile, read


def checked_or_code(
    args: argparse.Namespace, spec: SpecFile | None = None, *, target: str | None = None, idle: bool = True
) -> Checked | int:
    """The checked spec, its warnings told; or, its errors told, the exit code. `idle`: also tell what the target leaves
    undone."""
    checked = check_file(spec or read(args.spec), profile=args.profile, sets=pairs(args.sets), target=target)
    if target is not None:
        checked = with_target(checked, target, idle=idle)
    if not checked.has_errors:
        tell(() if args.quiet else checked.findings)
        return checked
    tell(checked.findings)
    return 1


def with_target(checked: Checked, target: str, *, idle: bool = True) -> Checked:
    """The findings and what the spec asks for that the target cannot do. The back ends' tables are only read here."""
    found: tuple[Located, ...] = import_module("mlopsc.driver.support").lacking(checked, target)
    more = [item for item in found if idle or item.severity == "error"]
    return checked._replace(findings=in_order([*checked.findings, *more], (checked.spec.label,)))
