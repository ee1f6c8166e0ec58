"""KFP's executor input and output, read and written without its SDK.

The launcher brings input artifacts to local paths and takes output artifacts from them; which path an address stands for
is the SDK's rule (kfp 2.17, `kfp/dsl/types/artifact_types.py`), and a test compares the two.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

_MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
_WORKSPACE = "/kfp-workspace"
PACKED = "zlib:"


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
        found = os.path.join(_WORKSPACE, ".artifacts", found.lstrip("/"))
    model = artifact.get("type", {}).get("schemaTitle") == "system.Model"
    return f"{found}/models" if model and uri.startswith("oci://") else str(found)


class Message:
    """One task's input and output. `slice` is its part of the Plan (see `mlopsc_kubeflow/slices.py`)."""

    def __init__(self, found: dict[str, Any]) -> None:
        inputs = found.get("inputs", {})
        self.parameters: dict[str, Any] = {k: _plain(v) for k, v in inputs.get("parameterValues", {}).items()}
        self._inputs = inputs.get("artifacts", {})
        self._outputs = found.get("outputs", {})
        self.slice: dict[str, Any] = _slice(str(self.parameters["step"]))
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
        """Values of the spec's params by name. KFP has one kind of number: whole ones are made whole again."""
        kinds = {p["name"]: p["type"] for p in self.slice["plan"]["params"]}
        found = {name: self.parameters[key] for key, name in self.slice["params"].items() if key in self.parameters}
        return {
            name: int(value)
            if kinds[name] in ("int", "size") and isinstance(value, float) and value.is_integer()
            else value
            for name, value in found.items()
        }

    def input(self, key: str) -> Path:
        return Path(path_of(self._inputs[key]["artifacts"][0]))

    def output(self, key: str, file: Path, metadata: dict[str, Any] | None = None) -> None:
        """Hand on a file as the output artifact `key`."""
        artifact = self._outputs["artifacts"][key]["artifacts"][0]
        place = Path(path_of(artifact))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        artifact["metadata"] = {**artifact.get("metadata", {}), **(metadata or {})}
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


def _slice(text: str) -> dict[str, Any]:
    if text.startswith(PACKED):
        text = zlib.decompress(base64.b64decode(text[len(PACKED) :])).decode("ascii")
    found: dict[str, Any] = json.loads(text)
    return found


def _plain(value: Any) -> Any:
    """Older launchers wrap values: {"stringValue": "x"}."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("stringValue", "numberValue", "boolValue"):
        return next(iter(value.values()))
    return value
