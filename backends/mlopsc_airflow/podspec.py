"""Pods of the tasks, where the target block names an image: the template that all share, and what one task asks for besides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mlopsc.ir.plan import Resources, Step
from mlopsc.target import kubernetes, yamltext
from mlopsc.target.literals import Literal, python
from mlopsc.target.protocol import Refused
from mlopsc_airflow.options import HOME, Pods

USER = 65532  # nobody's number; the Dockerfile makes the user


def template(pods: Pods, folder: str) -> bytes:
    """pod.yaml: the manifest that every task's pod begins with."""
    container: dict[str, Any] = {
        "name": "base",
        "image": pods.image,
        "command": ["python3", f"{HOME}/{folder}/pod_step.py"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec: dict[str, Any] = {"restartPolicy": "Never", "automountServiceAccountToken": False}
    spec["securityContext"] = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    if pods.service_account is not None:
        spec |= {"serviceAccountName": pods.service_account, "automountServiceAccountToken": True}
    if pods.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in pods.image_pull_secrets]
    if pods.node_selector:
        spec["nodeSelector"] = pods.node_selector
    if pods.tolerations:
        spec["tolerations"] = list(pods.tolerations)
    if pods.volumes:
        claims = list(dict.fromkeys(claim for claim, _ in pods.volumes))
        spec["volumes"] = [
            {"name": f"volume-{n}", "persistentVolumeClaim": {"claimName": claim}} for n, claim in enumerate(claims)
        ]
        container["volumeMounts"] = [
            {"name": f"volume-{claims.index(claim)}", "mountPath": path} for claim, path in pods.volumes
        ]
    metadata = {"namespace": pods.namespace} if pods.namespace else {}
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "labels": {"app.kubernetes.io/managed-by": "mlopsc", **pods.labels}},
        "spec": {**spec, "containers": [container]},
    }
    return yamltext.dump(manifest).encode("utf-8")


def arguments(steps: Sequence[Step], pods: Pods, more: Iterable[Any] = ()) -> dict[str, Any]:
    """Keyword arguments of a task's operator, in the Kubernetes provider's own classes. `more`: what else the task reads."""
    found: dict[str, Any] = {}
    limits = _limits(largest(steps), pods) if steps else {}
    if limits:
        found["container_resources"] = Literal(
            f"k8s.V1ResourceRequirements(requests={python(limits)}, limits={python(limits)})"
        )
    read = [*(step.model_dump(mode="json", include={"settings"}) for step in steps), *more]
    secrets = sorted({name for value in read for name in named(value, "secret")})
    for name in (*secrets, *(name for value in read for name in named(value, "env"))):
        if not kubernetes.is_key(name):
            message = f"airflow: a Kubernetes secret or config map has no key {name!r}"
            raise Refused("MLC7004", "beyond-target", message, "Name it with letters, digits, `-`, `_` and `.`.")
    if secrets:
        found["secrets"] = [
            Literal(f'Secret("env", {python(name)}, {python(pods.secret)}, {python(name)})') for name in secrets
        ]
    if any(named(value, "env") for value in read):
        found["configmaps"] = [pods.config_map]
    return found


def largest(steps: Sequence[Step]) -> Resources:
    """What is enough for each of the steps, one at a time."""
    memory = [step.resources.memory for step in steps if step.resources.memory is not None]
    return Resources(
        cpu=max(step.resources.cpu for step in steps),
        memory=max(memory, default=None),
        gpu=max(step.resources.gpu for step in steps),
    )


def _limits(resources: Resources, pods: Pods) -> dict[str, str]:
    found = {"cpu": str(resources.cpu)} if resources.cpu != 1 else {}
    if resources.memory is not None:
        found["memory"] = str(resources.memory)
    if resources.gpu:
        found[pods.accelerator] = str(resources.gpu)
    return found


def named(value: Any, what: str) -> set[str]:
    """Every NAME of a {"secret": NAME} or {"env": NAME} in it."""
    if isinstance(value, dict):
        if value.keys() == {what} and isinstance(value[what], str):
            return {value[what]}
        return set().union(*(named(item, what) for item in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(named(item, what) for item in value))
    return set()
