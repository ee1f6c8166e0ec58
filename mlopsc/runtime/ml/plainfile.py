"""Estimators whose whole state is numbers, short texts and arrays (scikit-learn's linear models): written and read as the
skops archives that they are, byte for byte what `skopsfile` makes of skops's own, but without importing skops.io.

Why: skops.io imports scikit-learn's trees, clusters and ensembles, 0.25 of the 1.3 CPU seconds that all imports of a
training take. Whatever is not recognised here, in writing or in reading, is left to skops.
"""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

SKOPS, PROTOCOL = "0.16.", 2  # the versions of skops, and of its format, that this module knows
ARRAYS = "biuf"  # kinds of numpy's dtypes
SCALARS = (np.float64, np.float32, np.int64, np.int32)

_TYPES = (type(None), bool, int, float, str)
_JSON = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
_ARRAY = {"__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy"}
_NUMPY = {kind.__name__: kind for kind in (np.ndarray, *SCALARS)}
_KEY = {"__class__": "str", "__module__": "builtins", "__loader__": "TypeNode"}


def dump(value: Any) -> tuple[dict[str, bytes], str] | None:
    """The members of the archive, and the one type that a load must allow; None where it takes skops."""
    version = _skops_version()
    state = _plain_state(value)
    if version is None or state is None:
        return None
    members: dict[str, bytes] = {}
    content: dict[str, Any] = {}
    number = 2  # 1 is the object, 2 its state
    for name, item in state.items():
        number += 1
        if isinstance(item, (np.ndarray, np.generic)):
            file = f"{len(members) + 1}.npy"
            members[file] = _array_bytes(item)
            content[name] = {"__class__": type(item).__name__, **_ARRAY, "file": file, "__id__": number}
        else:
            content[name] = {**_JSON, "content": json.dumps(item), "is_json": True, "__id__": number}
    keys = [{**_KEY, "__id__": number + 2} for _ in state]
    listed = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    held = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": content}
    kind = type(value)
    schema = {
        "__class__": kind.__name__,
        "__module__": kind.__module__,
        "__loader__": "ObjectNode",
        "content": {**held, "key_types": {**listed, "content": keys, "__id__": number + 1}, "__id__": 2},
        "__id__": 1,
        "protocol": PROTOCOL,
        "_skops_version": version,
    }
    members["schema.json"] = json.dumps(schema, separators=(",", ":"), ensure_ascii=True).encode()
    return members, f"{kind.__module__}.{kind.__name__}"


def restore(data: bytes, allowed: Sequence[str]) -> Any | None:
    """The estimator; None where it takes skops, which then also judges what this module does not know. Its one type must
    be in `allowed`, and be scikit-learn's."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        schema = json.loads(source.read("schema.json"))
        try:
            kind = f"{schema['__module__']}.{schema['__class__']}"
            nodes = _plain_nodes(schema)
            if nodes is None or kind not in allowed or not kind.startswith("sklearn."):
                return None
            state = {name: _value(node, source) for name, node in nodes.items()}
        except (KeyError, TypeError, AttributeError):
            return None
    found = getattr(importlib.import_module(schema["__module__"]), schema["__class__"])
    estimator = found.__new__(found)
    estimator.__setstate__(state)
    return estimator


def _skops_version() -> str | None:
    version = str(importlib.import_module("skops").__version__)
    return version if version.startswith(SKOPS) else None


def _plain_state(value: Any) -> dict[str, Any] | None:
    """What skops would store; None where it holds anything but plain values and arrays, or one array twice (skops then
    writes a single file)."""
    kind = type(value)
    if not kind.__module__.startswith("sklearn.") or not hasattr(value, "get_params"):
        return None
    state: dict[str, Any] = value.__getstate__()
    filed = [item for item in state.values() if type(item) is np.ndarray or type(item) in SCALARS]
    plain = all(item.dtype.kind in ARRAYS for item in filed)
    plain = plain and len(filed) + sum(type(item) in _TYPES for item in state.values()) == len(state)
    return state if plain and len({id(item) for item in filed}) == len(filed) else None


def _array_bytes(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _plain_nodes(schema: dict[str, Any]) -> dict[str, Any] | None:
    """The nodes of the object's attributes, where the archive is as plain as those that `dump` writes."""
    held = schema["content"]
    keys = held["key_types"]["content"]
    if schema["protocol"] != PROTOCOL or schema["__loader__"] != "ObjectNode" or held["__loader__"] != "DictNode":
        return None
    if held["__class__"] != "dict" or len(keys) != len(held["content"]):
        return None
    if any({**key, "__id__": 0} != {**_KEY, "__id__": 0} for key in keys):
        return None
    plain = all(
        _is(node, _JSON) or (_is(node, _ARRAY) and node["__class__"] in _NUMPY) for node in held["content"].values()
    )
    nodes: dict[str, Any] | None = held["content"] if plain else None
    return nodes


def _is(node: dict[str, Any], model: dict[str, Any]) -> bool:
    return all(node.get(name) == text for name, text in model.items())


def _value(node: dict[str, Any], source: zipfile.ZipFile) -> Any:
    if node["__loader__"] == "JsonNode":
        return json.loads(node["content"])
    found = np.load(io.BytesIO(source.read(node["file"])), allow_pickle=False)
    return found if node["__class__"] == "ndarray" else _NUMPY[node["__class__"]](found)
