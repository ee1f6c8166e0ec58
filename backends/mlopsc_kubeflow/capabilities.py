"""What Kubeflow Pipelines can do, and what of it this back end uses."""

from __future__ import annotations

from mlopsc.target import kubernetes
from mlopsc.target.capability import Capabilities, Level, Option

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
    options=(
        Option(
            "image", "string", "Image of the steps, built from the Dockerfile; else packages are installed at start."
        ),
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
    ),
)
