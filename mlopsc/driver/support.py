"""What a spec asks of a target, and how far each target goes: the program beside the tables that back ends declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mlopsc.diagnostics.located import Located, locate
from mlopsc.diagnostics.model import Bag
from mlopsc.driver.check import Checked
from mlopsc.driver.failure import Failure
from mlopsc.driver.fitting import check_fit
from mlopsc.semantics.program import CallValue, Decl, Program, Ref
from mlopsc.source import Span
from mlopsc.syntax import ast
from mlopsc.target.capability import FEATURES, Capabilities, Level
from mlopsc.target.registry import UnknownTarget, capabilities, names

WORDS = {
    Level.FULL: "full",
    Level.EMULATED: "emulated",
    Level.NOT_IMPLEMENTED: "unsupported",
    Level.UNSUPPORTED: "unsupported",
    Level.UNKNOWN: "unsupported",
}

# Blocks that this release checks and lowers and no target runs yet: a warning, and the training pipeline is emitted.
_LATER = ("rollout.", "rollback.", "deploy", "batch", "monitor")
# What a system does by itself once it is put to work. `local` is where a spec is tried out: there, these wait, and a
# warning says so; on any other target a spec that asks for one that is missing is an error.
_OPERATION = (*_LATER, "schedule.", "trigger.")
_TRIAL = "local"
_STORES = ("s3://", "gs://")


class Use(NamedTuple):
    """A feature that a spec uses, and the first place where."""

    feature: str
    span: Span


def about() -> dict[str, str]:
    """Everything that a spec may ask of a target, in words."""
    return FEATURES


def installed() -> list[Capabilities]:
    return [capabilities(name) for name in names()]


def chosen(target: str) -> tuple[Capabilities, str]:
    """(capabilities, version) of T or T@VERSION. Raises Failure for a target or version that is not there."""
    name, _, version = target.partition("@")
    try:
        found = capabilities(name)
    except UnknownTarget as unknown:
        raise Failure(str(unknown)) from unknown
    if version and version not in found.versions:
        raise Failure(f"target {name} has no version {version}; it has {', '.join(found.versions)}")
    return found, version or found.versions[0]


def lacking(checked: Checked, target: str) -> tuple[Located, ...]:
    """What the spec asks for and the target cannot do. Raises Failure as `chosen`."""
    found, version = chosen(target)
    if checked.program is None:
        return ()
    bag = Bag()
    options = checked.program.targets.get(found.name, {})
    excluded = {
        f: why for pair, features in found.excluded.items() if pair in options.items() for f, why in features.items()
    }
    later: list[Span] = []
    for use in used(checked.program):
        level, note = found.level(use.feature, version, options)
        if use.feature in excluded:
            level, note = Level.UNSUPPORTED, excluded[use.feature]
        if level.usable:
            continue
        if use.feature.startswith(_LATER) and (level is Level.NOT_IMPLEMENTED or found.name == _TRIAL):
            later.append(use.span)
            continue
        waits = found.name == _TRIAL and use.feature.startswith(_OPERATION)
        what = FEATURES[use.feature]
        message = f"Target {found.name} {version} has nothing for {what} ({use.feature}: {level.value})."
        bag.report("idle-on-target" if waits else "beyond-target", use.span, message, help=_sentence(note))
    check_fit(checked.program, found, bag)
    if later:
        message = "Deploys and monitors are checked and compiled, but this release does not run them."
        bag.report("idle-on-target", min(later), message)
    return tuple(locate(checked.sources, item) for item in bag.sorted())


def _sentence(note: str) -> str | None:
    return f"{note[0].upper()}{note[1:].rstrip('.')}." if note else None


def used(program: Program) -> list[Use]:
    """Every feature that the program uses, in the table's order."""
    places: dict[str, Span] = {}
    for decl in program.decls.values():
        for feature, span in _of(program, decl):
            places.setdefault(feature, span)
    return [Use(feature, places[feature]) for feature in FEATURES if feature in places]


def _of(program: Program, decl: Decl) -> Iterator[tuple[str, Span]]:
    name = decl.node.name.span
    if decl.kind == "pipeline":
        yield from _pipeline(program, decl)
    elif decl.kind == "data" and (source := decl.settings.get("source")) is not None:
        yield _source(program, source.value), source.span
    elif decl.kind == "param":
        yield "params", name
    elif decl.kind == "step":
        yield "custom", name
    elif decl.kind == "model":
        yield "registry", name
        yield from _given(decl, {"cpu": "resources", "memory": "resources", "gpu": "gpu"})
    elif decl.kind == "gate" and (approval := decl.settings.get("approval")) is not None:
        yield "approval", approval.span
        if "within" in approval.value.args:
            yield "approval.within", approval.value.args["within"].span
    elif decl.kind == "deploy":
        yield from _deploy(decl)
    elif decl.kind == "monitor":
        yield "monitor", name
    yield from (("secrets", span) for span in _secrets(decl))


def _pipeline(program: Program, decl: Decl) -> Iterator[tuple[str, Span]]:
    schedule = decl.settings.get("schedule")
    if schedule is not None:
        yield f"schedule.{schedule.value.name}", schedule.span
    yield from _given(decl, {"retries": "retries", "timeout": "timeout", "notify": "notify"})
    if program.triggers:
        yield "trigger.new_data", next((r.span for r in _rules(decl, "when")), decl.node.name.span)


def _given(decl: Decl, features: dict[str, str]) -> Iterator[tuple[str, Span]]:
    """Features behind settings that somebody wrote and that are not zero or empty."""
    for setting, feature in features.items():
        value = decl.settings.get(setting)
        if value is not None and value.origin != "default" and value.value not in (0, []):
            yield feature, value.span


def _source(program: Program, source: CallValue) -> str:
    if source.name == "python":
        return "source.python"
    connection = source.args.get("connection")
    if connection is not None and isinstance(connection.value, Ref):
        decl = program.decls.get(connection.value.name)
        kind = decl.settings["value"].value.name if decl is not None and "value" in decl.settings else ""
        return "source.object-store" if kind in ("s3", "gcs") else "source.database"
    path = source.args.get("path")
    return "source.object-store" if path is not None and str(path.value).startswith(_STORES) else "source.file"


def _deploy(decl: Decl) -> Iterator[tuple[str, Span]]:
    serve, rollout = decl.settings.get("serve"), decl.settings.get("rollout")
    if serve is not None and serve.value.name == "batch":
        yield "batch", serve.span
    else:
        yield "deploy", decl.node.name.span
    if rollout is not None and rollout.value.name != "immediate":
        yield f"rollout.{rollout.value.name}", rollout.span
    for rule in _rules(decl, "when"):
        yield "rollback.rule", rule.span


def _rules(decl: Decl, verb: str) -> Iterable[ast.Rule]:
    body = decl.node.body if isinstance(decl.node, ast.Block) else []
    return (s for s in body if isinstance(s, ast.Rule) and s.verb.text == verb)


def _secrets(decl: Decl) -> Iterator[Span]:
    waiting: list[Any] = list(decl.settings.values())
    for item in waiting:
        value = getattr(item, "value", item)
        if isinstance(value, CallValue):
            if value.name == "secret":
                yield value.span
            waiting += [*value.args.values(), *value.rest]
