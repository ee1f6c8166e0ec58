"""All features of a model: from columns to one float64 matrix, C-contiguous, without copies on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import parts as parts_
from .columns import Floats
from .links import Definitions, linked, resolved
from .pipes import Learning, Pipe, restore


@dataclass(slots=True)
class InputColumn:
    """A row expression that some feature reads; equal expressions are computed once."""

    name: str
    expr: dict[str, Any]
    type: str


def inputs_of(features: Sequence[dict[str, Any]]) -> tuple[list[InputColumn], list[list[str]], Definitions]:
    """The distinct row expressions, named x0, x1 …, for each feature the names that it reads, and the definitions that
    the expressions stand on."""
    columns, define = linked(features)
    seen: dict[str, InputColumn] = {}
    reads = []
    for feature in features:
        names = []
        for expr, kind in zip(feature["inputs"], feature["types"], strict=True):
            found = columns.get(feature["name"]) or resolved(expr, columns)
            text = json.dumps([found, kind], sort_keys=True)
            if text not in seen:
                seen[text] = InputColumn(f"x{len(seen)}", found, kind)
            names.append(seen[text].name)
        reads.append(names)
    return list(seen.values()), reads, define


class FeatureSet:
    """Fitted features, in the order of the spec."""

    def __init__(self, features: Sequence[dict[str, Any]], pipes: list[Pipe]) -> None:
        self.features = list(features)
        self.inputs, self.reads, self.define = inputs_of(features)
        self.pipes = pipes
        self.width = sum(pipe.width for pipe in pipes)

    @classmethod
    def fit(
        cls, features: Sequence[dict[str, Any]], columns: dict[str, Any], learning: Learning
    ) -> tuple[FeatureSet, Floats]:
        """The fitted features and the matrix of the training rows. `columns` by the names of `inputs_of`."""
        _, reads, _ = inputs_of(features)
        pipes, blocks = [], []
        for feature, names in zip(features, reads, strict=True):
            pipe, parts = Pipe.fit(feature, [columns[name] for name in names], learning)
            pipes.append(pipe)
            blocks.append(parts)
        fitted = cls(features, pipes)
        return fitted, _assemble(blocks, len(learning.y), fitted.width)

    def transform(self, columns: dict[str, Any]) -> Floats:
        blocks = [
            pipe.apply([columns[name] for name in names]) for pipe, names in zip(self.pipes, self.reads, strict=True)
        ]
        rows = len(columns[self.inputs[0].name].values) if self.inputs else 0
        return _assemble(blocks, rows, self.width)

    def names(self) -> list[str]:
        return [name for pipe in self.pipes for name in pipe.names()]

    def state(self) -> tuple[list[dict[str, Any]], list[Any]]:
        """JSON for model.json, and the transformers for the model file."""
        objects: list[Any] = []
        saved = [
            {**feature, "state": pipe.state(objects), "width": pipe.width}
            for feature, pipe in zip(self.features, self.pipes, strict=True)
        ]
        return saved, objects

    @classmethod
    def restore(cls, saved: Sequence[dict[str, Any]], objects: Sequence[Any]) -> FeatureSet:
        features = [{k: v for k, v in one.items() if k not in ("state", "width")} for one in saved]
        pipes = [
            restore(feature, one["state"], one["width"], objects) for feature, one in zip(features, saved, strict=True)
        ]
        return cls(features, pipes)


def _assemble(blocks: list[list[parts_.Part]], rows: int, width: int) -> Floats:
    out = np.zeros((rows, width))
    at = 0
    for block in blocks:
        for part in block:
            at = parts_.write(part, out, at)
        block.clear()  # each feature's values are freed once they stand in the matrix
    return out
