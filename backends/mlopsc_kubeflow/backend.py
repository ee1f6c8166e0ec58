"""Emits a KFP v2 pipeline that any client uploads, with the image of its steps and a script that submits it."""

from __future__ import annotations

from typing import Any

from mlopsc.ir.plan import Pipeline, Plan
from mlopsc.target import bundle, yamltext
from mlopsc.target.capability import Capabilities, object_store
from mlopsc.target.literals import environment
from mlopsc.target.pins import pinned
from mlopsc.target.protocol import EmitOptions, Files
from mlopsc_kubeflow import embed, references
from mlopsc_kubeflow.capabilities import CAPABILITIES
from mlopsc_kubeflow.executors import Executors
from mlopsc_kubeflow.options import Settings
from mlopsc_kubeflow.refusal import refuse
from mlopsc_kubeflow.settings import read
from mlopsc_kubeflow.spec import SpecWriter, param_keys
from mlopsc_kubeflow.task.message import TEXT, WORKSPACE

# Bytes of a pipeline.yaml that carries the runtime: Kubernetes keeps 1.5 MiB, and Argo's copy is larger than the file.
LARGEST = 1 << 20
STEP_FOLDER = "step"


class KubeflowBackend:
    """See `mlopsc.target.protocol.Backend`."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        """Refused where KFP cannot express what the Plan asks for."""
        training = plan.pipelines[0]
        settings = read(options.values, training.name)
        requirements = pinned(bundle.requirements(plan, settings.store))
        carried = embed.task_files(options.modules)
        text = _pipeline(plan, training, settings, carried, requirements)
        names = _names(plan, training, settings)
        templates = environment("mlopsc_kubeflow")
        files = {"pipeline.yaml": text.encode("utf-8"), "plan.json": bundle.plan_file(plan)}
        files["requirements.txt"] = "".join(f"{line}\n" for line in requirements).encode("ascii")
        for name in ("Dockerfile", "README.md", "submit.py"):
            files[name] = templates.get_template(f"{name}.j2").render(names).encode("utf-8")
        return files | {f"{STEP_FOLDER}/{path}": data for path, data in carried.items()}


def _pipeline(plan: Plan, pipeline: Pipeline, settings: Settings, carried: Files, requirements: list[str]) -> str:
    chunks = [] if settings.image else embed.chunks(carried)
    executors = Executors(settings, chunks, requirements)
    spec = SpecWriter(plan, pipeline, settings, executors).write()
    wrong = references.dangling(spec)
    assert not wrong, wrong
    platform = executors.platform()
    documents = [spec] if platform is None else [spec, platform]
    text = "---\n".join(yamltext.dump(document) for document in documents)
    if settings.image is None and len(text.encode("utf-8")) > LARGEST:
        told = f"pipeline.yaml would have {len(text) // 1024} KiB; many clusters take {LARGEST // 1024}"
        raise refuse("kubeflow-too-large", told, "Give the target an image: the runtime is then not part of the file.")
    return text


def _names(plan: Plan, pipeline: Pipeline, settings: Settings) -> dict[str, Any]:
    return {
        "plan": plan,
        "pipeline": pipeline,
        "settings": settings,
        "bucket": settings.store is not None and object_store(settings.store),
        "wait": f"{settings.approval_wait:g}",
        "schedule": _schedule(pipeline),
        "params": {p.name: (key, p.default, p.type) for p, key in zip(plan.params, param_keys(plan).values(), strict=True)},
        "mark": TEXT,
        "workspace": WORKSPACE,
        "gates": [step.id.partition(":")[2] for step in pipeline.steps if step.kind == "approve"],
        "base_image": settings.base_image,
        "step_folder": STEP_FOLDER,
        "task": embed.TASK_PACKAGE,
        "told": ", ".join(pipeline.notify),
        "others": [p.name for p in plan.pipelines[1:]],
    }


def _schedule(pipeline: Pipeline) -> dict[str, Any] | None:
    """Arguments of the client's create_recurring_run. KFP's cron begins with seconds and knows no time zone of its own."""
    found = pipeline.schedule
    if found is None:
        return None
    if found.every is not None:
        return {"interval_second": int(found.every)}
    zone = f"TZ={found.timezone} " if found.timezone else ""
    return {"cron_expression": f"{zone}0 {found.cron}"}


BACKEND = KubeflowBackend()
