"""What Airflow 2.11 and 3.x can do with a compiled DAG."""

from __future__ import annotations

from mlopsc.target.capability import Capabilities, Level, Option
from mlopsc_airflow.names import LONGEST, LONGEST_PIPELINE, LONGEST_TAG, clashing, identifier
from mlopsc_airflow.options import POD, check

_LATER = "compiled and checked; this release does not run it"
_SENSOR = "a sensor waits for the recorded decision: `mlopsc approve`, or `step.py approve` in the pipeline's folder"

CAPABILITIES = Capabilities(
    name="airflow",
    title="Apache Airflow",
    versions=("3.3", "2.11"),
    levels={
        "schedule.cron": (Level.FULL, ""),
        "schedule.every": (Level.FULL, ""),
        "trigger.new_data": (
            Level.FULL,
            "by the asset mlopsc://PIPELINE/source/DATA, updated by whoever writes the data",
        ),
        "params": (Level.FULL, "typed params of the DAG"),
        "retries": (Level.FULL, ""),
        "timeout": (Level.FULL, ""),
        "resources": (
            Level.EMULATED,
            "a task takes as many slots of its pool as it has cpus; nothing else is enforced",
        ),
        "resources+image": (Level.FULL, "requests and limits of the pod; not run here"),
        "gpu": (Level.NOT_IMPLEMENTED, "a step gets one in a pod: give the target an image"),
        "gpu+image": (Level.FULL, "a limit of the pod; not run here"),
        "source.file": (Level.FULL, "workers must see the files"),
        "source.file+image": (Level.FULL, "below data_root, in the image or on a volume; not run here"),
        "source.object-store": (Level.NOT_IMPLEMENTED, ""),
        "source.database": (Level.FULL, ""),
        "source.python": (Level.FULL, ""),
        "secrets": (Level.FULL, "an Airflow variable, else the password of an Airflow connection, of that name"),
        "secrets+image": (Level.FULL, "environment from a Kubernetes secret; not run here"),
        "notify": (
            Level.FULL,
            "by the last task and by one that waits, in a worker; when the run's time is over, by a callback",
        ),
        "approval": (Level.FULL, "an approval among Airflow's required actions, kept in the store's journal"),
        "approval@2.11": (Level.EMULATED, _SENSOR),
        "approval.within": (Level.FULL, ""),
        "custom": (Level.FULL, ""),
        "registry": (Level.FULL, "the store is a folder that all workers share, or an object store at s3://"),
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
            "store", "store", "Store: s3://BUCKET/PREFIX, or a folder as workers or pods see it (else MLOPSC_STORE)."
        ),
        Option(
            "data_root",
            "folder",
            "Folder where relative source paths start, as workers or pods see it (else MLOPSC_DATA).",
        ),
        Option("python", "string", "Interpreter that runs the steps (else the worker's own)."),
        Option(
            "virtualenv",
            "bool",
            "Each worker makes an environment of the listed packages when a task first needs it: installs at start.",
            False,
        ),
        Option("pool", "name", "Pool of all tasks."),
        Option("queue", "string", "Queue of all tasks."),
        Option("tasks", "choice:step|block|one", "One task a `step`, a `block` of the spec, or `one` for all.", "step"),
        *POD,
    ),
    identifier=clashing,
    longest=LONGEST,
    longest_tag=LONGEST_TAG,
    longest_pipeline=LONGEST_PIPELINE,
    scope=identifier,
    shared=("README.md",),
    worker="pod",
    worker_with="image",
    check=check,
    excluded={("tasks", "one"): {"approval": "with tasks = one there is no task that could wait for a person"}},
)
