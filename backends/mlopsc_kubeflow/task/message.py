"""KFP's executor input and output, read and written without its SDK.

The launcher brings input artifacts to local paths and takes output artifacts from them; which path an address stands for
is the SDK's rule (kfp 2.17, `kfp/dsl/types/artifact_types.py`), and a test compares the two.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

_MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
WORKSPACE = "/kfp-workspace"
PACKED = "zlib:"
TEXT = "mlopsc:"  # before a text that is JSON, because KFP would have replaced a part of the bare one
# A step as the runtime reads it, before what its slice says.
STEP: dict[str, Any] = {
    "inputs": {},
    "outputs": {},
    "settings": {},
    "after": [],
    "resources": {"cpu": 1, "memory": None, "gpu": 0},
    "retries": 0,
    "retry_delay": 5.0,
    "timeout": None,
    "modules": [],
}


def safe(text: str) -> str:
    """JSON that says the same without what KFP and Argo look for."""
    return text.replace("$", "\\u0024").replace("{{", "{\\u007b").replace(WORKSPACE, f"\\u002f{WORKSPACE[1:]}")


def carried(text: str) -> str:
    """A text as KFP is given it: as it is, unless KFP or Argo would replace a part of it."""
    if "{{" in text or WORKSPACE in text or text.startswith(TEXT):
        return TEXT + safe(json.dumps(text))
    return text


def path_of(artifact: dict[str, Any]) -> str:
    """Where an artifact's file is, or is to be put."""
    uri = str(artifact["uri"])
    found = artifact.get("customPath") or uri
    if found == uri:
        for scheme, mount in _MOUNTS.items():
            if uri.startswith(scheme):
                found = mount + uri[len(scheme) :]
        if uri.startswith("oci://"):
            found = "/oci/" + uri[len("oci://") :].replace("/", "_")
    if artifact.get("metadata", {}).get("_kfp_workspace") is True:
        found = os.path.join(WORKSPACE, ".artifacts", found.lstrip("/"))
    model = artifact.get("type", {}).get("schemaTitle") == "system.Model"
    return f"{found}/models" if model and uri.startswith("oci://") else str(found)


class Message:
    """One task's input and output. `slice` is its part of the Plan (see `mlopsc_kubeflow/slices.py`), whole again:
    plan         a Plan of the step and stubs of those that it reads from; for the last task, of all
    step         the step's id; for the last task, `finish` is there instead
    inputs       the task's keys of the artifacts that the step reads
    before       the keys of the outcomes of what stands before it
    outputs      the task's key of each output
    wait         seconds that an approval waits"""

    def __init__(self, found: dict[str, Any]) -> None:
        inputs = found.get("inputs", {})
        self.parameters: dict[str, Any] = {k: _plain(v) for k, v in inputs.get("parameterValues", {}).items()}
        self._inputs = inputs.get("artifacts", {})
        self._outputs = found.get("outputs", {})
        common = _unpacked(str(self.parameters["plan"]))
        self._params: dict[str, str] = common["params"]
        self.slice = _whole(common, _unpacked(str(self.parameters["step"])))
        self._written: dict[str, Any] = {}

    @classmethod
    def parse(cls, text: str) -> Message:
        return cls(json.loads(text))

    @property
    def run(self) -> str:
        """KFP's id of the run; of a task that KFP may take from its cache, a name for no run."""
        return str(self.parameters.get("run") or "kept-for-any-run")

    @property
    def params(self) -> dict[str, Any]:
        """Values of the spec's params by name, as KFP gives them."""
        return {name: _text(self.parameters[key]) for key, name in self._params.items() if key in self.parameters}

    def input(self, key: str) -> Path:
        return Path(path_of(self._inputs[key]["artifacts"][0]))

    def output(self, key: str, file: Path, metadata: dict[str, Any] | None = None) -> None:
        """Hand on a file as the output artifact `key`."""
        artifact = self._outputs["artifacts"][key]["artifacts"][0]
        place = Path(path_of(artifact))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        artifact["metadata"] = {**artifact.get("metadata", {}), **_carried(metadata or {})}
        self._written[key] = {"artifacts": [artifact]}

    def has_output(self, key: str) -> bool:
        return key in self._outputs.get("artifacts", {})

    def close(self) -> None:
        """Write the executor output, whole."""
        place = Path(self._outputs["outputFile"])
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(place.name + ".part")
        part.write_text(json.dumps({"artifacts": self._written}, allow_nan=False), encoding="utf-8")
        os.replace(part, place)


def before_it(number: int) -> list[int]:
    """How far back the needs of step `number` stand where the list of all steps does not say it: the one before."""
    return [1] if number else []


def _whole(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    steps = [{**STEP, **step} for step in own["steps"]]
    pipeline = {"name": common["pipeline"], "timeout": None, "steps": steps}
    plan = {**common["plan"], "pipelines": [pipeline]}
    if "channels" in own:
        plan["channels"] = own["channels"]
        pipeline["notify"] = own["notify"]
    if "finish" in own:
        for number, step in enumerate(steps):
            step["after"] = [steps[number - back]["id"] for back in step.pop("back", before_it(number))]
        return {**own, "plan": plan}
    step = next(step for step in steps if step["id"] == own["step"])
    numbered = [f"in_{n}" for n, _ in enumerate(step["inputs"], 1)]
    keys = own.get("inputs") or (numbered if step["kind"] == "custom" else [f"in_{name}" for name in step["inputs"]])
    producers = dict.fromkeys([*(artifact.rpartition("/")[0] for artifact in step["inputs"].values()), *step["after"]])
    return {
        **own,
        "plan": plan,
        "inputs": dict(zip(step["inputs"].values(), keys, strict=True)),
        "before": [f"after_{n}" for n, _ in enumerate(producers, 1)],
        "outputs": {name: name for name in step["outputs"]} | own.get("outputs", {}),
    }


def _carried(value: Any) -> Any:
    """Metadata comes back in the input of the tasks that read the artifact."""
    if isinstance(value, dict):
        return {key: _carried(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_carried(item) for item in value]
    return carried(value) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """A param's value; what `carried` made of a text is read back."""
    if isinstance(value, str) and value.startswith(TEXT):
        with contextlib.suppress(ValueError):
            return json.loads(value[len(TEXT) :])
    return value


def _unpacked(text: str) -> dict[str, Any]:
    if text.startswith(PACKED):
        text = zlib.decompress(base64.b64decode(text[len(PACKED) :])).decode("ascii")
    found: dict[str, Any] = json.loads(text)
    return found


def _plain(value: Any) -> Any:
    """Older launchers wrap values: {"stringValue": "x"}."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("stringValue", "numberValue", "boolValue"):
        return next(iter(value.values()))
    return value
