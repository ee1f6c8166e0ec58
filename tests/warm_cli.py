"""A process that has imported what `mlopsc` needs, and forks one child for each command line it is sent.

Tests of runs would spend most of their time on imports. A child does what the console script does, with its own working
folder, environment and standard streams. Requests and answers are JSON lines on standard input and output.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

_MODULES = (
    "mlopsc.cli.main", "mlopsc.cli.run", "mlopsc.cli.check", "mlopsc.cli.compile", "mlopsc.cli.planning", "mlopsc.cli.records",
    "mlopsc.driver.data", "mlopsc.cli.options", "mlopsc.passes.lower", "mlopsc.syntax.parser", "mlopsc.runtime.runner",
    "mlopsc.runtime.fork",
    "mlopsc.runtime.ml.train", "mlopsc.runtime.ml.evaluate", "mlopsc.runtime.ml.gate", "mlopsc.runtime.data.ingest",
    "mlopsc.runtime.data.clean", "mlopsc.runtime.data.validate", "mlopsc.runtime.data.split", "mlopsc.runtime.approve",
    "mlopsc.runtime.register", "mlopsc.runtime.single", "sqlite3", "psycopg",
)  # fmt: skip


def serve() -> None:
    from mlopsc.runtime import warm
    from mlopsc.runtime.ml import libraries
    from mlopsc.runtime.work import single_threaded

    single_threaded()
    warm.duckdb()
    for name in ("numpy", "sklearn.linear_model", "sklearn.preprocessing", "sklearn.ensemble"):
        libraries.load(name)
    libraries.load_skops()
    for name in _MODULES:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a child forked from here could wait for ever"
    for line in sys.stdin:
        print(json.dumps({"code": _answer(json.loads(line))}), flush=True)


def _answer(asked: dict[str, Any]) -> int:
    """The exit code of the command line, run in a child; after `timeout` seconds the child is ended."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        _become(asked)
    deadline = time.monotonic() + asked["timeout"]
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, 9)
        time.sleep(0.005)


def _become(asked: dict[str, Any]) -> None:
    code = 70
    try:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        time.tzset()
        for number, (path, flags) in enumerate(
            [(asked["stdin"], os.O_RDONLY)]
            + [(asked[n], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for n in ("out", "err")]
        ):
            handle = os.open(path, flags, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
        sys.argv = ["mlopsc", *asked["argv"]]
        from mlopsc.cli.main import entry

        entry()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
