"""From syntax trees to a checked program. Nothing is raised: what is wrong is in the bag, what could not be understood is
absent from the program."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mlopsc.catalog.blocks import BINDINGS, BLOCKS
from mlopsc.catalog.metrics import TASKS
from mlopsc.diagnostics.model import Bag
from mlopsc.semantics.bindings import check_call_binding, check_param
from mlopsc.semantics.cascades import drop_echoes
from mlopsc.semantics.context import Context
from mlopsc.semantics.data import check_data
from mlopsc.semantics.deploy import check_deploy, gates_are_known, gates_by_model
from mlopsc.semantics.depth import check_depth
from mlopsc.semantics.features import check_features, expand_stars
from mlopsc.semantics.gates import check_gate
from mlopsc.semantics.imports import Unit, declare, load
from mlopsc.semantics.metrics import check_metric_binding
from mlopsc.semantics.models import (
    check_unfinished,
    check_weights,
    finish_model,
    reads,
    start_model,
)
from mlopsc.semantics.modules import find_function
from mlopsc.semantics.monitors import check_monitor
from mlopsc.semantics.pipeline import check_pipeline, check_target
from mlopsc.semantics.profiles import apply_overrides, check_profiles
from mlopsc.semantics.program import Decl, Program
from mlopsc.semantics.runnable import check_runnable
from mlopsc.semantics.silencers import apply_silencers
from mlopsc.semantics.steps import check_order, check_step
from mlopsc.semantics.tests_block import check_test
from mlopsc.semantics.unused import check_unused
from mlopsc.semantics.variants import check_variants
from mlopsc.source import SourceMap
from mlopsc.syntax import ast

CURRENT_EDITION = 2026
_KINDS: dict[str, object] = {**BLOCKS, **BINDINGS}
Read = Callable[[str], bytes]


def analyse(
    sources: SourceMap,
    file: ast.File,
    *,
    folder: str | None,
    name: str,
    read: Read,
    bag: Bag,
    profile: str | None = None,
    overrides: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    target: str | None = None,
    installed: Callable[[], Iterable[str]] = tuple,
    shared: bool = False,
) -> Program:
    """Check a spec, which is the first text of `sources` and stands as `name` in `folder`.

    `read` gives the bytes of a file by its path relative to that folder, and raises OSError or ValueError where there
    is none. `overrides` are those of `--set`, by name. `target` is the chosen one; `installed` names the back ends that are
    here besides the known ones. `shared`: the file is no spec, it holds declarations for specs to import.
    """
    collecting = gc.isenabled()
    # Nothing that is made here is garbage before the end; looking for it takes half of the time of a long spec.
    gc.disable()
    try:
        ctx = Context(Program(sources, CURRENT_EDITION, {}), bag, folder)
        ctx.read = ctx.program.read = read
        units = _units(ctx, file, name, read)
        _check_editions(ctx, units, shared)
        given = _Given(units, profile, dict(overrides), target, installed)
        _prove(ctx, given)
        check_profiles(ctx)
        if not shared:
            _check_pipeline(ctx, units)
        check_variants(ctx, units, lambda variant, chosen: _prove_variant(variant, given._replace(profile=chosen)))
        if not shared:
            check_unused(ctx, units)
        drop_echoes(ctx)
        apply_silencers(ctx, units)
        return ctx.program
    finally:
        if collecting:
            gc.enable()


# Findings after which a file's declarations are not known at all.
_UNREAD = frozenset(("bad-import", "bad-encoding", "file-too-large"))


class _Given(NamedTuple):
    """What a check is asked for, besides the spec's folder. `overrides` are those of `--set`."""

    units: list[Unit]
    profile: str | None
    overrides: dict[str, str]
    target: str | None
    installed: Callable[[], Iterable[str]]


def _units(ctx: Context, file: ast.File, name: str, read: Read) -> list[Unit]:
    """The spec and its imports; what could not be read of them is entered into the damage."""
    units = load(ctx, ctx.program.sources, file, name, read)
    ctx.damage.everything = any(item.name in _UNREAD for item in ctx.bag.items)
    for unit in units:
        ctx.damage.add(unit.source, unit.file, ctx.bag, _KINDS)
    return units


def _prove(ctx: Context, given: _Given) -> None:
    """Everything that a profile may change."""
    declare(ctx, given.units, _KINDS)
    apply_overrides(ctx, ctx.program.sources, given.profile, given.overrides)
    _check_blocks(ctx, given.installed)
    check_depth(ctx)
    if given.target is not None:
        check_runnable(ctx, given.target.partition("@")[0])


def _prove_variant(ctx: Context, given: _Given) -> None:
    _prove(ctx, given._replace(overrides={}))
    drop_echoes(ctx)
    apply_silencers(ctx, given.units)


def _check_pipeline(ctx: Context, units: list[Unit]) -> None:
    spec = units[0]
    lacking = ctx.program.pipeline is None and not ctx.damage.may_declare("pipeline")
    if lacking and (spec.file.items or spec.file.imports or spec.file.edition):
        start = spec.source.base
        ctx.bag.report("no-pipeline", (start, start), "A spec has one pipeline block, and this one has none.")


def _check_editions(ctx: Context, units: list[Unit], shared: bool) -> None:
    for position, unit in enumerate(units):
        edition = unit.file.edition
        if edition is not None and edition.year != CURRENT_EDITION:
            message = f"There is no edition {edition.year}: the editions are {CURRENT_EDITION}."
            ctx.report("unknown-edition", edition.span, message, help=f"Write edition {CURRENT_EDITION}.")
        elif edition is None and position == 0 and _needs_edition(ctx, unit, shared):
            start = unit.source.base
            message = f"The spec names no edition, so the current one, {CURRENT_EDITION}, holds."
            ctx.report("missing-edition", (start, start), message, help=f"Write edition {CURRENT_EDITION} first.")


def _needs_edition(ctx: Context, spec: Unit, shared: bool) -> bool:
    lost = ctx.damage.first_item or "edition" in ctx.damage.lost
    return not shared and bool(spec.file.items or spec.file.imports) and not lost


def _check_blocks(ctx: Context, installed: Callable[[], Iterable[str]]) -> None:
    """Every declaration, kinds that others build on first."""
    program = ctx.program
    by_kind: dict[str, list[Decl]] = {}
    for decl in program.decls.values():
        if decl.kind in BLOCKS and not isinstance(decl.node, ast.Block):
            message = f"A {decl.kind} is a block."
            ctx.report(
                "misplaced-statement", decl.node.kind.span, message, help=f"Write {decl.kind} {decl.name} {{ … }}."
            )
        else:
            by_kind.setdefault(decl.kind, []).append(decl)

    def each(kind: str) -> list[Decl]:
        return by_kind.get(kind, [])

    for decl in each("param"):
        check_param(ctx, decl)
    for decl in each("connection"):
        check_call_binding(ctx, decl, "connections")
    for decl in each("channel"):
        check_call_binding(ctx, decl, "channels")
    for decl in each("pipeline"):
        check_pipeline(ctx, decl)
    for decl in each("data"):
        program.data[decl.name] = check_data(ctx, decl)
        _check_source_module(ctx, decl)
    for decl in each("features"):
        info = check_features(ctx, decl)
        if info is not None:
            program.features[decl.name] = info
    _check_models(ctx, each("model"), each("metric"))
    for decl in each("gate"):
        check_gate(ctx, decl)
    on_model = gates_by_model(each("gate"))
    gates_known = gates_are_known(ctx, each("gate"))
    for decl in each("deploy"):
        check_deploy(ctx, decl, on_model, gates_known)
    for decl in each("monitor"):
        check_monitor(ctx, decl)
    for decl in each("step"):
        check_step(ctx, decl)
    check_order(ctx)
    for decl in each("test"):
        check_test(ctx, decl)
    for decl in each("target"):
        check_target(ctx, decl, installed)


def _check_source_module(ctx: Context, decl: Decl) -> None:
    source = decl.settings.get("source")
    if source is not None and source.value.name == "python":
        ref = source.value.args["ref"]
        find_function(ctx, ref.value, ref.span)


def _check_models(ctx: Context, models: list[Decl], metrics: list[Decl]) -> None:
    program = ctx.program
    for decl in models:
        start_model(ctx, decl)
    tasks = list(dict.fromkeys(model.task for model in program.models.values()))
    for decl in metrics:
        check_metric_binding(ctx, decl, tasks or list(TASKS))
    excluded: dict[str, set[str]] = {name: set() for name in program.features}
    for model in program.models.values():
        check_weights(ctx, model)
        excluded[model.features.decl.name] |= reads(model)
    for name, info in program.features.items():
        expand_stars(ctx, info, excluded[name])
    for model in program.models.values():
        finish_model(ctx, model)
    for decl in models:
        if decl.name not in program.models:
            check_unfinished(ctx, decl)
