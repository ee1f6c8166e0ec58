"""`mlopsc run`: compiles for local and runs. An unchanged spec's Plan comes from the store, without parser or checks."""

from __future__ import annotations

import argparse
import gc
import json
import os
import shlex
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlopsc.cli import options
from mlopsc.driver import plans
from mlopsc.driver.failure import Failure
from mlopsc.driver.overrides import pairs
from mlopsc.driver.spec import SpecFile, read, store_folder
from mlopsc.runtime import cli, render
from mlopsc.runtime.errors import StepError, UsageError
from mlopsc.runtime.store.address import cache_folder, is_url

# What the steps of a kind import, told before anything runs; the numeric libraries bring each other.
_NEEDS = {"ingest": ("duckdb",), "train": ("numpy", "sklearn", "skops")}

EXAMPLE = "  mlopsc run churn.mlops\n  mlopsc run churn.mlops --set test_share=30% --profile prod --json"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_spec(parser)
    options.add_set(parser)
    options.add_profile(parser)
    options.add_store(parser)
    parser.add_argument("--step", metavar="ID", help="run this step and what it needs, then stop")
    parser.add_argument("--from", dest="from_", metavar="ID", help="run this step and all that need it anew")
    parser.add_argument("--jobs", metavar="N", type=_positive, help="steps at the same time (default: by processors)")
    parser.add_argument("--force", action="store_true", help="run every step, cached or not")
    options.add_json(parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    spec = read(args.spec)
    store = store_folder(args.store, spec.folder)
    wanted = plans.key(spec, args.profile, pairs(args.sets))
    shortcuts = _shortcuts(store)
    plan = plans.find(shortcuts, spec, wanted)
    known = plan is not None
    if plan is None:
        made = _compiled(args, spec)
        if isinstance(made, int):
            return made
        plan = made
    gc.enable()
    code, result = _run(plan, args, spec, store)
    if not known:
        plans.keep(shortcuts, spec, wanted, plan)
    if args.json:
        print(json.dumps(result))
    else:
        print(render.run_text(result, render.colours(sys.stdout)))
        if not args.quiet:
            if all(step["status"] == "cached" for step in result["steps"]):
                print(f"nothing had changed: all {len(result['steps'])} steps are from the store")
            _next(result, store)
    return code


def _shortcuts(store: str) -> str:
    """Where compiled plans are kept: with the store, or with this machine's copies of one in a bucket."""
    try:
        return str(cache_folder(store)) if is_url(store) else store
    except UsageError as error:
        raise _failure(error) from error


def _failure(error: StepError) -> Failure:
    told = f"{error.message} [{error.code} {error.name}]" + (f"; {error.help}" if error.help else "")
    return Failure(told, 2 if isinstance(error, UsageError) else 1)


def _compiled(args: argparse.Namespace, spec: SpecFile) -> dict[str, Any] | int:
    planning = import_module("mlopsc.cli.planning")
    checked = planning.checked_or_code(args, spec, target="local", idle=False)
    if isinstance(checked, int):
        return checked
    if not args.quiet:
        _tell_what_is_not_run([(decl.kind, decl.name) for decl in checked.program.decls.values()])
    plan: dict[str, Any] = planning.plan_of(checked).model_dump(mode="json")
    needed = {name for step in plan["pipelines"][0]["steps"] for name in _NEEDS.get(step["kind"], ())}
    missing = sorted(name for name in needed if find_spec(name) is None)
    if missing:
        raise Failure(f"running needs {', '.join(missing)}: pip install 'mlopsc[run]'")
    return plan


def _run(plan: dict[str, Any], args: argparse.Namespace, spec: SpecFile, store: str) -> tuple[int, dict[str, Any]]:
    progress = render.json_progress(sys.stderr) if args.json else render.text_progress(sys.stderr, _silent(args))
    try:
        return cli.run(
            plan,
            store=store,
            data_root=Path(os.environ.get("MLOPSC_DATA") or spec.folder),
            modules_root=Path(spec.folder),
            jobs=args.jobs,
            step=args.step,
            from_=args.from_,
            force=args.force,
            progress=progress,
        )
    except StepError as error:
        raise _failure(error) from error


def _silent(args: argparse.Namespace) -> bool:
    """Progress is for terminals, and for whoever asks for it."""
    return bool(args.quiet or not (sys.stderr.isatty() or args.verbose))


def _tell_what_is_not_run(decls: list[tuple[str, str]]) -> None:
    names = [name for kind, name in decls if kind in ("deploy", "monitor")]
    if names:
        print(
            f"warning: {', '.join(names)}: deploys and monitors are checked and compiled, but this release does not run them",
            file=sys.stderr,
        )


def _next(result: dict[str, Any], store: str) -> None:
    """What a person can do about a run that waits."""
    word = store if is_url(store) else os.path.relpath(store)
    given = "" if store == store_folder(None, os.getcwd()) else f" --store {shlex.quote(word)}"
    for gate, found in result["gates"].items():
        if found["verdict"] == "waiting":
            print(f'to decide: mlopsc approve {result["run"]} {gate} --by NAME --reason "…"{given}, then run again')
