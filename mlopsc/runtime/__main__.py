"""`python -m <this package> step ID --plan plan.json --run NAME …`: what a task of any orchestrator runs.

Exit codes of `step`: 0 done, 1 a verdict (never to be retried), 2 wrong usage, 3 waiting for an approval, 75 a crash or a
lost connection, which a retry may help. `finish` writes result.json and exits as `run` does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from . import cli, plan, render
from .errors import StepError, UsageError
from .single import finish, run_step


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        return _step(args) if args.command == "step" else _finish(args)
    except StepError as error:
        print(render.error_text(error, "step"), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description="Run one step of a compiled pipeline."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("step", "finish"):
        command = commands.add_parser(name)
        if name == "step":
            command.add_argument("id", metavar="ID")
            command.add_argument("--force", action="store_true", help="run it, cached or not")
        command.add_argument("--plan", required=True, type=Path, metavar="FILE")
        command.add_argument("--run", required=True, metavar="NAME", help="the orchestrator's name of the run")
        command.add_argument("--store", default=os.environ.get("MLOPSC_STORE"), metavar="DIR", help="else MLOPSC_STORE")
        command.add_argument(
            "--data", default=os.environ.get("MLOPSC_DATA", "."), metavar="DIR", help="else MLOPSC_DATA"
        )
        command.add_argument("--modules", default=".", metavar="DIR", help="where the spec's local modules are")
        command.add_argument("--pipeline", metavar="NAME", help="the pipeline (else the first)")
        command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="set a param")
    return parser


def _common(args: argparse.Namespace) -> dict[str, Any]:
    if not args.store:
        raise UsageError("MLC9001", "no-store", "no store is named", help="give --store, or set MLOPSC_STORE")
    return {
        "run": args.run,
        "store": args.store,
        "data_root": args.data,
        "modules_root": args.modules,
        "params": cli.assignments(args.set),
        "pipeline": args.pipeline,
    }


def _step(args: argparse.Namespace) -> int:
    code, outcome = run_step(plan.load(args.plan), args.id, force=args.force, **_common(args))
    print(json.dumps(outcome, default=str))
    if outcome.get("error"):
        print("\n".join(render.error_lines(outcome["error"])), file=sys.stderr)
    return code


def _finish(args: argparse.Namespace) -> int:
    found = finish(plan.load(args.plan), **_common(args))
    print(json.dumps(found))
    return cli.EXIT[found["status"]]


if __name__ == "__main__":
    sys.exit(main())
