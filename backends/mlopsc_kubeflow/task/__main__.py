"""`python -m mlopsc_kfp --executor_input JSON`: one task of a pipeline.

Exit codes as of the runtime's `step`: 0 done, 1 a verdict, 2 wrong usage, 3 nobody decided in time, 75 a crash.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mlopsc_runtime.errors import LostConnection, StepError, UsageError
from mlopsc_runtime.render import error_lines
from mlopsc_runtime.single import EXIT

from .answer import answered
from .finish import finish
from .message import Message
from .step import run


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="mlopsc_kfp", description="Run one task of a compiled pipeline.")
    parser.add_argument("--executor_input", required=True, metavar="JSON")
    parser.add_argument(
        "--modules", type=Path, default=Path("modules"), metavar="DIR", help="of the spec's local modules"
    )
    args = parser.parse_args(argv)
    try:
        message = Message.parse(args.executor_input)
        if message.slice.get("finish"):
            return finish(message, _store(), args.modules)
        return run(message, _store(), args.modules)
    except LostConnection as error:
        print("\n".join(error_lines(error.to_json())), file=sys.stderr)
        return int(EXIT["crashed"])
    except StepError as error:
        print("\n".join(error_lines(error.to_json())), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _store() -> str:
    store = os.environ.get("MLOPSC_STORE")
    if not store:
        raise UsageError(
            "MLC9001",
            "no-store",
            "no store is named",
            help='write store = "s3://BUCKET/PREFIX" or "/path/on/a/volume" in the target block, or set MLOPSC_STORE',
        )
    if "://" not in store.removeprefix("file://") and not os.path.isabs(store.removeprefix("file://")):
        raise UsageError(
            "MLC9001",
            "no-store",
            f"the store {store!r} is a relative path, which would be gone with the task's pod",
            help="set MLOPSC_STORE to s3://BUCKET/PREFIX, or to a folder on a volume: /path",
        )
    return store


def entry() -> int:
    code, how = answered(main)
    if code is None:
        print(f"error[MLC9010] step-crashed: the step crashed: {how}", file=sys.stderr, flush=True)
        return int(EXIT["crashed"])
    return code


if __name__ == "__main__":
    sys.exit(entry())
