"""Classes and functions that a spec names: scikit-learn classes, the user's own modules."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import StepError
from ..ownmodules import load_own
from .libraries import load


def unavailable(ref: str, reason: str, where: dict[str, Any] | None) -> StepError:
    return StepError("MLC9054", "reference-unusable", f'"{ref}" cannot be used: {reason}', where=where)


def find_class(ref: str, where: dict[str, Any] | None = None) -> type[Any]:
    """The class "package.module.Class" of an installed package."""
    module_name, _, name = ref.rpartition(".")
    if not module_name:
        raise unavailable(ref, "it has no package; write package.Class", where)
    try:
        load(module_name.partition(".")[0])
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise unavailable(ref, str(error), where) from error
    if not inspect.isclass(found):
        raise unavailable(ref, "it is not a class", where)
    return found


def find_function(ref: str, modules_root: Path, where: dict[str, Any] | None = None) -> Callable[..., Any]:
    """The function "package.module:function" of a module beside the spec, or of an installed one."""
    module_name, _, name = ref.partition(":")
    try:
        found = getattr(load_own(module_name, modules_root), name)
    except (ImportError, AttributeError) as error:
        raise unavailable(ref, str(error), where) from error
    if not callable(found):
        raise unavailable(ref, "it is not a function", where)
    return found  # type: ignore[no-any-return]


def accepts(function: Any, name: str) -> bool:
    """Whether an argument `name` may be given."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def named(function: Any, name: str) -> bool:
    """Whether `name` stands in the signature itself."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def build(ref: str, args: dict[str, Any], seed: int, cpu: int = 1, where: dict[str, Any] | None = None) -> Any:
    """An instance of the class, with `seed` and `cpu` where its signature has random_state and n_jobs."""
    kind = find_class(ref, where)
    return instantiate(kind, args, seed, cpu, where)


def instantiate(kind: Any, args: dict[str, Any], seed: int, cpu: int, where: dict[str, Any] | None) -> Any:
    given = dict(args)
    if named(kind, "random_state"):
        given["random_state"] = seed
    if named(kind, "n_jobs"):
        given["n_jobs"] = cpu
    unknown = [name for name in args if not accepts(kind, name)]
    if unknown:
        raise unavailable(f"{kind.__module__}.{kind.__name__}", f"it has no argument {unknown[0]}", where)
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise unavailable(f"{kind.__module__}.{kind.__name__}", str(error), where) from error
