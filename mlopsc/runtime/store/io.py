"""The seam: every operation that changes a store goes through one function here, so that a test can fail or kill it.

Each function is one durable step. `probe`, when set, is called with the operation's name and path before it happens;
an OSError that it raises is treated like the operating system's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import StepError

probe: Callable[[str, str], None] | None = None

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def failure(error: OSError, path: Path) -> StepError:
    """The coded error for an operation on `path` that the operating system refused."""
    place = error.filename or path
    if error.errno in _FULL:
        return StepError(
            "MLC9003",
            "store-full",
            f"no space is left to write {place}",
            help="free some space, or run `mlopsc gc`; the store is unharmed and the next run goes on from here",
        )
    if error.errno in _DENIED:
        return StepError(
            "MLC9002",
            "store-not-writable",
            f"{place} cannot be written: {error.strerror}",
            help="choose a folder that you may write with --store, or change its permissions",
        )
    return StepError("MLC9004", "store-failed", f"{place}: {error.strerror or error}")


@contextlib.contextmanager
def _operation(name: str, path: Path) -> Iterator[None]:
    try:
        if probe is not None:
            probe(name, str(path))
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise failure(error, path) from error


def write(path: Path, data: bytes, durable: bool = True) -> None:
    """Create `path` (which must not exist) with `data`, complete on disk when this returns if it is to be `durable`."""
    with _operation("write", path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                _sync_handle(handle, path)
        finally:
            os.close(handle)


def _sync_handle(handle: int, path: Path) -> None:
    with _operation("fsync", path):
        os.fsync(handle)


def sync(path: Path) -> None:
    """Force a file's content, or a folder's entries, to disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _sync_handle(handle, path)
    finally:
        os.close(handle)


def rename(old: Path, new: Path) -> None:
    """Replace `new` by `old` atomically."""
    with _operation("rename", new):
        os.replace(old, new)


def link(old: Path, new: Path) -> None:
    """Give `old` a second name. Raises FileExistsError where `new` exists: that is the compare-and-swap.

    A file system without links cannot create a complete file exclusively: refused by name.
    """
    with _operation("link", new):
        try:
            os.link(old, new)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise StepError(
                    "MLC9005",
                    "store-not-exclusive",
                    f"{new.parent} lies on a file system that cannot create a file exclusively ({error.strerror})",
                    help="keep the store on a local disk, or on a network file system with hard links",
                ) from error
            raise


def unlink(path: Path) -> None:
    """Remove a file that may be gone already."""
    with _operation("unlink", path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def make_folder(path: Path) -> None:
    """Create a folder for the owner alone; one that exists stays as it is."""
    with _operation("mkdir", path), contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)


def append(path: Path, data: bytes) -> None:
    """Add one line to a log. Not synced: a log may lose its last lines in a power failure, and nothing depends on it."""
    with _operation("append", path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
