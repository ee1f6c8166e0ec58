"""The settings of `target airflow` that go together. Light: `check --target airflow` reads it too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlopsc.target import kubernetes
from mlopsc.target.capability import Option

HOME = "/opt/mlopsc"  # in the image, a folder for each pipeline
WORKER = ("python", "virtualenv")
POD = (
    Option("image", "string", "Image of the steps, built from the pipeline's Dockerfile: each task is then a pod."),
    Option("base_image", "string", "Image that the Dockerfile starts from.", "python:3.11.13-slim-bookworm"),
    Option("namespace", "string", "Namespace of the pods (else the one of Airflow's connection)."),
    Option("service_account", "string", "Service account of the pods."),
    *kubernetes.OPTIONS,
)


@dataclass(frozen=True, slots=True)
class Pods:
    """Where `image` is given: what all pods of a pipeline have in common."""

    image: str
    base_image: str
    namespace: str | None
    service_account: str | None
    volumes: tuple[tuple[str, str], ...]  # (claim, path)
    secret: str
    config_map: str
    image_pull_secrets: tuple[str, ...]
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, str], ...]
    labels: dict[str, str]
    accelerator: str


def pods(values: Mapping[str, Any], pipeline: str) -> Pods | None:
    """None where tasks run in workers. Raises kubernetes.BadValue."""
    if values.get("image") is None:
        return None
    given = {option.name: option.default for option in POD} | dict(values)
    for name in ("store", "data_root"):
        _reached(name, given.get(name))

    def each(option: str, read: Callable[[str, str], Any]) -> list[Any]:
        return [read(option, text) for text in given[option] or ()]

    def one(option: str, default: str | None = None) -> Any:
        text = given[option] or default
        return None if text is None else kubernetes.named(option, text)

    name = re.sub(r"[^a-z0-9]+", "-", pipeline.lower()).strip("-")[:200] or "pipeline"
    return Pods(
        image=kubernetes.image("image", given["image"]),
        base_image=kubernetes.image("base_image", given["base_image"]),
        namespace=one("namespace"),
        service_account=one("service_account"),
        volumes=kubernetes.volumes("volumes", given["volumes"] or (), (HOME,)),
        secret=one("secret", f"{name}-secrets"),
        config_map=one("config_map", f"{name}-env"),
        image_pull_secrets=tuple(each("image_pull_secrets", kubernetes.named)),
        node_selector=dict(each("node_selector", kubernetes.label)),
        tolerations=tuple(each("tolerations", kubernetes.toleration)),
        labels=dict(each("labels", kubernetes.label)),
        accelerator=kubernetes.resource("accelerator", given["accelerator"]),
    )


def check(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(option, what it is or has to be) for each that does not go with the others. Each value is of its option's kind."""
    if "image" not in values:
        yield from ((o.name, "only for steps in pods, which `image` gives") for o in POD if o.name in values)
        return
    yield from (
        (name, "for steps in workers; with `image` they run in its Python") for name in WORKER if name in values
    )
    for name in [option.name for option in POD if option.name in values] + ["store", "data_root"]:
        try:
            pods({"image": values["image"], **({name: values[name]} if name in values else {})}, "p")
        except kubernetes.BadValue as bad:
            yield bad.option, f"{bad.wanted}, not {bad.text!r}"


def _reached(option: str, text: str | None) -> None:
    if text is not None and "://" not in text:
        kubernetes.absolute(option, text)
