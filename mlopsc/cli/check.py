"""`mlopsc check`: findings of one spec or many, in the format that whoever reads them wants."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from mlopsc.cli import options
from mlopsc.cli.checking import with_target
from mlopsc.cli.printing import FORMATS, shown
from mlopsc.diagnostics.located import Located, Report, in_order, whole_file
from mlopsc.driver.check import check_file
from mlopsc.driver.failure import Failure
from mlopsc.driver.overrides import pairs
from mlopsc.driver.spec import find, read

EXAMPLE = "  mlopsc check churn.mlops --data\n  mlopsc check specs/ --format sarif --strict > findings.sarif"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_specs(parser)
    parser.add_argument("--data", action="store_true", help="also hold the rules against the real files")
    parser.add_argument("--target", metavar="T[@VERSION]", help="also check that this target can do what the spec asks")
    options.add_profile(parser)
    options.add_set(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="how findings are printed (default: text)")
    parser.add_argument("--strict", action="store_true", help="warnings count as findings")


def run(args: argparse.Namespace) -> int:
    sets = pairs(args.sets)
    findings: list[Located] = []
    files: list[str] = []
    unreadable = False
    for word in find(args.specs):
        try:
            spec = read(word)
        except Failure as failure:
            unreadable = True
            files.append(word)
            findings.append(whole_file("unreadable-file", word, f"{str(failure)[0].upper()}{str(failure)[1:]}."))
            continue
        files.append(spec.label)
        checked = check_file(spec, profile=args.profile, sets=sets, target=args.target)
        if args.target is not None:
            checked = with_target(checked, args.target)
        findings += checked.findings
        if args.data and not checked.has_errors:
            findings += import_module("mlopsc.driver.data").check_data(checked)
    report = Report(tuple(files), in_order(findings, tuple(files)), args.strict)
    sys.stdout.write(shown(report, args.format, quiet=args.quiet))
    return 2 if unreadable else int(report.failed)
