"""Child processes of the local runner: forked where that is safe, else spawned; waited for together; never left behind.

Forking is safe while the parent has one thread: a lock held by another thread would stay locked in the child for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .work import DISK_FULL, write_outcome

PACKAGE = __name__.rpartition(".")[0]
_PR_SET_PDEATHSIG = 1
_PRCTL = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None
_GRACE = 2.0  # seconds between asking a child to stop and stopping it


def threads() -> int:
    """Threads of this process, those of libraries included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def can_fork() -> bool:
    return hasattr(os, "fork") and threads() == 1


@dataclass
class Children:
    """Running children by pid. `close` holds file descriptors that a child must not keep open (locks)."""

    close: list[int] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)
    forks: int = 0
    spawns: int = 0

    def start(self, request: dict[str, Any], body: Callable[[], dict[str, Any]]) -> int:
        """Run `body` in a forked child, or the request in a spawned one; its pid. Output goes to request["capture"]."""
        if can_fork():
            self.forks += 1
            pid = self._fork(request, body)
        else:
            self.spawns += 1
            pid = self._spawn(request)
        self.pids.add(pid)
        return pid

    def _fork(self, request: dict[str, Any], body: Callable[[], dict[str, Any]]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        # Blocked until the child has its own handlers: a signal in between would run the parent's in the child.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        parent = os.getpid()
        # A child's garbage collector then leaves the parent's objects, and so their shared pages, alone: 3 ms a child.
        gc.freeze()
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return pid
        status = 70
        try:
            self._become_child(request, parent, before)
            write_outcome(Path(request["outcome"]), body())
            status = 0
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
            status = DISK_FULL if isinstance(error, OSError) and error.errno == errno.ENOSPC else status
            with contextlib.suppress(BaseException):
                import traceback

                traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _become_child(self, request: dict[str, Any], parent: int, mask: set[Any]) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.setpgid(0, 0)
        die_with_parent(parent)
        for handle in self.close:
            with contextlib.suppress(OSError):
                os.close(handle)
        capture = os.open(request["capture"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(capture, 1)
        os.dup2(capture, 2)
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115

    def _spawn(self, request: dict[str, Any]) -> int:
        path = request["outcome"] + ".request"
        folder = str(Path(__file__).parents[PACKAGE.count(".") + 1])
        request = {**request, "python_path": [folder, *sys.path]}
        Path(path).write_text(json.dumps(request), encoding="utf-8")
        code = f"import sys; sys.path.insert(0, {folder!r}); from {PACKAGE}.work import spawned; sys.exit(spawned({path!r}))"
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, request["capture"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return os.posix_spawn(
            sys.executable, [sys.executable, "-c", code], os.environ, file_actions=actions, setpgroup=0
        )

    def wait(self, timeout: float | None, wake: int | None = None) -> list[tuple[int, int]]:
        """(pid, wait status) of children that have ended; empty at the timeout, or when `wake` can be read."""
        if found := self._reap():
            return found
        with contextlib.ExitStack() as stack:
            poll = select.poll()
            if wake is not None:
                poll.register(wake, select.POLLIN)
            for pid in self.pids:
                if not hasattr(os, "pidfd_open"):
                    timeout = min(timeout or 0.02, 0.02)
                    break
                handle = os.pidfd_open(pid)
                stack.callback(os.close, handle)
                poll.register(handle, select.POLLIN)
            poll.poll(None if timeout is None else max(0, int(timeout * 1000) + 1))
        return self._reap()

    def _reap(self) -> list[tuple[int, int]]:
        found = []
        for pid in list(self.pids):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self.pids.discard(pid)
                found.append((pid, status))
        return found

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Signal a child and all that it started."""
        for send, target in ((os.killpg, pid), (os.kill, pid)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(target, number)
                return

    def stop(self) -> None:
        """Ask every child to end, then end it. None is left when this returns."""
        for pid in list(self.pids):
            self.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while self.pids and time.monotonic() < deadline:
            self.wait(0.05)
        for pid in list(self.pids):
            self.kill(pid)
        while self.pids:
            self.wait(1.0)
        gc.unfreeze()


def die_with_parent(parent: int) -> None:
    """A child whose parent was killed ends too (Linux; elsewhere its result is simply never recorded)."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(70)
