"""What processes say of themselves in an object store, which knows nothing of them: who is at work, and until when.

Locks of a folder end with their process; here a lease ends when its time is over or, told by a process on the same machine,
when its process is gone. Clocks of machines may differ by less than SLACK.

    locks/run-PIPELINE/00000001.json   one run of a pipeline; the highest number counts
    locks/gc/00000001.json             gc
    locks/uses/NAME.json               a task of an orchestrator

Creating number N + 1 takes over from N, and is exclusive. A lease spares double work and keeps gc away from what is in use;
that a model is promoted once rests on the journal, not on it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import LostConnection, StepError, UsageError
from .objects import canonical, safe_name
from .remote import RemoteStore

LEASE = 120.0  # seconds that a lease lasts unless it is renewed
RENEWAL = 30.0  # seconds between two renewals
SLACK = 30.0  # seconds that clocks may differ by
TASK = 7 * 86400.0  # seconds that a task may take that declares no timeout; it cannot renew its lease while it works

Record = dict[str, Any]


class Lease:
    """A lease that this process holds; `path` is its record."""

    def __init__(self, store: RemoteStore, path: Path, who: Record, seconds: float) -> None:
        self.store, self.path, self.seconds = store, path, seconds
        self._who = {**who, "machine": _machine(), "pid": os.getpid()}
        self._due = time.monotonic() + RENEWAL

    def record(self) -> bytes:
        return canonical({**self._who, "until": time.time() + self.seconds})

    def renew(self) -> float:
        """Prolong it if that is due; seconds until it is due again. StepError where another process has taken over, which
        this one's long silence allowed."""
        left = self._due - time.monotonic()
        if left > 0:
            return left
        self._due = time.monotonic() + RENEWAL
        try:
            if self.path.stem.isdigit() and self.store.record(_numbered(self.path.parent, int(self.path.stem) + 1)):
                raise StepError(
                    "MLC9019",
                    "store-in-use",
                    f"this run was silent for {LEASE:g} s, and another has taken over in {self.store.address}",
                    help="run again when the other one has ended",
                )
            self.store.replace(self.path, self.record())
        except LostConnection:
            pass  # the lease lasts for several renewals; what comes next tells whether the store is gone
        return RENEWAL

    def release(self) -> None:
        """Numbered ones stay, as ended, so that no number is given twice."""
        self.store.leases.remove(self)
        with contextlib.suppress(StepError):  # it ends by itself
            if self.path.stem.isdigit():
                self.store.replace(self.path, canonical({**self._who, "until": 0}))
            else:
                self.store.remove([self.path])


def _numbered(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}.json"


@contextlib.contextmanager
def pipeline(store: RemoteStore, name: str, run: str) -> Iterator[None]:
    """One run of a pipeline at a time, and no gc meanwhile. UsageError names who is at work."""
    told = f"pipeline {name} is running already in {store.address}"
    with _held(store, f"run-{safe_name(name)}", {"run": run}, told):
        _no_gc(store)
        yield


@contextlib.contextmanager
def task(store: RemoteStore, what: str, timeout: float | None) -> Iterator[None]:
    """No gc while a task of an orchestrator, which sees to the rest, is at work."""
    path = store.root / "locks" / "uses" / f"{safe_name(what)}-{os.urandom(4).hex()}.json"
    lease = Lease(store, path, {"run": what}, timeout or TASK)
    store.replace(path, lease.record())
    store.leases.append(lease)
    try:
        _no_gc(store)
        yield
    finally:
        lease.release()


@contextlib.contextmanager
def everything(store: RemoteStore) -> Iterator[None]:
    """No run, no task and no other gc while it is held. UsageError where one is at work."""
    with _held(store, "gc", {"run": "gc"}, f"gc is at work in {store.address}"):
        paths = [found.path for found in store.find(store.root / "locks")]
        for path, found in store.records(path for path in paths if path.parent.name != "gc"):
            if found is not None and _live(found):
                raise UsageError(
                    "MLC9019", "store-in-use", f"{store.address} is in use: {_said(found)}", help=_help(store, path)
                )
        yield


def died(store: RemoteStore, name: str, run: str) -> bool:
    """Whether `run` was the last to hold the pipeline's lease, and holds it no more."""
    newest = _newest(store, store.root / "locks" / f"run-{safe_name(name)}")[1]
    return newest is not None and newest.get("run") == run and not _live(newest)


@contextlib.contextmanager
def _held(store: RemoteStore, what: str, who: Record, told: str) -> Iterator[None]:
    folder = store.root / "locks" / what
    while True:
        number, newest = _newest(store, folder)
        if newest is not None and _live(newest):
            raise UsageError(
                "MLC9019", "store-in-use", f"{told}: {_said(newest)}", help=_help(store, _numbered(folder, number))
            )
        lease = Lease(store, _numbered(folder, number + 1), who, LEASE)
        try:
            store.create(lease.path, lease.record())
        except FileExistsError:
            continue
        break
    store.leases.append(lease)
    try:
        store.remove(_numbered(folder, older) for older in range(max(1, number - 1), number + 1) if newest is not None)
        yield
    finally:
        lease.release()


def _newest(store: RemoteStore, folder: Path) -> tuple[int, Record | None]:
    numbers = [int(name.partition(".")[0]) for name in store.names(folder) if name.partition(".")[0].isdigit()]
    number = max(numbers, default=0)
    return number, store.record(_numbered(folder, number)) if number else None


def _no_gc(store: RemoteStore) -> None:
    """Looked at after this process has said that it is at work, as gc looks after it has: one of two sees the other."""
    _, found = _newest(store, store.root / "locks" / "gc")
    if found is not None and _live(found):
        raise UsageError(
            "MLC9019", "store-in-use", f"gc is at work in {store.address}", help="try again when it is done"
        )


def _live(found: Record) -> bool:
    if found.get("machine") == _machine() and not _there(found.get("pid")):
        return False
    until = found.get("until")
    return isinstance(until, (int, float)) and until > 0 and time.time() < until + SLACK


def _there(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError):
        return False
    except OSError:
        pass
    return True


def _said(found: Record) -> str:
    host = str(found.get("machine", "?")).partition(" ")[0]
    return f"run {found.get('run', '?')}, process {found.get('pid', '?')} on {host}"


def _help(store: RemoteStore, path: Path) -> str:
    until = (store.record(path) or {}).get("until") or 0
    ends = datetime.fromtimestamp(until + SLACK, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"wait for it to end; if it was killed, its lease ends at {ends}, or remove {store.shown(path)}"


def _machine() -> str:
    """Tells machines, and containers on one, apart: process numbers mean something only within one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot, space = "", ""
    return f"{platform.node()} {boot} {space}".strip()
