"""`mlopsc explain`: the page of a diagnostic, offline."""

from __future__ import annotations

import argparse

from mlopsc.diagnostics.codes import CODES
from mlopsc.diagnostics.explain import listing, name_of, page, resolve
from mlopsc.diagnostics.suggest import nearest
from mlopsc.driver.failure import Failure

EXAMPLE = "  mlopsc explain MLC1003\n  mlopsc explain unknown-column"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument(
        "code", metavar="CODE", nargs="?", help="a code or a readable name; without it, the list of all"
    )


def run(args: argparse.Namespace) -> int:
    if args.code is None:
        rows = listing()
        width = max(len(name) for _, name, _, _ in rows)
        for each, name, severity, about in rows:
            print(f"{each}  {severity:<7}  {name:<{width}}  {_first_sentence(about)}".rstrip())
        return 0
    code = resolve(args.code)
    if code is None:
        best = nearest(args.code, [*CODES, *(each for each, _ in CODES.values())])
        raise Failure(f"no diagnostic is called {args.code}; {_advice(best)}")
    text = page(code)
    print((text if text is not None else f"# {code} {name_of(code)}\n\nThis code has no page.").rstrip())
    return 0


def _advice(best: str | None) -> str:
    return f"did you mean {best}?" if best else "'mlopsc explain' lists them all"


def _first_sentence(text: str) -> str:
    return text.split(". ", 1)[0].rstrip(".")
