"""The artifacts of each kind of step (docs/steps.md): what it writes, and where its inputs come from."""

from __future__ import annotations

from mlopsc.passes.lowering import Lowering
from mlopsc.semantics.program import Program
from mlopsc.semantics.steps import known, looked_at, tables_of_rules

OUTPUTS: dict[str, dict[str, str]] = {
    "ingest": {"rows": "parquet", "quarantine": "parquet", "report": "json"},
    "clean": {"rows": "parquet", "report": "json"},
    "validate": {"report": "json"},
    "split": {"split": "npz"},
    "train": {"model": "zip", "report": "json", "timing": "json"},
    "evaluate": {"predictions": "npz", "metrics": "json", "timing": "json"},
    "gate": {"verdict": "json"},
    "approve": {"decision": "json"},
    "register": {"version": "json"},
    "custom": {"result": "json"},
    "score": {"predictions": "parquet", "report": "json"},
    "monitor": {"report": "json"},
}
# What is handed to a `step` block that names a declaration of the kind among its inputs.
_HANDED = {"data": "clean:{}/rows", "model": "train:{}/model", "gate": "gate:{}/verdict", "step": "custom:{}/result"}


def artifacts(lowering: Lowering, kind: str, name: str) -> dict[str, str]:
    """The inputs of a step of the training pipeline: name -> artifact."""
    program = lowering.program
    if kind in ("ingest", "clean", "validate"):
        return _of_data(program, kind, name)
    if kind in ("gate", "approve"):
        return _of_gate(program, kind, name)
    if kind == "custom":
        value = program.steps[name].settings.get("inputs")
        refs = value.value if value is not None else []
        return {ref.name: _HANDED[ref.kind].format(ref.name) for ref in refs if known(program, ref.kind, ref.name)}
    return _of_model(lowering, kind, name)


def _of_data(program: Program, kind: str, name: str) -> dict[str, str]:
    if kind == "ingest":
        return {}
    if kind == "clean":
        return {"rows": f"ingest:{name}/rows"}
    others = {f"rows.{other}": f"clean:{other}/rows" for other in sorted(tables_of_rules(program, name))}
    return {
        "rows": f"clean:{name}/rows",
        "ingest": f"ingest:{name}/report",
        "clean": f"clean:{name}/report",
        **others,
    }


def _of_model(lowering: Lowering, kind: str, name: str) -> dict[str, str]:
    program = lowering.program
    info = program.models[name].features
    data = info.data.decl.name
    rows = {"rows": f"clean:{data}/rows"}
    others = {f"rows.{other}": f"clean:{other}/rows" for other in sorted(looked_at(program, info.decl.name))}
    if kind == "split":
        return rows
    split = {"split": f"split:{name}/split"}
    if kind == "train":
        return rows | split | others
    model = {"model": f"train:{name}/model"}
    if kind == "evaluate":
        return rows | split | model | others
    found = {**model, "metrics": f"evaluate:{name}/metrics", **split, "train": f"train:{name}/report"}
    for gate in lowering.deciding[name]:
        found[f"verdict.{gate}"] = f"gate:{gate}/verdict"
        if "approval" in program.gates[gate].decl.settings:
            found[f"decision.{gate}"] = f"approve:{gate}/decision"
    return found


def _of_gate(program: Program, kind: str, name: str) -> dict[str, str]:
    model = program.gates[name].model
    own = model.decl.name
    if kind == "approve":
        return {
            "verdict": f"gate:{name}/verdict",
            "metrics": f"evaluate:{own}/metrics",
            "model": f"train:{own}/model",
        }
    others = sorted(looked_at(program, model.features.decl.name))
    return {
        "rows": f"clean:{model.features.data.decl.name}/rows",
        "split": f"split:{own}/split",
        "model": f"train:{own}/model",
        "predictions": f"evaluate:{own}/predictions",
        "metrics": f"evaluate:{own}/metrics",
        "timing": f"evaluate:{own}/timing",
        "train_timing": f"train:{own}/timing",
        **{f"rows.{other}": f"clean:{other}/rows" for other in others},
    }
