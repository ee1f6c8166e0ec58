"""Versions of models and which of them is champion, told by the journal alone.

A version number is never used twice. A champion is the newest promotion or rollback's version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Version:
    """One promoted model. `digest` is of its content; `artifacts` names all that belongs to it (model, metrics, split,
    train, verdict.G, decision.G) by digest; `previous` is the champion that it replaced."""

    model: str
    version: int
    digest: str
    algorithm: str | None
    metrics: dict[str, Any]
    rows: dict[str, Any]
    artifacts: dict[str, str]
    run: str
    time: str
    previous: int | None
    keep: int | None
    lineage: dict[str, Any]
    withdrawn: str | None = None  # why it was rolled back, if it was

    def to_json(self, aliases: Iterable[str] = ()) -> dict[str, Any]:
        """The object of `models --json`."""
        return {
            "model": self.model,
            "version": self.version,
            "aliases": sorted(aliases),
            "digest": self.digest,
            "algorithm": self.algorithm,
            "metrics": self.metrics,
            "rows": self.rows,
            "run": self.run,
            "time": self.time,
            "previous": self.previous,
            "withdrawn": self.withdrawn,
            "artifacts": self.artifacts,
            "lineage": self.lineage,
        }


@dataclass(slots=True)
class _Model:
    versions: dict[int, Version] = field(default_factory=dict)
    champion: int | None = None


class Registry:
    """The state that a sequence of journal entries leads to."""

    def __init__(self, entries: Iterable[dict[str, Any]], pinned: Mapping[str, Version | None] | None = None) -> None:
        self._models: dict[str, _Model] = {}
        self._pinned = pinned or {}
        for entry in entries:
            if entry["kind"] == "promotion":
                self._promote(entry)
            elif entry["kind"] == "rollback":
                self._roll_back(entry)
            elif entry["kind"] == "renewal":
                versions = self._models[entry["model"]].versions
                versions[entry["version"]] = replace(versions[entry["version"]], artifacts=entry["artifacts"])

    def _promote(self, entry: dict[str, Any]) -> None:
        model = self._models.setdefault(entry["model"], _Model())
        model.versions[entry["version"]] = Version(
            model=entry["model"],
            version=entry["version"],
            digest=entry["digest"],
            algorithm=entry["algorithm"],
            metrics=entry["metrics"],
            rows=entry["rows"],
            artifacts=entry["artifacts"],
            run=entry["run"],
            time=entry["time"],
            previous=entry["champion"],
            keep=entry["keep"],
            lineage=entry["lineage"],
        )
        model.champion = entry["version"]

    def _roll_back(self, entry: dict[str, Any]) -> None:
        model = self._models[entry["model"]]
        if entry["from"] in model.versions:
            model.versions[entry["from"]] = replace(model.versions[entry["from"]], withdrawn=entry["reason"])
        if entry["to"] in model.versions:
            model.versions[entry["to"]] = replace(model.versions[entry["to"]], withdrawn=None)
        model.champion = entry["to"]

    def models(self) -> list[str]:
        return sorted(self._models)

    def champion(self, model: str) -> Version | None:
        """The version that serves now; None before the first promotion."""
        if model in self._pinned:
            return self._pinned[model]
        return self.current(model)

    def current(self, model: str) -> Version | None:
        """The champion as the journal tells it, whatever was pinned."""
        found = self._models.get(model)
        return found.versions[found.champion] if found and found.champion else None

    def rival(self, model: str, digest: str) -> Version | None:
        """Whom a model with that digest is compared with: the champion or, where the model is the champion itself, the one
        that it was compared with. So a run in which nothing changed asks the same question again."""
        champion = self.current(model)
        if champion is not None and champion.digest == digest:
            return self.version(model, champion.previous) if champion.previous else None
        return champion

    def version(self, model: str, number: int) -> Version | None:
        found = self._models.get(model)
        return found.versions.get(number) if found else None

    def versions(self, model: str) -> list[Version]:
        """All versions, oldest first."""
        found = self._models.get(model)
        return [found.versions[n] for n in sorted(found.versions)] if found else []

    def aliases(self, version: Version) -> list[str]:
        champion = self.current(version.model)
        return ["champion"] if champion is not None and champion.version == version.version else []

    def kept(self, model: str) -> list[Version]:
        """The versions that stay restorable: the champion and the newest `keep` (all, where the model names no number)."""
        versions = self.versions(model)
        champion = self.current(model)
        if champion is None or champion.keep is None:
            return versions
        newest = versions[-champion.keep :] if champion.keep > 0 else []
        return [v for v in versions if v in newest or v.version == champion.version]
