"""What every part of lowering needs: places, numbers that a run may override, calls of the vocabulary as plain values."""

from __future__ import annotations

import posixpath
from typing import Any

from mlopsc.ir.plan import Channel, Connection, EnvRef, ParamRef, SecretRef, Where
from mlopsc.semantics.program import CallValue, Decl, DeployInfo, GateInfo, Program, Ref, Value
from mlopsc.semantics.steps import deciding_gates
from mlopsc.source import Span


class Lowering:
    """One program being lowered."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._paths = {program.sources.sources[0].path: next(iter(program.files), "")}
        shown = posixpath.dirname(program.sources.sources[0].path.replace("\\", "/"))
        for path in program.files:
            self._paths.setdefault(posixpath.normpath(posixpath.join(shown, path)), path)
        self.deciding = deciding_gates(program)  # by model
        self.gates: dict[str, list[GateInfo]] = {name: [] for name in program.models}
        for gate in program.gates.values():
            self.gates[gate.model.decl.name].append(gate)
        self.deploys: dict[str, list[DeployInfo]] = {name: [] for name in program.models}
        for deploy in program.deploys.values():
            self.deploys[deploy.model.decl.name].append(deploy)

    def where(self, span: Span) -> Where:
        source, line, column = self.program.sources.locate(span[0])
        return Where(file=self._paths.get(source.path, source.path), line=line, column=column)

    def at(self, decl: Decl) -> Where:
        return self.where(decl.node.name.span)


def plain(value: Any) -> Any:
    """A setting's value as JSON: params, secrets and environment variables as {"param"}, {"secret"}, {"env"}."""
    if isinstance(value, Value):
        return plain(value.value)
    if isinstance(value, Ref):
        return {"param": value.name} if value.kind == "param" else value.name
    if isinstance(value, CallValue):
        if value.name in ("secret", "env"):
            return {value.name: plain(value.args["name"])}
        return {"name": value.name, "args": {name: plain(arg) for name, arg in value.args.items()}}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def setting(decl: Decl, path: str, default: Any = None) -> Any:
    """A setting's value as JSON; the default where it is absent."""
    found = decl.settings.get(path)
    return default if found is None else plain(found.value)


def number(value: Any) -> Any:
    """A number of the Plan: itself, or a ParamRef."""
    if isinstance(value, Ref):
        return ParamRef(param=value.name)
    if isinstance(value, dict):
        return ParamRef(param=value["param"])
    return value


def relative(decl: Decl, path: str) -> str:
    """A path of a spec relative to the spec's folder, wherever the file that names it stands."""
    if "://" in path or posixpath.isabs(path):
        return path
    return posixpath.normpath(posixpath.join(posixpath.dirname(decl.file), path))


def _argument(value: Any) -> Any:
    if isinstance(value, dict) and "secret" in value:
        return SecretRef(secret=value["secret"])
    if isinstance(value, dict) and "env" in value:
        return EnvRef(env=value["env"])
    return tuple(_argument(item) for item in value) if isinstance(value, list) else value


def connection(decl: Decl) -> Connection:
    call: CallValue = decl.settings["value"].value
    args = {name: _argument(plain(value)) for name, value in call.args.items()}
    if isinstance(args.get("path"), str):
        args["path"] = relative(decl, args["path"])
    return Connection(name=decl.name, kind=call.name, args=args)


def channel(decl: Decl) -> Channel:
    call: CallValue = decl.settings["value"].value
    return Channel(
        name=decl.name, kind=call.name, args={name: _argument(plain(value)) for name, value in call.args.items()}
    )
