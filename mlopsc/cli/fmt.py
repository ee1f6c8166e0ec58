"""`mlopsc fmt`: the one canonical layout."""

from __future__ import annotations

import argparse
import sys
from difflib import unified_diff

from mlopsc.cli import options
from mlopsc.cli.printing import tell
from mlopsc.diagnostics.located import Located
from mlopsc.driver.layout import lay_out, replace
from mlopsc.driver.spec import STDIN, find, read

EXAMPLE = "  mlopsc fmt churn.mlops\n  mlopsc fmt specs/ --check --diff"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_specs(parser)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change, exit as --check")


def run(args: argparse.Namespace) -> int:
    findings: list[Located] = []
    damaged: list[str] = []
    changed: list[str] = []
    words = [found.word for found in find(args.specs)]
    for word in words:
        spec = read(word)
        found = lay_out(spec)
        if found.new is None:
            findings += found.findings
            damaged.append(spec.label)
        elif word == STDIN and not (args.check or args.diff):
            sys.stdout.write(found.new)
        elif found.new != found.old:
            changed.append(spec.label)
            if args.diff:
                sys.stdout.write(_diff(found.old, found.new, spec.label))
            if not (args.check or args.diff):
                replace(word, found.new)
    tell(tuple(findings))
    if not args.quiet:
        _tell(args, words, changed, damaged)
    return int(bool(damaged) or ((args.check or args.diff) and bool(changed)))


def _tell(args: argparse.Namespace, words: list[str], changed: list[str], damaged: list[str]) -> None:
    would = "would lay out" if args.check or args.diff else "laid out"
    for label in changed:
        print(f"{would} {label}", file=sys.stderr)
    for label in damaged:
        print(f"left alone {label}: it has syntax errors", file=sys.stderr)
    if args.verbose:
        print(f"{len(words) - len(changed) - len(damaged)} of {len(words)} files were in order", file=sys.stderr)


def _diff(old: str, new: str, label: str) -> str:
    lines = unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), label, label)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
