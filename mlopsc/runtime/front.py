"""The command line of a compiled folder: `python run.py …`. Arguments in, text or JSON out; the work is in `cli`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cli, plan, render
from .errors import StepError, UsageError


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a compiled folder keeps what it runs. `steps`: their ids in order, as the folder's run.py lists them."""

    plan: Path
    modules: Path
    data: Path
    store: str | Path  # a folder, or s3://BUCKET/PREFIX
    steps: list[str]


def main(folder: Folder, argv: list[str] | None = None) -> int:
    """Do what the arguments say; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    commands = {"run": _run, "runs": _runs, "models": _models, "journal": _journal, "approve": _approve, "gc": _gc}
    chosen = words[0] if words and words[0] in commands else "run"
    parser = _parser(chosen)
    args = parser.parse_args(words[1:] if words and words[0] == chosen else words)
    args.store = args.store or os.environ.get("MLOPSC_STORE") or folder.store
    try:
        code, found, text = commands[chosen](folder, args)
    except StepError as error:
        print(render.error_text(error, parser.prog), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 1
    return code if _printed(json.dumps(found, ensure_ascii=True) if args.json else text, parser.prog) else 2


def _printed(text: str, program: str) -> bool:
    """Print the answer; False, after one line, where nobody takes it. Nothing is left for the flush at the end to fail on."""
    why: str | None = "it is closed"
    try:
        if sys.stdout is not None:
            if text:
                render.printer()(text)
            sys.stdout.flush()
            return True
    except OSError as error:
        why = error.strerror
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return False
    print(f"{program}: standard output cannot be written: {why}", file=sys.stderr)
    return False


def _parser(command: str) -> argparse.ArgumentParser:
    program = f"python {Path(sys.argv[0]).name}"
    texts = {
        "run": "Runs the pipeline; further commands: runs, models, journal, approve, gc (each has --help).",
        "runs": "Past runs.",
        "models": "Versions and where they come from.",
        "journal": "Every decision, oldest first.",
        "approve": "Records a decision on a waiting gate.",
        "gc": "Frees what no kept version or run needs.",
    }
    parser = argparse.ArgumentParser(
        prog=program if command == "run" else f"{program} {command}", description=texts[command]
    )
    where = "the store: a folder or s3://BUCKET/PREFIX (else MLOPSC_STORE, else the folder's own)"
    parser.add_argument("--store", metavar="STORE", help=where)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    if command == "run":
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="set a param; may be repeated"
        )
        parser.add_argument("--jobs", type=_positive, metavar="N", help="steps at once (default: the processors)")
        parser.add_argument("--force", action="store_true", help="run steps that nothing has changed for")
        parser.add_argument("--step", metavar="ID", help="only this step and what it needs")
        parser.add_argument("--from", dest="from_", metavar="ID", help="this step and all that need it, anew")
        parser.add_argument("--quiet", action="store_true", help="no progress")
    elif command == "runs":
        parser.add_argument("run", nargs="?", metavar="RUN")
    elif command == "models":
        parser.add_argument("model", nargs="?", metavar="MODEL")
    elif command == "journal":
        parser.add_argument("--verify", action="store_true", help="check the chain and the promoted models")
    elif command == "approve":
        parser.add_argument("run", metavar="RUN")
        parser.add_argument("gate", metavar="GATE")
        parser.add_argument("--by", required=True, metavar="NAME", help="who decides")
        parser.add_argument("--reject", action="store_true", help="decide against it")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
    else:
        parser.add_argument("--older", default="30d", metavar="DURATION", help="runs older than this (default 30d)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be freed")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


Shown = tuple[int, dict[str, Any], str]


def _run(folder: Folder, args: argparse.Namespace) -> Shown:
    found = plan.load(folder.plan)
    if [step["id"] for step in found["pipelines"][0]["steps"]] != folder.steps:
        raise UsageError(
            "MLC9013",
            "bad-plan",
            "run.py and plan.json name different steps",
            help="compile the spec again, do not edit either",
        )
    progress = render.json_progress(sys.stderr) if args.json else render.text_progress(sys.stderr, args.quiet)
    code, result = cli.run(
        found,
        store=args.store,
        data_root=Path(os.environ.get("MLOPSC_DATA") or folder.data),
        modules_root=folder.modules,
        params=cli.assignments(args.set),
        jobs=args.jobs,
        step=args.step,
        from_=args.from_,
        force=args.force,
        progress=progress,
    )
    return code, result, render.run_text(result, render.colours(sys.stdout))


def _runs(_: Folder, args: argparse.Namespace) -> Shown:
    code, found = cli.list_runs(args.store, args.run)
    return code, found, render.runs_text(found)


def _models(_: Folder, args: argparse.Namespace) -> Shown:
    code, found = cli.list_models(args.store, args.model)
    return code, found, render.models_text(found)


def _journal(_: Folder, args: argparse.Namespace) -> Shown:
    code, found = cli.journal(args.store, args.verify)
    return code, found, render.journal_text(found)


def _approve(_: Folder, args: argparse.Namespace) -> Shown:
    code, found = cli.approve(args.store, args.run, args.gate, by=args.by, reject=args.reject, reason=args.reason)
    return code, found, render.approve_text(found)


def _gc(_: Folder, args: argparse.Namespace) -> Shown:
    code, found = cli.gc(args.store, args.older, args.dry_run)
    return code, found, render.gc_text(found)
