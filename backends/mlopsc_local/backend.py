"""Emits a folder that `python run.py` runs, with the listed packages and nothing of the compiler."""

from __future__ import annotations

import posixpath
from typing import Any

from mlopsc.ir.plan import Pipeline, Plan, Step
from mlopsc.target import bundle
from mlopsc.target.capability import Capabilities, object_store
from mlopsc.target.literals import environment
from mlopsc.target.protocol import EmitOptions, Files
from mlopsc_local.capabilities import CAPABILITIES

MODULES = "modules"


class LocalBackend:
    """See `mlopsc.target.protocol.Backend`."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        training = plan.pipelines[0]
        templates = environment("mlopsc_local")
        names = _names(plan, training, options)
        files = {
            f"{name}": templates.get_template(f"{name}.j2").render(names).encode("utf-8")
            for name in ("run.py", "README.md", "requirements.txt")
        }
        files["plan.json"] = bundle.plan_file(plan)
        files |= bundle.runtime_files()
        files |= {f"{MODULES}/{path}": data for path, data in sorted(options.modules.items())}
        return files


def _names(plan: Plan, training: Pipeline, options: EmitOptions) -> dict[str, Any]:
    store = options.values.get("store") or ".mlopsc"
    return {
        "plan": plan,
        "pipeline": training,
        "steps": [(step.id, _says(step)) for step in training.steps],
        "width": max((len(repr(step.id)) for step in training.steps), default=0),
        "data_root": _joined(options.spec_folder, options.values.get("data_root") or "."),
        "store": store if object_store(store) else _joined(options.spec_folder, store),
        "store_is_folder": not object_store(store),
        "modules": MODULES,
        "requirements": bundle.requirements(plan, store),
        "secrets": bundle.environment_names(plan),
        "told": ", ".join(training.notify),
        "gates": [step.id.partition(":")[2] for step in training.steps if step.kind == "approve"],
        "others": [p.name for p in plan.pipelines[1:]],
    }


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _says(step: Step) -> str:
    return bundle.DOES.get(step.kind, "is not run by this release")


BACKEND = LocalBackend()
