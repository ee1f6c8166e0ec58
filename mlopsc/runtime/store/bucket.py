"""Objects under one prefix of a bucket, by name: the only place that speaks with an object store.

s3fs is driven from this thread's own event loop, so no thread is ever started (a process with two threads cannot fork its
steps safely), and every process and thread has a client of its own. Each function is one or more durable operations; like
those on folders they go through `io.probe`, so that a test can fail or kill any of them: "s3-put" before one is sent, and
"s3-put-sent" when it was done and the answer not yet read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import LostConnection, StepError, UsageError
from . import io

T = TypeVar("T")

_SMALL = 32 << 20  # bytes; larger files travel in parts
_AT_ONCE = 16  # requests, where many are to be made
_CONFLICTS = 5  # times that a server may say that another write to the same name is going on
_OPTIONS = {"connect_timeout": 10, "read_timeout": 60, "retries": {"mode": "standard", "max_attempts": 3}}
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403")
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role that may use the bucket"


class Facts(NamedTuple):
    """`tag` changes with the content; `modified` is seconds since 1970 by the server's clock."""

    size: int
    tag: str
    modified: float


class _Inline(ThreadPoolExecutor):
    """What a loop would give to a thread (looking up a host's name, reading a file) is done at once, in this one."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - told to whoever awaits it
            future.set_exception(error)
        return future


class _Client:
    def __init__(self) -> None:
        try:
            import s3fs
        except ImportError:
            raise UsageError(
                "MLC9055", "missing-package", "a store at s3:// needs the package s3fs, which is not installed",
                help='pip install "s3fs>=2026.2"',
            ) from None  # fmt: skip
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(_Inline(1))
        # A client that is dropped at the process's end has nothing to tell.
        self.loop.set_exception_handler(lambda *_: None)
        self.files: Any = s3fs.S3FileSystem(
            session=_session(), asynchronous=True, loop=self.loop, skip_instance_cache=True, use_listings_cache=False,
            max_concurrency=1, config_kwargs=_OPTIONS,
        )  # fmt: skip

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)


_loader: Any = None


def _session() -> Any:
    """A session of aiobotocore. What botocore knows of S3 is read once for a process and its children: it is a megabyte of
    JSON, and more than half of what a child's first request costs."""
    global _loader
    from aiobotocore.session import AioSession

    session = AioSession()
    if _loader is None:
        _loader = session.get_component("data_loader")
    else:
        session.register_component("data_loader", _loader)
    return session


# By process and thread. Those of a parent stay referenced in its forked children: closing them there is not theirs to do.
_clients: dict[tuple[int, int, str], _Client] = {}


def _client() -> _Client:
    mine = (os.getpid(), threading.get_ident(), os.environ.get("AWS_ENDPOINT_URL", ""))
    if mine not in _clients:
        _clients[mine] = _Client()
    return _clients[mine]


@dataclass(frozen=True, slots=True)
class Bucket:
    """`prefix` has no slashes around it. Names are relative to it, with `/` between their parts."""

    name: str
    prefix: str

    def url(self, name: str = "") -> str:
        return "s3://" + self._key(name).rstrip("/")

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self.name, self.prefix, name) if part)

    def get(self, name: str) -> bytes:
        """FileNotFoundError where there is none."""
        with self._operation("get", name):
            client = _client()
            return bytes(client.do(client.files._cat_file(self._key(name))))

    def facts(self, name: str) -> Facts:
        """FileNotFoundError where there is none."""
        with self._operation("head", name):
            client = _client()
            key = "/".join(part for part in (self.prefix, name) if part)
            found = client.do(client.files._call_s3("head_object", Bucket=self.name, Key=key))
            return Facts(found["ContentLength"], found["ETag"].strip('"'), found["LastModified"].timestamp())

    def put(self, name: str, data: bytes) -> Facts:
        """Write an object whole, whatever stood there; it has its old or its new content, never a part."""
        with self._operation("put", name, writes=True):
            client = _client()
            sent = client.do(client.files._pipe_file(self._key(name), data))
        return Facts(len(data), str((sent or {}).get("ETag", "")).strip('"'), 0.0)

    def upload(self, file: Path, name: str) -> Facts:
        """Write a file's content, large ones in parts that become an object when all have arrived."""
        if file.stat().st_size <= _SMALL:
            return self.put(name, file.read_bytes())
        with self._operation("put", name, writes=True):
            client = _client()
            client.do(client.files._put_file(str(file), self._key(name), max_concurrency=4))
        return self.facts(name)

    def download(self, name: str, file: Path) -> None:
        """FileNotFoundError where there is none."""
        with self._operation("get", name):
            client = _client()
            client.do(client.files._get_file(self._key(name), str(file)))

    def create(self, name: str, data: bytes) -> None:
        """Write an object only if there is none: the server decides, by `If-None-Match: *`. FileExistsError otherwise."""
        for _ in range(_CONFLICTS):
            try:
                with self._operation("create", name, writes=True):
                    client = _client()
                    client.do(client.files._pipe_file(self._key(name), data, mode="create"))
            except _Conflict:
                continue
            else:
                return
        raise FileExistsError(self.url(name))

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects, in no order; one that is gone already is as it should be."""

        async def one(name: str) -> None:
            with self._operation("delete", name):
                await _client().files._rm_file(self._key(name))

        _all(one, names)

    def get_all(self, names: Iterable[str]) -> list[bytes | None]:
        """Several objects at a time, in the order of `names`; None for one that is not there."""

        async def one(name: str) -> bytes | None:
            try:
                with self._operation("get", name):
                    return bytes(await _client().files._cat_file(self._key(name)))
            except FileNotFoundError:
                return None

        return _all(one, names)

    def find(self, under: str) -> dict[str, Facts]:
        """All objects whose names begin with `under`/, by name, sorted."""
        with self._operation("list", under):
            client = _client()
            found = client.do(client.files._lsdir(self._key(under), delimiter="", refresh=True))
        skip = len(self._key("")) + 1
        return {
            each["name"][skip:]: Facts(each["size"], each["ETag"].strip('"'), each["LastModified"].timestamp())
            for each in sorted(found, key=lambda each: str(each["name"]))
        }

    def names(self, under: str) -> list[str]:
        """What lies directly below `under`/: last parts of names, of folders too, sorted."""
        with self._operation("list", under):
            client = _client()
            found = client.do(client.files._lsdir(self._key(under), delimiter="/", refresh=True))
        return sorted({str(each["name"]).rpartition("/")[2] for each in found} - {""})

    @contextlib.contextmanager
    def _operation(self, verb: str, name: str, writes: bool = False) -> Iterator[None]:
        try:
            if io.probe is not None:
                io.probe(f"s3-{verb}", self.url(name))
            yield
            if io.probe is not None and writes:
                io.probe(f"s3-{verb}-sent", self.url(name))
        except (StepError, FileExistsError, _Conflict):
            raise
        except Exception as error:
            raise self._told(error, name, writes) from error

    def _told(self, error: Exception, name: str, writes: bool) -> Exception:
        """The coded error for an operation that failed. Neither keys nor what a server echoes of a request stand in it."""
        answer = getattr(error.__cause__ or error, "response", None) or {}
        code = answer.get("Error", {}).get("Code", "")
        if code == "PreconditionFailed" or code == "412":
            return FileExistsError(self.url(name))
        if code in ("ConditionalRequestConflict", "OperationAborted"):
            return _Conflict()
        if isinstance(error, FileNotFoundError):
            if code == "NoSuchBucket" or writes:
                return UsageError(
                    "MLC9001", "no-store", f"there is no bucket {self.name}",
                    help="create the bucket, or name another in --store; a run makes the store in it, but no bucket",
                )  # fmt: skip
            return FileNotFoundError(self.url(name))
        if isinstance(error, PermissionError) or code in _DENIED or "Credentials" in type(error).__name__:
            what = code or "no credentials were found"
            return StepError(
                "MLC9002", "store-not-writable", f"{self.url(name)}: access was refused ({what})", help=_CREDENTIALS
            )
        if _unreachable(error, code):
            return LostConnection(
                "MLC9071", "store-unreachable", f"{self.url()} does not answer ({type(error).__name__})",
                help="check AWS_ENDPOINT_URL and the network; what was done is kept and the next run goes on from there",
            )  # fmt: skip
        if isinstance(error, OSError) and error.filename:
            return io.failure(error, Path(error.filename))  # of the local copy
        why = code or (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__)
        return StepError("MLC9004", "store-failed", f"{self.url(name)}: {why}")


class _Conflict(Exception):  # noqa: N818 - the server's own word
    """Another write to the same name is going on; which of them counts is not known yet."""


def _unreachable(error: Exception, code: str) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError, asyncio.TimeoutError)):
        return True
    if code in ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "502", "503", "504"):
        return True
    import aiohttp
    from botocore import exceptions, parsers

    broken = (exceptions.ConnectionError, exceptions.HTTPClientError, parsers.ResponseParserError)
    return isinstance(error, (*broken, aiohttp.ClientError))


def _all(one: Callable[[str], Awaitable[T]], names: Iterable[str]) -> list[T]:
    async def bounded() -> list[T]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def each(name: str) -> T:
            async with gate:
                return await one(name)

        return list(await asyncio.gather(*(each(name) for name in names)))

    return _client().do(bounded())
