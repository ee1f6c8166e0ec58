"""The exit code of a task is what the step answered. The user's code runs in a child that may end in any way, with 0 too:
without an answer it crashed, whatever its exit code is."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from mlopsc_runtime.fork import die_with_parent

_handles: list[int] = []  # where the child answers


def answered(body: Callable[[], int]) -> tuple[int | None, str]:
    """Run `body` in a child: the code that it answered, None where it ended without; and what its end looked like. To be
    called while the process has one thread."""
    read, write = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        die_with_parent(parent)
        os.close(read)
        _handles.append(write)
        leave(body())
    os.close(write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: os.kill(child, which))
    _, status = os.waitpid(child, 0)
    os.set_blocking(read, False)  # what the child left behind may hold the other end open
    said = b""
    with contextlib.suppress(BlockingIOError):
        said = os.read(read, 1)
    code = os.waitstatus_to_exitcode(status)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}, with no answer"
    return (said[0] if said else None), f"its process {how}"


def leave(code: int) -> NoReturn:
    """End this process with its answer, whatever threads a step has left."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    for handle in _handles:
        os.write(handle, bytes([code]))
    os._exit(code)
