"""Containers that tasks run in: one for all tasks that want the same, so that an embedded runtime stands there once."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlopsc.ir.plan import Resources
from mlopsc.target.capability import object_store
from mlopsc_kubeflow.embed import BOOT, TASK_PACKAGE
from mlopsc_kubeflow.options import Settings

ACCESS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
INPUT = ["--executor_input", "{{$}}"]
_GB = 10**9


class Wants(NamedTuple):
    """What a task's container is given. `optional`: it starts where a secret or variable of it is missing, too."""

    resources: Resources
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    optional: bool = False


class Executors:
    """Collects containers and their platform settings while tasks are written."""

    def __init__(self, settings: Settings, chunks: list[str], packages: list[str]) -> None:
        self._settings = settings
        self._chunks = chunks
        self._packages = " ".join(packages)
        self._labels: dict[Wants, str] = {}

    def label(self, wants: Wants) -> str:
        if wants not in self._labels:
            number = len(self._labels) + 1
            self._labels[wants] = "exec-steps" if number == 1 else f"exec-steps-{number}"
        return self._labels[wants]

    def containers(self) -> dict[str, Any]:
        return {label: {"container": self._container(wants.resources)} for wants, label in self._labels.items()}

    def _container(self, resources: Resources) -> dict[str, Any]:
        own = self._settings
        found: dict[str, Any]
        if own.image is not None:
            found = {"image": own.image, "command": ["python3", "-m", TASK_PACKAGE], "args": list(INPUT)}
        else:
            args = [self._packages, *self._chunks, "--", *INPUT]
            found = {"image": own.base_image, "command": ["python3", "-c", BOOT], "args": args}
        folders = {"MLOPSC_DATA": own.data_root, "MLOPSC_STORE": own.store}
        env = [{"name": name, "value": value} for name, value in folders.items() if value is not None]
        if env:
            found["env"] = env
        limits = self._limits(resources)
        return {**found, "resources": limits} if limits else found

    def _limits(self, resources: Resources) -> dict[str, Any]:
        """As the SDK writes them: numbers for older servers, Kubernetes' own texts for newer ones."""
        found: dict[str, Any] = {}
        if resources.cpu != 1:
            found |= {"cpuLimit": float(resources.cpu), "resourceCpuLimit": str(resources.cpu)}
        if resources.memory is not None:
            found |= {"memoryLimit": resources.memory / _GB, "resourceMemoryLimit": str(resources.memory)}
        if resources.gpu:
            count, kind = str(resources.gpu), self._settings.accelerator
            found["accelerator"] = {"count": count, "type": kind, "resourceCount": count, "resourceType": kind}
        return found

    def platform(self) -> dict[str, Any] | None:
        """The second document, for the kubernetes platform; None where nothing needs it."""
        found = {label: self._platform(wants) for wants, label in self._labels.items()}
        found = {label: config for label, config in found.items() if config}
        return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": found}}}} if found else None

    def _platform(self, wants: Wants) -> dict[str, Any]:
        own = self._settings
        _, secrets, variables, optional = wants
        found: dict[str, Any] = {}
        if secrets:
            keys = [{"secretKey": name, "envVar": name} for name in secrets]
            found["secretAsEnv"] = [
                {
                    "secretName": own.secret,
                    "keyToEnv": keys,
                    "optional": optional,
                    "secretNameParameter": _constant(own.secret),
                }
            ]
        if own.store is not None and object_store(own.store):
            found["secretAsEnv"] = [*found.get("secretAsEnv", ()), _access(own.secret)]
        if variables:
            keys = [{"configMapKey": name, "envVar": name} for name in variables]
            name = own.config_map
            found["configMapAsEnv"] = [
                {
                    "configMapName": name,
                    "keyToEnv": keys,
                    "optional": optional,
                    "configMapNameParameter": _constant(name),
                }
            ]
        if own.volumes:
            found["pvcMount"] = [
                {"mountPath": path, "constant": claim, "pvcNameParameter": _constant(claim)}
                for claim, path in own.volumes
            ]
        if own.node_selector:
            found["nodeSelector"] = {"labels": own.node_selector}
        if own.tolerations:
            found["tolerations"] = list(own.tolerations)
        if own.labels:
            found["podMetadata"] = {"labels": own.labels}
        if own.image_pull_secrets:
            found["imagePullSecret"] = [
                {"secretName": s, "secretNameParameter": _constant(s)} for s in own.image_pull_secrets
            ]
        return found


def _access(secret: str) -> dict[str, Any]:
    """What reaches the store's bucket; optional, as a pod's service account may have access by itself."""
    keys = [{"secretKey": name, "envVar": name} for name in ACCESS]
    return {"secretName": secret, "keyToEnv": keys, "optional": True, "secretNameParameter": _constant(secret)}


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def references(value: Any, kind: str) -> tuple[str, ...]:
    """Names of all {"secret": …} or {"env": …} in a step's settings, sorted."""
    if isinstance(value, dict):
        if value.keys() == {kind} and isinstance(value[kind], str):
            return (value[kind],)
        inner = list(value.values())
    elif isinstance(value, (list, tuple)):
        inner = list(value)
    else:
        return ()
    return tuple(sorted({name for item in inner for name in references(item, kind)}))
