"""What a target can do, feature by feature and version by version: tables that a back end declares and nothing computes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Level(Enum):
    """FULL: as the language says. EMULATED: the same result by other means, which the note names. NOT_IMPLEMENTED: the
    target could, this back end does not. UNSUPPORTED: the target cannot. UNKNOWN: nobody has tried."""

    FULL = "full"
    EMULATED = "emulated"
    NOT_IMPLEMENTED = "not implemented"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"

    @property
    def usable(self) -> bool:
        return self in (Level.FULL, Level.EMULATED)


# What a spec may ask of a target; a back end that says nothing about one is UNKNOWN there.
FEATURES: dict[str, str] = {
    "schedule.cron": "a cron schedule with a time zone",
    "schedule.every": "a schedule by interval",
    "trigger.new_data": "a run when a data block's source changes",
    "params": "parameters given when a run starts",
    "retries": "retries after a crash or a lost connection",
    "timeout": "time limits of steps and of the run",
    "resources": "cpu and memory of a step",
    "gpu": "a step on a GPU",
    "source.file": "files by relative path",
    "source.object-store": "files in s3:// or gs://",
    "source.database": "tables and queries of a database",
    "source.python": "a function beside the spec",
    "secrets": "secrets read at run time",
    "notify": "messages about runs that fail or wait",
    "approval": "a gate that waits for a person",
    "approval.within": "an approval that expires",
    "custom": "the user's own steps",
    "registry": "versions, champion and journal",
    "deploy": "serving the promoted version",
    "rollout.canary": "a rollout by shares of traffic",
    "rollout.blue_green": "a rollout by switching between two",
    "rollout.shadow": "a rollout that only listens",
    "rollback.rule": "a rollback when a rule holds",
    "batch": "scoring in batches on a schedule",
    "monitor": "monitors on a schedule",
}


_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.{1,2}(/|$))[^/?#]+)*/*")


def object_store(text: str) -> bool:
    """Whether a store is no folder, but at the address of an object store."""
    return "://" in text and not text.startswith("file://")


def is_store(text: str) -> bool:
    """Whether a store can be there: in a folder, or at s3://BUCKET/PREFIX, as the runtime's store/address.py reads it; of
    buckets, only with the names that a new one can have."""
    return not object_store(text) or _BUCKET.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of the `target` block. `kind`: string, folder, store, name, int, float, bool, duration, list:string or
    choice:A|B; a default of None: absent unless written."""

    name: str
    kind: str
    doc: str
    default: str | int | float | bool | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All that can be known of a back end without importing what it emits with.

    versions: those of the target that it knows, newest first. levels: (level, note) by feature; differing for one version
    under "FEATURE@VERSION", with an option under "FEATURE+OPTION". identifier(kind, name): the target's own name, at most
    `longest` characters, for a declaration of the spec; None where it gives none. Two declarations with one identifier are
    an error. longest_tag, longest_pipeline: characters of a tag and of the pipeline's name; None without a limit. excluded:
    by option and value, the features that do not go with it, and why. worker: what runs a step, where that shares no
    folder with who compiles: files and the store are then reached only by the options data_root and store. scope: where
    one output folder is for several specs, the word in a pipeline's file names by which they are told apart; None where a
    folder is one spec's. shared: paths in such a folder that do not depend on the spec. worker_with: the option with which
    alone steps run in a `worker`; empty where they always do. check(options): (option, what it is or has to be) for each
    whose value does not fit, beyond its kind.
    """

    name: str
    title: str
    versions: tuple[str, ...]
    levels: Mapping[str, tuple[Level, str]]
    options: tuple[Option, ...] = field(default=())
    identifier: Callable[[str, str], str | None] | None = None
    longest: int = 1000
    longest_tag: int | None = None
    longest_pipeline: int | None = None
    excluded: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    worker: str = ""
    scope: Callable[[str], str] | None = None
    shared: tuple[str, ...] = ()
    worker_with: str = ""
    check: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] | None = None

    def level(
        self, feature: str, version: str | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Level, str]:
        """How far `feature` goes in `version` (the newest without one) with these options of the target, and a note."""
        chosen = version or self.versions[0]
        for option in options or ():
            if (with_it := self.levels.get(f"{feature}+{option}")) is not None:
                return with_it
        found = self.levels.get(f"{feature}@{chosen}") or self.levels.get(feature)
        return found or (Level.UNKNOWN, "")
