"""`mlopsc show`: effective values with their origin; the Plan."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap

from mlopsc.cli import options

EXAMPLE = "  mlopsc show churn.mlops --resolved --profile prod\n  mlopsc show churn.mlops --plan"


_STAY = "\u00a0"  # a space at which no line is broken


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_spec(parser)
    parser.add_argument(
        "--resolved", action="store_true", help="every effective value and where it came from (default)"
    )
    parser.add_argument("--plan", action="store_true", help="the Plan: pipelines, steps and what travels between them")
    options.add_profile(parser)
    options.add_set(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.checking import checked_or_code
    from mlopsc.driver.resolved import resolved

    checked = checked_or_code(args)
    if isinstance(checked, int):
        return checked
    assert checked.program is not None
    if args.resolved or not args.plan:
        sections = resolved(checked.program)
        if args.json:
            found = {section.title: [row._asdict() for row in section.rows] for section in sections}
            print(json.dumps({"version": 1, "resolved": found}, indent=2))
        else:
            print("\n".join(_section(title, rows) for title, rows in sections), end="")
    if args.plan:
        from mlopsc.driver.compiling import plan_of, plan_text

        plan = plan_of(checked)
        print(plan.model_dump_json(indent=2) if args.json else plan_text(plan), end="\n" if args.json else "")
    return 0


def _section(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """A line for each value; a library's many defaults, which follow their algorithm, closely written."""
    own = [row for row in rows if not _of_library(row)]
    names = max((len(path) for path, _, _ in own), default=0)
    values = min(max((len(value) for _, value, _ in own), default=0), 60)
    lines = [title]
    for library, group in groupby(rows, _of_library):
        if library:
            lines += _closely(list(group))
        else:
            lines += [f"  {path:<{names}}  {value:<{values}}  # {origin}" for path, value, origin in group]
    return "\n".join(lines) + "\n"


def _of_library(row: tuple[str, str, str]) -> bool:
    return row[2].endswith("'s default")


def _closely(rows: list[tuple[str, str, str]]) -> list[str]:
    named = [f"{path.rpartition('.')[2]} = {value}" for path, value, _ in rows]
    text = ", ".join(words.replace(" ", _STAY) for words in [*named[:-1], f"{named[-1]}  # {rows[0][2]}"])
    return [line.replace(_STAY, " ") for line in wrap(text, 116, initial_indent="    ", subsequent_indent="    ")]
