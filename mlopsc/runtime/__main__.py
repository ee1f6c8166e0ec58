"""`python -m <this package> step ID --plan plan.json --run NAME …`: what a task of any orchestrator runs.

Exit codes of `step`: 0 done, 1 a verdict (never to be retried), 2 wrong usage, 3 waiting for an approval, 75 a crash or a
lost connection, which a retry may help. `run` runs all steps; it and `finish`, which writes result.json, exit as `mlopsc
run` does. `approve` records a decision, `lost` how a step ended that could not say it. The last line on standard output is
one JSON object.

A user's code runs in this process and may end it with any exit code, or print anything. So whoever starts it gives
`--answer FILE`: {"code", "found", "told"} are written there at once, as the last act; no file, no answer: a crash.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import cli, packages, plan, render
from .errors import LostConnection, StepError, UsageError
from .single import EXIT, finish, record_end, run_step
from .steps import STEPS

Answer = tuple[int, dict[str, Any], list[str]]  # exit code, the object to print, the lines of errors


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    own = os.getpid()
    commands = {"step": _step, "finish": _finish, "run": _run, "approve": _approve, "lost": _lost}
    told: list[str] = []
    found: dict[str, Any] = {}
    try:
        code, found, told = commands[args.command](args)
    except LostConnection as error:
        code, told = EXIT["crashed"], render.error_lines(error.to_json())
    except StepError as error:
        code, told = 2 if isinstance(error, UsageError) else 1, render.error_lines(error.to_json())
    with contextlib.suppress(OSError, ValueError):  # a step may have closed them
        if found:
            print(json.dumps(found, default=str), flush=True)
        if told:
            print("\n".join(told), file=sys.stderr, flush=True)
    if args.answer is not None and os.getpid() == own:  # a step may have forked
        _write(args.answer, {"code": code, "found": found, "told": told})
    return code


def entry() -> NoReturn:
    """End with main(): no thread and no exit handler that a step left has a say after the answer."""
    code = main()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _write(place: Path, answer: dict[str, Any]) -> None:
    part = place.with_name(f"{place.name}.part")
    part.write_text(json.dumps(answer, default=str), encoding="utf-8")
    os.replace(part, place)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description="Run one step of a compiled pipeline."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("step", "finish", "run", "approve", "lost"):
        command = commands.add_parser(name)
        where = "a folder or s3://BUCKET/PREFIX; else MLOPSC_STORE"
        command.add_argument("--store", default=os.environ.get("MLOPSC_STORE"), metavar="STORE", help=where)
        named = "the orchestrator's name of the run"
        command.add_argument("--run", required=name != "run", metavar="NAME", help=named)
        command.add_argument("--answer", type=Path, metavar="FILE", help="write there how it ended, as the last act")
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
        if name == "lost":
            command.add_argument("id", metavar="ID")
            command.add_argument("--how", required=True, metavar="TEXT", help="what the end of its process looked like")
            command.add_argument("--limit", type=float, metavar="SECONDS", help="it took longer than this")
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


def _step(args: argparse.Namespace) -> Answer:
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
    return code, outcome, render.error_lines(outcome["error"]) if outcome.get("error") else []


def _finish(args: argparse.Namespace) -> Answer:
    warn = render.warnings_only(sys.stderr)
    found = finish(plan.load(args.plan), run=args.run, pipeline=args.pipeline, progress=warn, **_common(args))
    return cli.EXIT[found["status"]], found, []


def _run(args: argparse.Namespace) -> Answer:
    show = render.text_progress(sys.stderr, False)
    code, found = cli.run(_checked(args), progress=show, name=args.run, **_common(args))
    errors = [step["error"] for step in found["steps"] if step["error"]]
    if found.get("error") and all(error["message"] != found["error"]["message"] for error in errors):
        errors.append(found["error"])
    return code, found, [line for error in errors for line in render.error_lines(error)]


def _lost(args: argparse.Namespace) -> Answer:
    error = record_end(
        plan.load(args.plan),
        args.id,
        run=args.run,
        pipeline=args.pipeline,
        how=args.how,
        limit=args.limit,
        **_common(args),
    )
    return 0, {"id": args.id, "error": error}, render.error_lines(error)


def _approve(args: argparse.Namespace) -> Answer:
    code, found = cli.approve(_store(args), args.run, args.gate, by=args.by, reject=args.reject, reason=args.reason)
    return code, found, []


if __name__ == "__main__":
    entry()
