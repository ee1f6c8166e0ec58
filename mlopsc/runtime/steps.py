"""The kinds of steps: what runs them, which packages their results depend on, what a parent imports before it forks."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import warm
from .context import Context
from .data.paths import find_files
from .errors import StepError
from .fingerprint import fingerprint

StepFunction = Callable[[Context], "dict[str, Any] | None"]
PACKAGE = __name__.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class StepKind:
    """`run` is "module:function" (a leading dot: of this runtime). `identity(settings, data_root, known)` tells what the
    step reads from outside its inputs, None where that is known only by reading it. `warm(settings)` imports, and does
    nothing else. `champion`: the result depends on the version that serves now. `promotes`: it makes a model that version,
    so a result of the past counts only while the model still is."""

    run: str
    packages: tuple[str, ...] = ()
    numeric: bool = False
    champion: bool = False
    promotes: bool = False
    identity: Callable[[dict[str, Any], Path, dict[str, Any]], Any] | None = None
    warm: Callable[[dict[str, Any]], None] | None = None


Table = Mapping[str, StepKind]


def load(reference: str) -> StepFunction:
    """The function that "module:function" names."""
    module, _, function = reference.partition(":")
    found: StepFunction = getattr(importlib.import_module(module, PACKAGE), function)
    return found


def _ingest_identity(settings: dict[str, Any], data_root: Path, known: dict[str, Any]) -> Any:
    """Names and content of the files read; None for databases and functions, which are read on every run."""
    source = settings["source"]
    if source["kind"] not in ("csv", "parquet", "json_lines") or "://" in source["path"]:
        return None
    files = find_files(data_root, source["path"])
    names = [os.path.relpath(file, data_root) for file in files]
    return list(zip(names, fingerprint(files, known), strict=True))


_DATA = ("duckdb",)
_ML = ("duckdb", "numpy", "scipy", "scikit-learn", "skops", "optuna", "xgboost-cpu", "xgboost", "lightgbm")

STEPS: dict[str, StepKind] = {
    "ingest": StepKind(
        ".data.ingest:run", (*_DATA, "pandas", "polars", "pyarrow"), identity=_ingest_identity, warm=warm.data
    ),
    "clean": StepKind(".data.clean:run", _DATA, warm=warm.data),
    "validate": StepKind(".data.validate:run", _DATA, numeric=True, warm=warm.data),
    "split": StepKind(".data.split:run", (*_DATA, "numpy"), warm=warm.split),
    "train": StepKind(".ml.train:run", _ML, numeric=True, warm=warm.model),
    "evaluate": StepKind(".ml.evaluate:run", _ML, numeric=True, warm=warm.model),
    "gate": StepKind(".ml.gate:run", _ML, numeric=True, champion=True, warm=warm.model),
    "approve": StepKind(".approve:run", warm=warm.own),
    "register": StepKind(".register:run", champion=True, promotes=True, warm=warm.own),
    "custom": StepKind(".custom:run", warm=warm.own),
}


# Kinds that are compiled, and by this release run by nobody: never chosen, shown as skipped.
IDLE = ("deploy", "score", "monitor")


def kind_of(step: dict[str, Any], table: Table) -> StepKind:
    """The entry of a step's kind. StepError for a kind that this runtime cannot run."""
    try:
        return table[step["kind"]]
    except KeyError:
        raise StepError(
            "MLC9012",
            "step-not-runnable",
            f"{step['id']}: this runtime has no step of kind {step['kind']}",
            where=step.get("where"),
        ) from None
