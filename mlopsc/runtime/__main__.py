"""`python -m <this package> step ID --plan plan.json --run NAME …`: what a task of any orchestrator runs.

Exit codes of `step`: 0 done, 1 a verdict (never to be retried), 2 wrong usage, 3 waiting for an approval, 75 a crash or a
lost connection, which a retry may help. `run` runs all steps; it and `finish`, which writes result.json, exit as `mlopsc
run` does. `approve` records a decision. The last line on standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from . import cli, packages, plan, render
from .errors import LostConnection, StepError, UsageError
from .single import EXIT, finish, run_step
from .steps import STEPS


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    commands = {"step": _step, "finish": _finish, "run": _run, "approve": _approve}
    try:
        return commands[args.command](args)
    except LostConnection as error:
        print(render.error_text(error, args.command), file=sys.stderr)
        return EXIT["crashed"]
    except StepError as error:
        print(render.error_text(error, args.command), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description="Run one step of a compiled pipeline."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("step", "finish", "run", "approve"):
        command = commands.add_parser(name)
        where = "a folder or s3://BUCKET/PREFIX; else MLOPSC_STORE"
        command.add_argument("--store", default=os.environ.get("MLOPSC_STORE"), metavar="STORE", help=where)
        if name != "run":
            command.add_argument("--run", required=True, metavar="NAME", help="the orchestrator's name of the run")
        if name == "approve":
            command.add_argument("gate", metavar="GATE")
            command.add_argument("--by", required=True, metavar="NAME", help="who decides")
            command.add_argument("--reject", action="store_true", help="decide against it")
            command.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
            continue
        if name == "step":
            command.add_argument("id", metavar="ID")
            command.add_argument("--force", action="store_true", help="run it, cached or not")
            command.add_argument("--decide", metavar="TEXT", help="how a person decides here, for the channels")
        _add_plan(command)
    return parser


def _add_plan(command: argparse.ArgumentParser) -> None:
    command.add_argument("--plan", required=True, type=Path, metavar="FILE")
    command.add_argument("--data", default=os.environ.get("MLOPSC_DATA", "."), metavar="DIR", help="else MLOPSC_DATA")
    command.add_argument("--modules", default=".", metavar="DIR", help="where the spec's local modules are")
    command.add_argument("--pipeline", metavar="NAME", help="the pipeline (else the first)")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="set a param")
    command.add_argument("--params", type=json.loads, default={}, metavar="JSON", help="set params, as one object")
    command.add_argument("--packages", type=Path, metavar="FILE", help="refuse to start without what this file lists")


def _common(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "store": _store(args),
        "data_root": args.data,
        "modules_root": args.modules,
        "params": {**args.params, **cli.assignments(args.set)},
    }


def _checked(args: argparse.Namespace) -> dict[str, Any]:
    """The Plan, once the packages are there that what is asked for computes with."""
    found = plan.load(args.plan)
    wanted = [
        s["kind"] for s in plan.pipeline(found, args.pipeline)["steps"] if args.command == "run" or s["id"] == args.id
    ]
    if args.packages is not None and any(STEPS[kind].packages for kind in wanted if kind in STEPS):
        packages.check(args.packages)
    return found


def _store(args: argparse.Namespace) -> str:
    if not args.store:
        raise UsageError("MLC9001", "no-store", "no store is named", help="give --store, or set MLOPSC_STORE")
    return str(args.store)


def _step(args: argparse.Namespace) -> int:
    code, outcome = run_step(
        _checked(args),
        args.id,
        force=args.force,
        run=args.run,
        pipeline=args.pipeline,
        progress=render.warnings_only(sys.stderr),
        decide=args.decide,
        **_common(args),
    )
    print(json.dumps(outcome, default=str))
    if outcome.get("error"):
        print("\n".join(render.error_lines(outcome["error"])), file=sys.stderr)
    return code


def _finish(args: argparse.Namespace) -> int:
    warn = render.warnings_only(sys.stderr)
    found = finish(plan.load(args.plan), run=args.run, pipeline=args.pipeline, progress=warn, **_common(args))
    print(json.dumps(found))
    return cli.EXIT[found["status"]]


def _run(args: argparse.Namespace) -> int:
    code, found = cli.run(_checked(args), progress=render.text_progress(sys.stderr, False), **_common(args))
    print(json.dumps(found))
    for step in found["steps"]:
        if step["error"]:
            print("\n".join(render.error_lines(step["error"])), file=sys.stderr)
    return code


def _approve(args: argparse.Namespace) -> int:
    code, found = cli.approve(_store(args), args.run, args.gate, by=args.by, reject=args.reject, reason=args.reason)
    print(json.dumps(found))
    return code


if __name__ == "__main__":
    sys.exit(main())
