"""What the conformance suite asks of a target: how its folder is read, loaded and run by the real thing.

A back end that is found by entry point has an adapter: `adapters/NAME.py` here, or `conformance.py` in its own package,
each with an object ADAPTER. One without fails the suite.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlopsc.target import registry

RESULTS = "runs/*/result.json"
NOTHING: Mapping[str, str] = {}
ADAPTERS = Path(__file__).parent / "adapters"


@dataclass(frozen=True, slots=True)
class Task:
    """What the orchestrator's own records say of one step: the process that ran it, and that it was not taken from a cache."""

    step: str
    pid: int
    cached: bool = False


@dataclass(slots=True)
class Ran:
    """A run's end. `result`: result.json from the store. `tasks`: None where the target is no orchestrator. `log`: all output."""

    ok: bool
    result: dict[str, Any]
    tasks: list[Task] | None
    log: str = ""
    more: dict[str, Any] = field(default_factory=dict)


class Adapter(Protocol):
    def parse(self, folder: Path) -> None:
        """Raise where a file does not hold to the target's own schema."""

    def load(self, folder: Path) -> list[str]:
        """Load by the target's own software; the steps' ids or names that it sees."""

    def run(
        self,
        folder: Path,
        work: Path,
        *,
        store: Path,
        data: Path,
        params: Mapping[str, Any],
        break_step: str | None = None,
        answers: Mapping[str, str] = NOTHING,
        env: Mapping[str, str] = NOTHING,
    ) -> Ran:
        """Run to the end. `break_step`: falsify what that step writes, on its way to the next. `answers`: who approves each
        gate that asks, by the target's own means. `env`: what secret(…) and env(…) of the spec find."""


def result_of(store: Path, before: set[Path], log: str) -> dict[str, Any]:
    """result.json of the one run that was not there before."""
    found = set(store.glob(RESULTS)) - before
    assert len(found) == 1, log[-6000:]
    result: dict[str, Any] = json.loads(found.pop().read_bytes())
    return result


@functools.cache
def adapter(name: str) -> Adapter:
    """Loaded once: an adapter may keep the target's own software running between tests."""
    place = ADAPTERS / f"{name}.py"
    if place.exists():
        spec = importlib.util.spec_from_file_location(f"conformance_{name}", place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        package = registry.reference(name).partition(":")[0].rpartition(".")[0]
        module = importlib.import_module(f"{package}.conformance")
    found: Adapter = module.ADAPTER
    return found
