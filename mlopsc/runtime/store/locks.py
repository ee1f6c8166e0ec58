"""Locks of running processes. The system lets go of them when a process ends, however it ends: none is ever stale.

In an object store leases take their place, see leases.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import io
from .objects import Store, safe_name


@contextlib.contextmanager
def held(path: Path, *, shared: bool, text: str = "") -> Iterator[int | None]:
    """The lock in file `path`, as a descriptor; None where another process has it. An exclusive holder's `text` stands
    in the file for others to read."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise io.failure(error, path) from error
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        if not shared:
            os.ftruncate(handle, 0)
            os.pwrite(handle, text.encode(), 0)
        yield handle
    finally:
        os.close(handle)


def _leases(store: Store) -> Any:
    if store.bucket is None:
        return None
    from . import leases  # what a store in a folder does not pay for

    return leases


@contextlib.contextmanager
def kept_from_gc(store: Store, what: str, timeout: float | None = None) -> Iterator[None]:
    """No gc while a task of an orchestrator is at work; `what` names the run, `timeout` the seconds that it may take."""
    if (leases := _leases(store)) is not None:
        with leases.task(store, what, timeout):
            yield
        return
    with held(store.root / "locks" / "store", shared=True) as lock:
        if lock is None:
            raise UsageError(
                "MLC9019", "store-in-use", f"gc is at work in {store.root}", help="try again when it is done"
            )
        yield


@contextlib.contextmanager
def pipeline_lock(store: Store, pipeline: str, run: str) -> Iterator[list[int]]:
    """One run of a pipeline at a time, and no gc meanwhile; files that a child must not keep open. UsageError names who
    has it."""
    if (leases := _leases(store)) is not None:
        with leases.pipeline(store, pipeline, run):
            yield []
        return
    own = store.root / "locks" / f"run-{safe_name(pipeline)}"
    with contextlib.ExitStack() as stack:
        everything = stack.enter_context(held(store.root / "locks" / "store", shared=True))
        if everything is None:
            raise UsageError(
                "MLC9019", "store-in-use", f"gc is at work in {store.root}", help="try again when it is done"
            )
        mine = stack.enter_context(held(own, shared=False, text=f"{run} {os.getpid()}"))
        if mine is None:
            other, _, pid = own.read_text(errors="replace").partition(" ")
            raise UsageError(
                "MLC9019",
                "store-in-use",
                f"pipeline {pipeline} is running already in {store.root}: run {other or '?'}, process {pid or '?'}",
                help="wait for it to end, or give this run another --store",
            )
        yield [everything, mine]


def died(store: Store, pipeline: str, run: str) -> bool:
    """Whether `run` had the pipeline's lock last and its process is gone. Takes no lock: a run that starts now is not held up."""
    if (leases := _leases(store)) is not None:
        return bool(leases.died(store, pipeline, run))
    try:
        text = (store.root / "locks" / f"run-{safe_name(pipeline)}").read_text(errors="replace")
    except OSError:
        return False
    holder, _, pid = text.partition(" ")
    if holder != run or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def whole_store(store: Store) -> Iterator[None]:
    """No run and no other gc while it is held. UsageError where one is at work."""
    if (leases := _leases(store)) is not None:
        with leases.everything(store):
            yield
        return
    with held(store.root / "locks" / "store", shared=False, text=str(os.getpid())) as lock:
        if lock is None:
            raise UsageError(
                "MLC9019", "store-in-use", f"{store.root} is in use by a run", help="try again when it has ended"
            )
        yield
