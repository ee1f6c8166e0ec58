"""Spec files to texts. What cannot be read is a finding, never an exception."""

from __future__ import annotations

import os

from mlopsc.diagnostics.model import Bag
from mlopsc.source import Source, SourceMap

LARGEST = 16 << 20


def read_source(
    file: str | os.PathLike[str] | bytes, sources: SourceMap, bag: Bag, *, shown: str = "-"
) -> Source | None:
    """The text of a file, or of bytes that came from elsewhere (cited as `shown`), added to `sources`.

    None if it could not be read, and the reason is in `bag`. A byte order mark is not part of the text.
    """
    path = shown if isinstance(file, bytes) else os.fspath(file)
    data, failure = (file, None) if isinstance(file, bytes) else _load(path)
    if failure is not None or data is None:
        source = sources.add(path, "")
        bag.report("unreadable-file", (source.base, source.base), f"`{path}` cannot be read: {failure}.")
        return None
    if len(data) > LARGEST:
        source = sources.add(path, "")
        message = f"`{path}` is larger than {LARGEST >> 20} MiB."
        advice = "Split the spec, and join its parts with `import`."
        bag.report("file-too-large", (source.base, source.base), message, help=advice)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", "replace")
        source = sources.add(path, good + data[error.start :].decode("utf-8", "replace"))
        at = source.base + len(good)
        message = f"The byte 0x{data[error.start]:02X} here is not UTF-8."
        bag.report("bad-encoding", (at, at + 1), message, help="Save the file as UTF-8.")
        return None
    return sources.add(path, text)


def _load(path: str) -> tuple[bytes | None, str | None]:
    """(content, reason why there is none); reads one byte more than is allowed at most."""
    try:
        with open(path, "rb") as stream:
            return stream.read(LARGEST + 1), None
    except (OSError, ValueError) as error:
        return None, getattr(error, "strerror", None) or str(error)
