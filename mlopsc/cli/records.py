"""The commands that read a store or decide about it: runs, models, journal, approve, gc. The work is the runtime's."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlopsc.cli import options
from mlopsc.driver.failure import Failure
from mlopsc.driver.spec import store_folder
from mlopsc.runtime import cli, render
from mlopsc.runtime.errors import StepError, UsageError

_STORE = "the store: a folder or s3://BUCKET/PREFIX (default: MLOPSC_STORE, else .mlopsc in this folder)"
EXAMPLE = {
    "runs": "  mlopsc runs\n  mlopsc runs 20260131-0300 --json",
    "models": "  mlopsc models churn_model",
    "journal": "  mlopsc journal --verify",
    "approve": '  mlopsc approve 20260131-0300 release --by ana --reason "numbers look right"',
    "gc": "  mlopsc gc --older 90d --dry-run",
}

Answered = tuple[int, dict[str, Any], str]


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.set_defaults(command=command)
    if command == "runs":
        parser.add_argument("run", metavar="RUN", nargs="?", help="one run: its steps, metrics, verdicts and reasons")
    elif command == "models":
        parser.add_argument("model", metavar="MODEL", nargs="?", help="only this model")
    elif command == "journal":
        parser.add_argument("--verify", action="store_true", help="check the chain and what it promises")
    elif command == "approve":
        parser.add_argument("run", metavar="RUN", help="a waiting run")
        parser.add_argument("gate", metavar="GATE", help="its gate")
        parser.add_argument("--by", metavar="NAME", required=True, help="who decides")
        parser.add_argument("--reject", action="store_true", help="decide against it")
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why; kept in the journal")
    else:
        parser.add_argument(
            "--older", metavar="DURATION", default="30d", help="only runs older than this (default: 30d)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be freed")
    parser.add_argument("--store", metavar="STORE", help=_STORE)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    store = store_folder(args.store, os.getcwd())
    try:
        code, found, text = _ANSWERS[args.command](store, args)
    except StepError as error:
        if error.name == "no-store" and "://" not in store:
            error.help = _where_stores_are()
        raise Failure(_told(error), 2 if isinstance(error, UsageError) else 1) from error
    if args.json:
        print(json.dumps(found))
    elif text:
        print(text.rstrip("\n"))
    return code


def _where_stores_are() -> str:
    """These commands take no spec, so they cannot look beside one; a store one folder further down is a likely guess."""
    near = sorted(path.parent for path in Path().glob("*/.mlopsc/format.json"))
    example = shlex.quote(str(near[0])) if near else "DIR"
    return f"a run keeps its store in .mlopsc beside its spec: name it with --store {example} or MLOPSC_STORE"


def _told(error: StepError) -> str:
    return f"{error.message} [{error.code} {error.name}]" + (f"; {error.help}" if error.help else "")


def _runs(store: str, args: argparse.Namespace) -> Answered:
    code, found = cli.list_runs(store, args.run)
    return code, found, render.runs_text(found)


def _models(store: str, args: argparse.Namespace) -> Answered:
    code, found = cli.list_models(store, args.model)
    return code, found, render.models_text(found)


def _journal(store: str, args: argparse.Namespace) -> Answered:
    code, found = cli.journal(store, args.verify)
    return code, found, render.journal_text(found)


def _approve(store: str, args: argparse.Namespace) -> Answered:
    code, found = cli.approve(store, args.run, args.gate, by=args.by, reject=args.reject, reason=args.reason)
    return code, found, render.approve_text(found)


def _gc(store: str, args: argparse.Namespace) -> Answered:
    code, found = cli.gc(store, args.older, args.dry_run)
    return code, found, render.gc_text(found)


_ANSWERS: dict[str, Callable[[str, argparse.Namespace], Answered]] = {
    "runs": _runs,
    "models": _models,
    "journal": _journal,
    "approve": _approve,
    "gc": _gc,
}
