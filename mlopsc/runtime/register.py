"""Registration: a model whose gates have all passed becomes the champion, in one journal entry."""

from __future__ import annotations

import json
from typing import Any

from .context import Context
from .errors import StepError
from .store.registry import Registry, Version

Entry = dict[str, Any]


def run(ctx: Context) -> dict[str, Any]:
    """Promote by compare-and-swap: only while the champion is the one that the gates compared with. A model equal to the
    champion makes no new version, but where something that belongs to that one was damaged or lost, what this run has
    in its place is journaled; a model equal to a version that was rolled back is refused."""
    settings = ctx.settings
    _all_passed(ctx)
    entry = _facts(ctx)
    model, digest = settings["model"], ctx.digests["model"]
    expected = ctx.store.registry().champion(model)

    def decide(entries: list[Entry]) -> Entry | None:
        registry = Registry(entries)
        champion = registry.current(model)
        if champion is not None and champion.digest == digest:
            return None if _whole(ctx, champion) else _renewal(ctx, champion)
        versions = registry.versions(model)
        _not_withdrawn(ctx, versions)
        if _number(champion) != _number(expected):
            raise StepError(
                "MLC9028",
                "champion-moved",
                f"model {model}: version {_number(champion)} became champion while this run compared with {_number(expected)}",
                where=settings["where"],
                help="run again: the gates then judge against the new champion",
            )
        number = versions[-1].version + 1 if versions else 1
        return {**entry, "version": number, "champion": _number(champion)}

    ctx.store.journal().append(decide)
    version = Registry(ctx.store.journal().entries()).current(model)
    assert version is not None
    shown = {"model": model, "version": version.version, "digest": version.digest, "promoted": True}
    ctx.outputs["version"].write_text(json.dumps(shown, sort_keys=True), encoding="utf-8")
    return {"version": version.version, "promoted_by": version.run}


def _whole(ctx: Context, version: Version) -> bool:
    return all(ctx.store.trust(digest, ctx.store.signature(digest)) for digest in version.artifacts.values())


def _renewal(ctx: Context, version: Version) -> Entry:
    """A verdict with measured times cannot be made again bit by bit, but this run has judged the same model."""
    facts = {"model": version.model, "version": version.version, "digest": version.digest}
    return {"kind": "renewal", **facts, "artifacts": ctx.digests, "run": ctx.run}


def _number(version: Version | None) -> int | None:
    return version.version if version else None


def _all_passed(ctx: Context) -> None:
    for gate in ctx.settings["gates"]:
        verdict = json.loads(ctx.inputs[f"verdict.{gate}"].read_bytes())
        if verdict["verdict"] != "passed":
            raise StepError(
                "MLC9050", "gate-failed", f"gate {gate} did not pass: {verdict['verdict']}", where=ctx.settings["where"]
            )
        decision = ctx.inputs.get(f"decision.{gate}")
        if decision is not None and json.loads(decision.read_bytes())["digest"] != ctx.digests["model"]:
            raise StepError(
                "MLC9024",
                "approval-rejected",
                f"gate {gate}: the approval was given to another model",
                where=ctx.settings["where"],
            )


def _not_withdrawn(ctx: Context, versions: list[Version]) -> None:
    for version in versions:
        if version.digest == ctx.digests["model"] and version.withdrawn is not None:
            raise StepError(
                "MLC9029",
                "withdrawn-version",
                f"model {version.model} equals version {version.version}, which was rolled back: {version.withdrawn}",
                where=ctx.settings["where"],
                help="restore it with `mlopsc rollback --to`, or change what it is trained on",
            )


def _facts(ctx: Context) -> Entry:
    metrics = json.loads(ctx.inputs["metrics"].read_bytes())
    report = json.loads(ctx.inputs["train"].read_bytes()) if "train" in ctx.inputs else {}
    return {
        "kind": "promotion",
        "model": ctx.settings["model"],
        "digest": ctx.digests["model"],
        "algorithm": report.get("algorithm"),
        "metrics": metrics.get("metrics", {}),
        "rows": metrics.get("rows", {}),
        "artifacts": ctx.digests,
        "run": ctx.run,
        "keep": ctx.settings["keep"],
        "lineage": ctx.lineage,
    }
