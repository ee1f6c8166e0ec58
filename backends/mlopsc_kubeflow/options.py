"""The settings of `target kubeflow`, as values that Kubernetes and KFP take. Light: `check --target kubeflow` reads it too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlopsc.target import kubernetes
from mlopsc.target.capability import Option, is_store, object_store
from mlopsc_kubeflow.names import kebab

STEPS = "/opt/step"  # in the image
OPTIONS = (
    Option("image", "string", "Image of the steps, built from the Dockerfile; else packages are installed at start."),
    Option("base_image", "string", "Python image for steps without `image`.", "python:3.11.13-slim-bookworm"),
    Option("data_root", "folder", "Folder in the pod where relative source paths start."),
    Option(
        "store",
        "store",
        "Store of journal, versions and runs: s3://BUCKET/PREFIX, or a folder on a volume of the pods.",
    ),
    *kubernetes.OPTIONS,
    Option("caching", "bool", "Let KFP reuse what clean, validate, split, train and evaluate gave.", False),
    Option(
        "approval_wait",
        "duration",
        "How long a task waits for a decision; the run can be retried after it.",
        604800.0,
    ),
)
# Where KFP mounts what its launcher needs (2.17: backend/src/v2/driver, compiler/argocompiler).
_MOUNTED = ("/kfp-launcher", "/kfp-workspace", "/gcs", "/s3", "/minio", "/oci", "/.cache", "/.local")
_RESERVED = (
    "pipelines.kubeflow.org",
    "workflows.argoproj.io",
    "pipeline",
)  # prefixes of labels by which KFP finds pods


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


def settings(values: Mapping[str, Any], pipeline: str) -> Settings:
    """Of values that are of their options' kinds. Raises kubernetes.BadValue."""
    given = {option.name: option.default for option in OPTIONS} | dict(values)
    name = kebab(pipeline)[:200]
    return Settings(
        image=None if given["image"] is None else kubernetes.image("image", given["image"]),
        base_image=kubernetes.image("base_image", given["base_image"]),
        data_root=_path("data_root", given["data_root"]),
        store=_store(given["store"]),
        volumes=kubernetes.volumes("volumes", given["volumes"] or (), (STEPS, *_MOUNTED)),
        secret=_named("secret", given["secret"], f"{name}-secrets"),
        config_map=_named("config_map", given["config_map"], f"{name}-env"),
        image_pull_secrets=tuple(kubernetes.named("image_pull_secrets", s) for s in given["image_pull_secrets"] or ()),
        node_selector=dict(kubernetes.label("node_selector", text) for text in given["node_selector"] or ()),
        tolerations=tuple(kubernetes.toleration("tolerations", text) for text in given["tolerations"] or ()),
        labels=dict(_label(text) for text in given["labels"] or ()),
        accelerator=kubernetes.resource("accelerator", given["accelerator"]),
        caching=bool(given["caching"]),
        approval_wait=_positive("approval_wait", given["approval_wait"]),
    )


def check(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(option, what it has to be) for each that the target cannot take. Each value is of its option's kind."""
    for name, value in values.items():
        try:
            settings({name: value}, "p")
        except kubernetes.BadValue as bad:
            yield bad.option, f"{bad.wanted}, not {bad.text!r}"


def _named(option: str, text: str | None, default: str) -> str:
    return kubernetes.named(option, default if text is None else text)


def _path(option: str, text: str | None) -> str | None:
    if text is not None and "://" in text:
        raise kubernetes.BadValue(option, text, "a folder on a volume (object stores are not read yet)")
    return None if text is None else kubernetes.absolute(option, text)


def _store(text: str | None) -> str | None:
    if text is None or not object_store(text):
        return _path("store", text.removeprefix("file://") if text else text)
    if not is_store(text):
        raise kubernetes.BadValue("store", text, "a folder or s3://BUCKET/PREFIX")
    return text


def _label(text: str) -> tuple[str, str]:
    key, value = kubernetes.label("labels", text)
    if key.partition("/")[0] in _RESERVED and "/" in key:
        raise kubernetes.BadValue("labels", text, f"under no prefix of KFP's own ({', '.join(_RESERVED)})")
    return key, value


def _positive(option: str, seconds: float) -> float:
    if not seconds > 0:
        raise kubernetes.BadValue(option, f"{seconds:g}s", "longer than 0s")
    return float(seconds)
