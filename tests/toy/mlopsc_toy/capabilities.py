"""What a shell script can do. Read by `mlopsc targets` and `check --target`, so it imports nothing heavy."""

from __future__ import annotations

from mlopsc.target.capability import Capabilities, Level

CAPABILITIES = Capabilities(
    name="toy",
    title="A shell script",
    versions=("1",),
    levels={
        "source.file": (Level.FULL, ""),
        "params": (Level.FULL, "--set NAME=VALUE"),
        "retries": (Level.UNSUPPORTED, "a script goes on or stops"),
        "registry": (Level.FULL, ""),
        "custom": (Level.FULL, ""),
        "source.python": (Level.FULL, ""),
        "timeout": (Level.EMULATED, "by timeout(1)"),
        "resources": (Level.EMULATED, "nothing is enforced"),
        "schedule.cron": (Level.EMULATED, "by a line in the crontab"),
    },
)
