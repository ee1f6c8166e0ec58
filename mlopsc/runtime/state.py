"""The state of one local run, shared by the modules that schedule its steps, settle their endings and close it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plan as plans
from .caching import Decider
from .errors import StepError
from .gates import conclude
from .hiding import without
from .steps import Table
from .store.objects import Store
from .work import write_log

if TYPE_CHECKING:
    from .fork import Children

BAD = ("failed", "skipped", "waiting")  # how a step ends that none of those that need it follow

Progress = Callable[[dict[str, Any]], None]
Step = dict[str, Any]
Outcome = dict[str, Any]


@dataclass(slots=True)
class Running:
    """A child at work. `deadline` is a moment of the monotonic clock."""

    step: Step
    key: str | None
    inputs: dict[str, str]
    scratch: Path
    started: float
    deadline: float
    attempt: int
    timed_out: bool = False


@dataclass(slots=True)
class RunState:
    """`chosen`: ids of the steps that take part; `anew`: of those that run whatever the cache holds. `outcomes` has every
    step that has ended, by id; `pending` those that have not begun, in the Plan's order; `running` the rest, by pid."""

    plan: Mapping[str, Any]
    pipeline: dict[str, Any]
    steps: list[Step]
    store: Store
    decider: Decider
    table: Table
    jobs: int
    chosen: set[str]
    anew: set[str]
    params: dict[str, Any]
    progress: Progress
    outside: dict[str, str]  # names of the environment's variables that the Plan refers to, see `hiding`
    hidden: list[str]  # values of theirs that no log may hold, longest first
    started: float = field(default_factory=time.monotonic)
    record: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    pending: dict[str, Step] = field(default_factory=dict)
    running: dict[int, Running] = field(default_factory=dict)
    keys: dict[str, str | None] = field(default_factory=dict)  # of steps that were looked up; None: cannot be cached
    attempts: dict[str, int] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)  # scratch folders that no child uses
    made_folders: int = 0
    not_before: dict[str, float] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)
    needed_by: dict[str, list[str]] = field(default_factory=dict)
    lacks: dict[str, int] = field(default_factory=dict)  # how many steps that a step needs have not ended
    due: set[str] = field(default_factory=set)  # steps to be decided about: all that they need has ended, or some badly
    suffixes: dict[str, str] = field(default_factory=dict)  # of every artifact
    children: Children | None = None
    locks: list[int] = field(default_factory=list)
    noticed: list[int] = field(default_factory=list)  # signals
    error: dict[str, Any] | None = None  # what ended the run as a whole
    unwritten: StepError | None = None  # why result.json could not be written

    def __post_init__(self) -> None:
        self.needs = {step["id"]: plans.producers(step) for step in self.steps}
        self.lacks = {name: len(needs) for name, needs in self.needs.items()}
        for name, needs in self.needs.items():
            for other in needs:
                self.needed_by.setdefault(other, []).append(name)
        self.suffixes = {f"{s['id']}/{name}": suffix for s in self.steps for name, suffix in s["outputs"].items()}

    @property
    def run(self) -> str:
        return str(self.record["run"])

    def inputs(self, step: Step) -> dict[str, str]:
        """Digests of a step's inputs, by name; all that it needs has ended well."""
        found = {}
        for name, artifact in step["inputs"].items():
            producer, _, output = artifact.rpartition("/")
            found[name] = self.outcomes[producer]["outputs"][output]
        return found

    def end(self, step: Step, outcome: Outcome, inputs: dict[str, str] | None = None) -> None:
        """Settle a step: a gate's verdict counts now, and everyone is told."""
        if step["kind"] == "gate" and "verdict" in outcome.get("outputs", {}) and inputs is not None:
            error = conclude(self.store, self.run, step, inputs, outcome["outputs"]["verdict"], outcome.get("error"))
            if error is not None:
                outcome = {**outcome, "status": "failed", "error": error}
        self.outcomes[step["id"]] = outcome
        for name in self.needed_by.get(step["id"], ()):
            self.lacks[name] -= 1
            if not self.lacks[name] or outcome["status"] in BAD:
                self.due.add(name)
        shown: dict[str, Any] = {n: outcome[n] for n in ("seconds", "error", "summary", "message") if n in outcome}
        if step["id"] in self.chosen:
            self.log(step["id"], outcome["status"], **shown)
        self.progress({"event": "step", "id": step["id"], "kind": step["kind"], "status": outcome["status"], **shown})

    def log(self, step: str, event: str, **fields: Any) -> None:
        write_log(self.store.log_file(self.run), step, event, **fields)

    def hide(self, text: str) -> str:
        """`text` without the values of secrets."""
        return str(without(text, self.hidden))
