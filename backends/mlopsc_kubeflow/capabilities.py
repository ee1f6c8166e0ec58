"""What Kubeflow Pipelines can do, and what of it this back end uses."""

from __future__ import annotations

from mlopsc.target.capability import Capabilities, Level
from mlopsc_kubeflow.options import OPTIONS, check

_LATER = "compiled and checked; this release does not run it"

CAPABILITIES = Capabilities(
    name="kubeflow",
    title="Kubeflow Pipelines",
    versions=("2.17",),
    worker="pod",
    levels={
        "schedule.cron": (Level.FULL, "a recurring run, made by submit.py"),
        "schedule.every": (Level.FULL, "a recurring run, made by submit.py"),
        "trigger.new_data": (Level.UNSUPPORTED, "KFP starts no run for it; let what writes the data call submit.py"),
        "params": (Level.FULL, "pipeline parameters"),
        "retries": (
            Level.EMULATED,
            "KFP also starts a task again after a verdict; the task then ends with the same verdict",
        ),
        "timeout": (Level.EMULATED, "the task ends itself; the time that its pod waits for a node is not counted"),
        "resources": (Level.FULL, "limits of the pod"),
        "gpu": (Level.FULL, ""),
        "source.file": (Level.FULL, "below data_root, in the image or on a volume"),
        "source.object-store": (Level.NOT_IMPLEMENTED, ""),
        "source.database": (Level.FULL, ""),
        "source.python": (Level.FULL, ""),
        "secrets": (Level.FULL, "environment from a Kubernetes secret"),
        "notify": (Level.FULL, "by the exit handler's task, and by a task that waits for an approval"),
        "approval": (Level.EMULATED, "a task that waits, up to approval_wait; recorded by `mlopsc approve`"),
        "approval.within": (Level.FULL, ""),
        "custom": (Level.FULL, ""),
        "registry": (Level.FULL, "the store is an object store at s3://, or a folder on a volume that can link files"),
        "deploy": (Level.NOT_IMPLEMENTED, _LATER),
        "rollout.canary": (Level.NOT_IMPLEMENTED, _LATER),
        "rollout.blue_green": (Level.NOT_IMPLEMENTED, _LATER),
        "rollout.shadow": (Level.NOT_IMPLEMENTED, _LATER),
        "rollback.rule": (Level.NOT_IMPLEMENTED, _LATER),
        "batch": (Level.NOT_IMPLEMENTED, _LATER),
        "monitor": (Level.NOT_IMPLEMENTED, _LATER),
    },
    options=OPTIONS,
    check=check,
)
