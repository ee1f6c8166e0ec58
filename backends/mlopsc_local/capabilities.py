"""What a plain Python process on one machine can do."""

from __future__ import annotations

from mlopsc.target.capability import Capabilities, Level, Option

_ASKED = "a run starts when `python run.py` is called; let cron or a timer of the system call it"
_LATER = "compiled and checked; this release does not run it"

CAPABILITIES = Capabilities(
    name="local",
    title="Plain Python",
    versions=("3.11",),
    levels={
        "schedule.cron": (Level.UNSUPPORTED, _ASKED),
        "schedule.every": (Level.UNSUPPORTED, _ASKED),
        "trigger.new_data": (Level.UNSUPPORTED, _ASKED),
        "params": (Level.FULL, "--set NAME=VALUE"),
        "retries": (Level.FULL, ""),
        "timeout": (Level.FULL, ""),
        "resources": (Level.EMULATED, "decides what runs at once; nothing is enforced"),
        "gpu": (Level.NOT_IMPLEMENTED, ""),
        "source.file": (Level.FULL, ""),
        "source.object-store": (Level.NOT_IMPLEMENTED, ""),
        "source.database": (Level.FULL, ""),
        "source.python": (Level.FULL, ""),
        "secrets": (Level.FULL, "from the environment"),
        "notify": (Level.FULL, "when a run ends"),
        "approval": (Level.FULL, "python run.py approve RUN GATE"),
        "approval.within": (Level.FULL, ""),
        "custom": (Level.FULL, ""),
        "registry": (Level.FULL, "the store is a folder, or an object store at s3://"),
        "deploy": (Level.NOT_IMPLEMENTED, _LATER),
        "rollout.canary": (Level.UNSUPPORTED, "one process takes all requests"),
        "rollout.blue_green": (Level.NOT_IMPLEMENTED, _LATER),
        "rollout.shadow": (Level.NOT_IMPLEMENTED, _LATER),
        "rollback.rule": (Level.NOT_IMPLEMENTED, _LATER),
        "batch": (Level.NOT_IMPLEMENTED, _LATER),
        "monitor": (Level.NOT_IMPLEMENTED, _LATER),
    },
    options=(
        Option("data_root", "folder", "Folder where relative source paths start, relative to the spec."),
        Option("store", "store", "Store: s3://BUCKET/PREFIX, or a folder relative to the spec."),
    ),
)
