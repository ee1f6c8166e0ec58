"""The settings of `target kubeflow`, checked: what is wrong with one is told before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlopsc.target import kubernetes
from mlopsc.target.capability import is_store, object_store
from mlopsc_kubeflow.capabilities import CAPABILITIES
from mlopsc_kubeflow.names import kebab
from mlopsc_kubeflow.refusal import refuse

_KINDS = {"string": str, "folder": str, "store": str, "bool": bool, "list:string": list, "duration": (int, float)}


@dataclass(frozen=True, slots=True)
class Settings:
    image: str | None
    base_image: str
    data_root: str | None
    store: str | None
    volumes: tuple[tuple[str, str], ...]  # (claim, path)
    secret: str
    config_map: str
    image_pull_secrets: tuple[str, ...]
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, str], ...]
    labels: dict[str, str]
    accelerator: str
    caching: bool
    approval_wait: float  # seconds


def read(values: Mapping[str, Any], pipeline: str) -> Settings:
    """Refused where an option is unknown, of the wrong kind, or no name that Kubernetes takes."""
    try:
        return _read(values, pipeline)
    except kubernetes.BadValue as bad:
        raise refuse("kubeflow-option", str(bad)) from bad


def _read(values: Mapping[str, Any], pipeline: str) -> Settings:
    given = {option.name: option.default for option in CAPABILITIES.options} | _checked(values)
    name = kebab(pipeline)[:200]
    return Settings(
        image=given["image"],
        base_image=given["base_image"],
        data_root=_path("data_root", given["data_root"]),
        store=_store(given["store"]),
        volumes=tuple(kubernetes.volume("volumes", text) for text in given["volumes"] or ()),
        secret=kubernetes.named("secret", given["secret"] or f"{name}-secrets"),
        config_map=kubernetes.named("config_map", given["config_map"] or f"{name}-env"),
        image_pull_secrets=tuple(kubernetes.named("image_pull_secrets", s) for s in given["image_pull_secrets"] or ()),
        node_selector=dict(kubernetes.label("node_selector", text) for text in given["node_selector"] or ()),
        tolerations=tuple(kubernetes.toleration("tolerations", text) for text in given["tolerations"] or ()),
        labels=dict(kubernetes.label("labels", text) for text in given["labels"] or ()),
        accelerator=str(given["accelerator"]),
        caching=bool(given["caching"]),
        approval_wait=float(given["approval_wait"]),
    )


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    options = {option.name: option for option in CAPABILITIES.options}
    for name, value in values.items():
        if name not in options:
            raise refuse("kubeflow-option", f"there is no option {name}", f"It has {', '.join(options)}.")
        kind = _KINDS[options[name].kind]
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)  # type: ignore[arg-type]
        if not wrong and kind is list:
            wrong = not all(isinstance(item, str) for item in value)
        if wrong:
            raise refuse("kubeflow-option", f"{name} is a {options[name].kind}, not {value!r}", options[name].doc)
    return dict(values)


def _path(name: str, value: str | None) -> str | None:
    if value is not None and "://" in value:
        raise refuse(
            "kubeflow-store", f"{name} = {value!r}: object stores are not read yet", "Name a folder on a volume."
        )
    return value if value is None else kubernetes.absolute(name, value)


def _store(value: str | None) -> str | None:
    if value is None or not object_store(value):
        return _path("store", value.removeprefix("file://") if value else value)
    if not is_store(value):
        raise refuse("kubeflow-store", "store is neither a folder nor s3://BUCKET/PREFIX", "Keys do not belong in it.")
    return value
