"""A real PostgreSQL server of its own, over a Unix socket, for the tests that need one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pgserver


@contextlib.contextmanager
def running() -> Iterator[tuple[Any, Path]]:
    """(the server, its folder); stopped and removed at the end.

    The folder lies outside pytest's, which only their owner may enter: a server started by root runs as another user. One
    starts at a time, because the first start on a machine makes that user.
    """
    folder = Path(tempfile.mkdtemp(prefix="mlopsc-pg-"))
    folder.chmod(0o755)
    with (Path(tempfile.gettempdir()) / "mlopsc-pg.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server, folder
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
