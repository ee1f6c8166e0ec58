"""The settings of `target kubeflow`, checked: what is wrong with one is told before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlopsc.target import kubernetes
from mlopsc.target.capability import is_store, object_store
from mlopsc_kubeflow import options
from mlopsc_kubeflow.refusal import refuse

_KINDS = {"string": str, "folder": str, "store": str, "bool": bool, "list:string": list, "duration": (int, float)}


def read(values: Mapping[str, Any], pipeline: str) -> options.Settings:
    """Refused where an option is unknown, of the wrong kind, or no name that Kubernetes takes."""
    given = _checked(values)
    _reached(given)
    try:
        return options.settings(given, pipeline)
    except kubernetes.BadValue as bad:
        raise refuse("kubeflow-option", str(bad)) from bad


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    known = {option.name: option for option in options.OPTIONS}
    for name, value in values.items():
        if name not in known:
            raise refuse("kubeflow-option", f"there is no option {name}", f"It has {', '.join(known)}.")
        kind = _KINDS[known[name].kind]
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)  # type: ignore[arg-type]
        if not wrong and kind is list:
            wrong = not all(isinstance(item, str) for item in value)
        if wrong:
            raise refuse("kubeflow-option", f"{name} is a {known[name].kind}, not {value!r}", known[name].doc)
    return dict(values)


def _reached(given: Mapping[str, Any]) -> None:
    root, store = given.get("data_root"), given.get("store")
    if root is not None and "://" in root:
        told = f"data_root = {root!r}: object stores are not read yet"
        raise refuse("kubeflow-store", told, "Name a folder on a volume.")
    if store is not None and object_store(store) and not is_store(store):  # it may hold a password: it is not repeated
        told = "store is neither a folder nor s3://BUCKET/PREFIX"
        raise refuse("kubeflow-store", told, "Keys do not belong in it.")
