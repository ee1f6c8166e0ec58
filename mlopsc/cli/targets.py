"""`mlopsc targets`: the targets and versions; with a spec, each thing it uses x each target."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from mlopsc.cli import options

EXAMPLE = "  mlopsc targets\n  mlopsc targets churn.mlops --format markdown"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("spec", metavar="SPEC", nargs="?", help="a spec file, or - for standard input")
    options.add_profile(parser)
    options.add_set(parser)
    parser.add_argument("--format", choices=["text", "markdown", "json"], default="text", help="(default: text)")


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.checking import checked_or_code
    from mlopsc.driver.support import WORDS, about, installed, used

    targets = installed()
    wanted = list(about())
    given: Mapping[str, Mapping[str, Any]] = {}
    if args.spec is not None:
        checked = checked_or_code(args)
        if isinstance(checked, int):
            return checked
        assert checked.program is not None
        given = checked.program.targets
        wanted = [use.feature for use in used(checked.program)]
    rows: list[dict[str, Any]] = []
    for feature in wanted:
        levels: dict[str, dict[str, Any]] = {}
        for target in targets:
            chosen = given.get(target.name)
            level, note = target.level(feature, None, chosen)
            levels[target.name] = {"level": level.value, "support": WORDS[level], "note": note}
            others = {version: target.level(feature, version, chosen) for version in target.versions[1:]}
            levels[target.name]["versions"] = {
                version: {"level": other.value, "support": WORDS[other], "note": told}
                for version, (other, told) in others.items()
                if (other, told) != (level, note)
            }
        rows.append({"feature": feature, "about": about()[feature], "targets": levels})
    if args.format == "json":
        listed = [{"name": t.name, "title": t.title, "versions": list(t.versions)} for t in targets]
        print(json.dumps({"version": 1, "targets": listed, "features": rows}, indent=2))
        return 0
    if args.format == "text":
        for target in targets:
            print(f"{target.name}: {target.title}, versions {', '.join(target.versions)}")
        print()
    _table(rows, {target.name: target.versions for target in targets}, markdown=args.format == "markdown")
    if args.format == "text":
        _notes(rows)
    return 0


def _table(rows: list[dict[str, Any]], versions: dict[str, tuple[str, ...]], *, markdown: bool) -> None:
    named = [f"{name} {', '.join(known)}" if markdown else name for name, known in versions.items()]
    cells = [["feature", *named]]
    cells += [[row["feature"], *(_cell(row["targets"][name]) for name in versions)] for row in rows]
    if markdown:
        for i, row in enumerate(cells):
            print(f"| {' | '.join(row)} |")
            if not i:
                print(f"|{' --- |' * len(row)}")
        return
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(facts: dict[str, Any]) -> str:
    """The support of the newest version, and of each other that differs."""
    others = [
        f"{version}: {other['support']}"
        for version, other in facts["versions"].items()
        if other["support"] != facts["support"]
    ]
    return str(facts["support"]) + (f" ({', '.join(others)})" if others else "")


def _notes(rows: list[dict[str, Any]]) -> None:
    notes = [
        f"  {row['feature']} on {name}: {facts['note']}"
        for row in rows
        for name, facts in row["targets"].items()
        if facts["note"]
    ]
    notes += [
        f"  {row['feature']} on {name} {version}: {other['support']}{': ' if other['note'] else ''}{other['note']}"
        for row in rows
        for name, facts in row["targets"].items()
        for version, other in facts["versions"].items()
    ]
    if notes:
        print("\nnotes\n" + "\n".join(notes))
