"""What names a store: a folder, or s3://BUCKET/PREFIX. Light: nothing of an object store is imported here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from ..errors import UsageError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_S3 = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{1,254})((?:/[^/?#]+)*)/*")


def is_url(text: str | os.PathLike[str]) -> bool:
    """Whether a store's name is that of an object store; file:///FOLDER is a folder's."""
    return isinstance(text, str) and _URL.fullmatch(text) is not None and not text.startswith("file://")


def bucket_of(url: str) -> tuple[str, str]:
    """(bucket, prefix without slashes around it) of s3://BUCKET/PREFIX. UsageError for any other address; it is not
    repeated, as somebody may have written a password into it."""
    match = _URL.fullmatch(url)
    assert match is not None
    scheme, rest = match.groups()
    if scheme != "s3":
        raise UsageError(
            "MLC9001",
            "no-store",
            f"a store cannot be at {scheme}://",
            help="write s3:// in lower case" if scheme.lower() == "s3" else "name a folder, or s3://BUCKET/PREFIX",
        )
    found = _S3.fullmatch(rest)
    if found is None or any(part in (".", "..") for part in found[2].split("/")):
        raise UsageError("MLC9001", "no-store", "the store's address is not s3://BUCKET/PREFIX", help=_ENVIRONMENT)
    return found[1], found[2].strip("/")


_ENVIRONMENT = "keys and the endpoint stand in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL, not in it"


def cache_folder(url: str) -> Path:
    """The folder of this machine's copies of what an object store holds. It may be deleted while no run is at work.

    MLOPSC_CACHE, else XDG_CACHE_HOME/mlopsc, else ~/.cache/mlopsc; where none can be written, the folder for temporary
    files.
    """
    name = hashlib.sha256("\0".join([*bucket_of(url), os.environ.get("AWS_ENDPOINT_URL", "")]).encode()).hexdigest()[
        :24
    ]
    given = os.environ.get("MLOPSC_CACHE")
    if given:
        return Path(os.path.abspath(given)) / name
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")).absolute() / "mlopsc"
    with contextlib.suppress(OSError):
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.access(base, os.W_OK):
        return base / name
    import tempfile  # costs an unchanged run in a folder nothing

    base = Path(tempfile.gettempdir()) / f"mlopsc-{os.getuid()}"
    with contextlib.suppress(OSError):
        base.mkdir(mode=0o700)
    mine = base.is_dir() and not base.is_symlink() and base.stat().st_uid == os.getuid()
    return (base if mine else Path(tempfile.mkdtemp(prefix="mlopsc-"))) / name
