"""What a step function is given. No step knows its orchestrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store.objects import Store


@dataclass(slots=True)
class Context:
    """A step function is `def run(ctx: Context) -> dict`: it reads `ctx.inputs`, writes every file of `ctx.outputs` (paths of
    its own that do not exist yet) and returns a small JSON summary that the run record keeps.

    settings: the step's slice of the Plan, params already replaced by their values. data_root: where relative source
    paths start. scratch: an empty folder that is removed afterwards. store: registry, journal and objects; steps other
    than gate, approve and register must not touch it. memory: bytes that this step may use, or None.
    """

    step: str
    settings: dict[str, Any]
    inputs: dict[str, Path]
    outputs: dict[str, Path]
    data_root: Path
    scratch: Path
    run: str
    store: Store
    modules_root: Path  # folder on which local modules of the spec are found
    cpu: int = 1
    memory: int | None = None
    digests: dict[str, str] = field(default_factory=dict)  # of the inputs, "sha256:…"
    log: Callable[..., None] = lambda event, **fields: None  # log("event", key=value): one JSON line
    lineage: dict[str, Any] = field(default_factory=dict)  # digests of spec, modules, runtime and data; params; profile
