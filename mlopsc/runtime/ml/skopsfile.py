"""Estimators as skops archives whose bytes depend on nothing but the estimator.

skops writes `id()` values into names and nodes, the time into the archive, and numpy writes uninitialised padding of
record arrays: all three are rewritten. The allow-list of a load is `BUILT_IN` and what the model's record names.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import StepError
from . import plainfile
from .libraries import load, load_skops

EPOCH = (1980, 1, 1, 0, 0, 0)

# Attributes in which scikit-learn itself keeps an id() (text vectorizers: a cache of a check, made anew when absent).
ADDRESSES = ("_stop_words_id",)

# Containers, scalars and arrays; every estimator class comes from the model's own record.
BUILT_IN = (
    "builtins.bool",
    "builtins.float",
    "builtins.int",
    "builtins.str",
    "builtins.list",
    "builtins.set",
    "builtins.map",
    "builtins.tuple",
    "numpy.dtype",
)


def archive(members: dict[str, bytes]) -> bytes:
    """A zip whose bytes depend on the members only: sorted names, one date, stored as they are (deflate differs
    between zlib builds)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_STORED
            info.external_attr = 0o600 << 16
            info.create_system = 3
            out.writestr(info, members[name])
    return buffer.getvalue()


def dump(value: Any) -> tuple[bytes, list[str]]:
    """The canonical archive, and the sorted types that a load must allow beyond `BUILT_IN`."""
    plain = plainfile.dump(value)
    if plain is not None:
        members, type_ = plain
        return archive(members), [type_]
    skops = load_skops()
    try:
        raw = skops.dumps(value)
        needed = sorted(set(skops.get_untrusted_types(data=raw)) - set(BUILT_IN))
    except Exception as error:
        raise not_storable(value, f"{type(error).__name__}: {error}") from error
    return canonical(raw), needed


def restore(data: bytes, allowed: Sequence[str]) -> Any:
    """The estimator; every type in the archive must be in `BUILT_IN` or `allowed`, else nothing is built."""
    load("sklearn.base")
    plain = plainfile.restore(data, allowed)
    if plain is not None:
        return plain
    skops = load_skops()
    return skops.loads(data, trusted=[*BUILT_IN, *allowed])


def canonical(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as source:
        schema = json.loads(source.read("schema.json"))
        files: dict[str, str] = {}
        _renumber(schema, {}, files)
        members = {new: _plain_array(source.read(old)) for old, new in files.items()}
    members["schema.json"] = json.dumps(schema, separators=(",", ":"), ensure_ascii=True).encode()
    return archive(members)


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Ids and file names become 1, 2, 3 … in order of first occurrence. Scalars get ids of their own, as whether two
    equal ones are one object is up to the interpreter; loading shares by id, which no scalar needs."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("__id__"), int):
        key = -len(ids) - 1 if node.get("__loader__") == "JsonNode" else node["__id__"]
        node["__id__"] = ids.setdefault(key, len(ids) + 1)
    if isinstance(node.get("file"), str):
        old = node["file"]
        suffix = old[old.rfind(".") :] if "." in old else ""
        node["file"] = files.setdefault(old, f"{len(files) + 1}{suffix}")
    if node.get("__loader__") == "DictNode" and isinstance(node.get("content"), dict):
        _drop_addresses(node)
    if node.get("__loader__") == "SetNode" and isinstance(node.get("content"), list):
        node["content"].sort(key=lambda item: json.dumps(_without_ids(item), sort_keys=True))
    for key, child in node.items():
        if key not in ("__id__", "file"):
            _renumber(child, ids, files)


def _drop_addresses(node: dict[str, Any]) -> None:
    """`key_types` stands parallel to `content`."""
    for name in ADDRESSES:
        if name in node["content"]:
            del node["key_types"]["content"][list(node["content"]).index(name)]
            del node["content"][name]


def _without_ids(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_ids(child) for key, child in node.items() if key != "__id__"}
    return [_without_ids(child) for child in node] if isinstance(node, list) else node


def _plain_array(data: bytes) -> bytes:
    """Record arrays are copied field by field into zeroed memory, so that padding bytes are 0."""
    if not data.startswith(b"\x93NUMPY"):
        return data
    found = np.load(io.BytesIO(data), allow_pickle=False)
    if found.dtype.names is None:
        return data
    clean = np.zeros(found.shape, found.dtype)
    for name in found.dtype.names:
        clean[name] = found[name]
    out = io.BytesIO()
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def not_storable(value: Any, reason: str) -> StepError:
    return StepError(
        "MLC9059",
        "model-not-storable",
        f"{type(value).__name__} cannot be stored and loaded again: {reason}",
        help="use an estimator of importable classes whose state is arrays, numbers and text",
    )
