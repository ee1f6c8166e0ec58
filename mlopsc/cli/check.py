"""`mlopsc check`: findings of one spec or many, in the format that whoever reads them wants."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from mlopsc.cli import options
from mlopsc.cli.checking import with_target
from mlopsc.cli.printing import FORMATS, shown
from mlopsc.diagnostics.located import Located, Report, in_order, whole_file
from mlopsc.driver.failure import Failure
from mlopsc.driver.overrides import pairs
from mlopsc.driver.several import check_several
from mlopsc.driver.spec import SpecFile, find, read

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
    findings: list[Located] = []
    files: list[str] = []
    specs: list[tuple[SpecFile, bool]] = []
    unreadable = False
    for word, named in find(args.specs):
        try:
            specs.append((read(word), named))
            files.append(specs[-1][0].label)
        except Failure as failure:
            unreadable = True
            files.append(word)
            findings.append(whole_file("unreadable-file", word, f"{str(failure)[0].upper()}{str(failure)[1:]}."))
    for checked in check_several(specs, profile=args.profile, sets=pairs(args.sets), target=args.target):
        if args.target is not None:
            checked = with_target(checked, args.target)
        findings += checked.findings
        if args.data and not checked.has_errors and not checked.shared:
            findings += import_module("mlopsc.driver.data").check_data(checked)
    report = Report(tuple(files), in_order(_once(findings), tuple(files)), args.strict)
    sys.stdout.write(shown(report, args.format, quiet=args.quiet))
    return 2 if unreadable else int(report.failed)


def _once(findings: list[Located]) -> list[Located]:
    """Without what several specs find in a file that they all import."""
    return list({(f.code, f.place.file, f.place.start, f.place.end, f.message): f for f in reversed(findings)}.values())
