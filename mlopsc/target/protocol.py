"""What a back end is: capabilities, and one function from a Plan to files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlopsc.ir.plan import Plan
from mlopsc.target.capability import Capabilities

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """What emitting needs besides the Plan.

    values: the target block's settings by name. spec_folder: the spec's folder relative to the output folder, POSIX.
    modules: texts of the local modules of `plan.modules`, by path. version: of the target; None for the newest.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    spec_folder: str = "."
    modules: Mapping[str, bytes] = field(default_factory=dict)
    version: str | None = None


class Refused(Exception):  # noqa: N818 - told to the user with its code, never a fault
    """Raised by `emit` for a Plan or settings that the target cannot express. `name` is a diagnostic's readable name, with
    `code`; the message names the target and its version."""

    def __init__(self, code: str, name: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.help = help


class Backend(Protocol):
    """`emit` is a function of its arguments alone: equal input gives equal bytes on every machine, and no path in them is
    absolute unless the spec wrote it. It writes glue; what a step does is the runtime's."""

    @property
    def capabilities(self) -> Capabilities: ...

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        """Files by POSIX path relative to the output folder. Raises Refused."""
        ...
