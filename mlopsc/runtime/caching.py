"""Whether a step has to run: its cache key, and the record of an earlier run that had the same one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import StepError
from .keys import step_key
from .steps import StepKind
from .store.objects import Store


@dataclass(slots=True)
class Decider:
    """Keys and hits for the steps of one run. `pins` are the champions that its gates judge against: chosen when the
    first gate on a model is reached and the same to its registration, so that what was compared is what is replaced."""

    store: Store
    data_root: Path
    modules_root: Path
    pins: dict[str, int | None] = field(default_factory=dict)
    _known: dict[str, Any] | None = None
    _written: str = ""

    def key(self, step: dict[str, Any], kind: StepKind, inputs: dict[str, str]) -> str | None:
        """The step's key; None where it reads what can only be known by reading it (a database, a function)."""
        identity = None
        if kind.identity is not None:
            identity = self._identity(kind, step)
            if identity is None:
                return None
        return step_key(
            step,
            inputs=inputs,
            packages=kind.packages,
            numeric=kind.numeric,
            modules_root=self.modules_root,
            identity=identity,
            champion=self._champion(step, kind, inputs),
        )

    def _identity(self, kind: StepKind, step: dict[str, Any]) -> Any:
        assert kind.identity is not None
        if self._known is None:
            self._known = self.store.known_files()
        before = dict(self._known)
        try:
            return kind.identity(step["settings"], self.data_root, self._known)
        except (OSError, StepError):
            return None  # the step itself meets the error and tells it
        finally:
            if self._known != before:
                self.store.put_known_files(self._known)

    def _champion(self, step: dict[str, Any], kind: StepKind, inputs: dict[str, str]) -> str | None:
        """The digest of the version that the step's model is held against, where its result depends on it."""
        model = step["settings"].get("model")
        if not kind.champion or model is None or "model" not in inputs:
            return None
        if model not in self.pins:
            rival = self.store.registry().rival(model, inputs["model"])
            self.pins[model] = rival.version if rival else None
        number = self.pins[model]
        if number is None or not step["settings"].get("champion", True):
            return None
        version = self.store.registry().version(model, number)
        return f"{number} {version.digest}" if version else None

    def serves(self, step: dict[str, Any], inputs: dict[str, str]) -> bool:
        """Whether the step's model is the champion now."""
        champion = self.store.registry().current(step["settings"]["model"])
        return champion is not None and champion.digest == inputs["model"]

    def hit(self, key: str, step: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
        """(the record of a run with that key, digests found corrupt or missing). Corrupt content is dropped, so that the
        step that now runs can put it back."""
        record = self.store.step(key)
        if record is None or set(record.get("outputs", ())) != set(step["outputs"]):
            return None, []
        signatures = record.get("signatures", {})
        bad = [digest for digest in record["outputs"].values() if not self.store.trust(digest, signatures.get(digest))]
        if not bad:
            return record, []
        for digest in bad:
            self.store.discard(digest)
        return None, bad
