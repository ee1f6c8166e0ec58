"""Reading a Plan: plain dicts of the shape of `mlopsc.ir.plan`, params bound, steps chosen."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .errors import UsageError

PLAN_FORMAT = 1
_LISTED = 12  # levels that a message names
_UNITS = {
    "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?)(ms|s|min|h|d|w|KiB|MiB|GiB|TiB)")
_EXAMPLES = {
    "int": "30", "float": "0.5", "bool": "true", "share": "20%", "duration": "30d", "size": "512MiB",
    "date": "2026-01-31", "timestamp": "2026-01-31T00:00:00Z",
}  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    """The Plan in a JSON file. UsageError where it cannot be read or is of another format."""
    try:
        plan = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError("MLC9013", "bad-plan", f"{path} cannot be read as a plan: {error}") from None
    check_format(plan)
    return plan  # type: ignore[no-any-return]


def check_format(plan: Mapping[str, Any]) -> None:
    if plan.get("format") != PLAN_FORMAT:
        raise UsageError(
            "MLC9013",
            "bad-plan",
            f"the plan has format {plan.get('format')}; this runtime reads format {PLAN_FORMAT}",
            help="compile the spec again",
        )


def pipeline(plan: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
    """The pipeline of that name; the first, which trains, without one."""
    pipelines: list[dict[str, Any]] = list(plan["pipelines"])
    for found in pipelines:
        if name is None or found["name"] == name:
            return found
    raise UsageError(
        "MLC9014", "unknown-pipeline", f"the plan has no pipeline {name}{_like(name, (p['name'] for p in pipelines))}"
    )


def bind_params(plan: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every param: as given (a text is read by the param's type), else its default. UsageError for a name
    that is no param, a value that is none of its type, or one outside its range or its levels."""
    declared = {p["name"]: p for p in plan.get("params", ())}
    for name in given:
        if name not in declared:
            raise UsageError(
                "MLC9015",
                "unknown-param",
                f"the spec has no param {name}{_like(name, declared)}",
                help="`param NAME : type = default` declares one" if not declared else None,
            )
    values = {}
    for name, param in declared.items():
        value = given[name] if name in given else param["default"]
        if name in given:
            value = _parse(param, value) if isinstance(value, str) else _typed(param, value)
            _check_level(param, value)
        _check_range(param, value)
        values[name] = value
    return values


def _parse(param: Mapping[str, Any], text: str) -> Any:
    kind = param["type"]
    try:
        return _PARSERS[kind](text.strip()) if kind in _PARSERS else text
    except ValueError:
        raise _no_value(param, repr(text)) from None


def _typed(param: Mapping[str, Any], value: Any) -> Any:
    """A value of JSON as one of the param's type. JSON of others has one kind of number: 3.0 is an int, 3 a float."""
    kind = param["type"]
    if kind == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        if kind in ("int", "size") and value == int(value):
            return int(value)
        if kind in ("float", "share", "duration"):
            return float(value)
    raise _no_value(param, json.dumps(value, default=str))


def _no_value(param: Mapping[str, Any], shown: str) -> UsageError:
    name, kind = param["name"], param["type"]
    example = _EXAMPLES.get(kind) or next(iter(param.get("levels") or ()), "TEXT")
    return UsageError(
        "MLC9016",
        "bad-param-value",
        f"{shown} is no {kind}, as param {name} wants",
        where=param.get("where"),
        help=f"for example --set {name}={example}",
    )


def _check_level(param: Mapping[str, Any], value: Any) -> None:
    levels = param.get("levels")
    if levels is None or value in levels:
        return
    near = get_close_matches(value, levels, 1)
    listed = ", ".join(levels[:_LISTED]) + (f" and {len(levels) - _LISTED} more" if len(levels) > _LISTED else "")
    raise UsageError(
        "MLC9016",
        "bad-param-value",
        f"{value!r} is not a level of param {param['name']}",
        where=param.get("where"),
        help=f"did you mean {near[0]}?" if near else f"its levels are {listed}",
    )


def _number(text: str) -> float:
    if not re.fullmatch(r"[-+]?[0-9][0-9_]*(\.[0-9]+)?([eE][-+]?[0-9]+)?", text) or math.isinf(float(text)):
        raise ValueError(text)
    return float(text)


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9][0-9_]*", text):
        raise ValueError(text)
    return int(text)


def _share(text: str) -> float:
    # 5% is 5 / 100 as the compiler has it, not 0.05 by another rounding.
    value = _number(text[:-1]) / 100 if text.endswith("%") else _number(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _quantity(text: str) -> float | int:
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(text)
    value = float(match[1]) * _UNITS[match[2]]
    return int(value) if match[2].endswith("B") else value


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _timestamp(text: str) -> str:
    datetime.fromisoformat(text)
    return text


_PARSERS: dict[str, Any] = {
    "int": _integer,
    "float": _number,
    "share": _share,
    "bool": _boolean,
    "duration": _quantity,
    "size": _quantity,
    "date": _date,
    "timestamp": _timestamp,
}


def _check_range(param: Mapping[str, Any], value: Any) -> None:
    lo, hi = param.get("lo"), param.get("hi")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and ((lo is not None and value < lo) or (hi is not None and value > hi)):
        bounds = f"{'' if lo is None else lo}..{'' if hi is None else hi}"
        raise UsageError(
            "MLC9016",
            "bad-param-value",
            f"param {param['name']} is {value}, outside {bounds}",
            where=param.get("where"),
        )


def bind(value: Any, params: Mapping[str, Any]) -> Any:
    """`value` with every {"param": NAME} and every expression of op "param" replaced by the param's value."""
    if isinstance(value, dict):
        if value.keys() == {"param"} and isinstance(value["param"], str):
            return params[value["param"]]
        if value.get("op") == "param":
            bound = params[value["name"]]
            if value["type"].rstrip("?") == "duration":
                bound = round(bound * 1_000_000)  # params hold seconds, expressions microseconds
            return {"op": "literal", "value": bound, "type": value["type"]}
        return {name: bind(item, params) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [bind(item, params) for item in value]
    return value


def producers(step: Mapping[str, Any]) -> set[str]:
    """Ids of the steps that a step needs."""
    return {artifact.rpartition("/")[0] for artifact in step["inputs"].values()} | set(step.get("after", ()))


def choose(steps: list[dict[str, Any]], step: str | None, from_: str | None) -> tuple[set[str], set[str]]:
    """(ids of the steps that take part, ids of those that run whatever the cache holds).

    `step`: that one and all that it needs. `from_`: everything, and that one and all that needs it run anew.
    """
    ids = [s["id"] for s in steps]
    for name in (step, from_):
        if name is not None and name not in ids:
            raise UsageError("MLC9017", "unknown-step", f"the pipeline has no step {name}{_like(name, ids)}")
    chosen = set(ids)
    if step is not None:
        chosen = {step}
        for each in reversed(steps):
            if each["id"] in chosen:
                chosen |= producers(each)
    anew: set[str] = set()
    if from_ is not None:
        anew = {from_}
        for each in steps:
            if producers(each) & anew:
                anew.add(each["id"])
    return chosen, anew


def _like(name: str | None, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name or "", names, 1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it has {', '.join(names)}" if names and len(names) <= 8 else ""
