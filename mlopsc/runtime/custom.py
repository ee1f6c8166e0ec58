"""A `step` block: the user's own function, called with the path of each input."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .context import Context
from .errors import LostConnection, StepError
from .ownmodules import load_own


def run(ctx: Context) -> dict[str, Any]:
    """Call `module:function` with NAME=path (text) for each input; what it returns, as JSON, is result.json. StepError
    names the function, its message and the user's own line."""
    reference = ctx.settings["ref"]
    function = find(reference, ctx.modules_root)
    arguments = {name: str(ctx.inputs[name]) for name in ctx.settings["arguments"]}
    try:
        value = function(**arguments)
    except Exception as error:
        if isinstance(error, TypeError) and error.__traceback__ and error.__traceback__.tb_next is None:
            # Raised by the call itself, not within the function: it takes other arguments.
            told = f"{reference} cannot be called with {', '.join(arguments) or 'no argument'}: {error}"
            raise StepError("MLC9030", "bad-function", told) from None
        raise failed(reference, error, ctx.modules_root) from error
    try:
        text = json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        endless = isinstance(error, RecursionError) or "Circular" in str(error)
        told = "it holds itself, or too many levels" if endless else _unfit(value) or str(error)
        raise StepError(
            "MLC9032",
            "not-json",
            f"{reference} returned what is no JSON value: {told}",
            help="return dicts, lists, texts, numbers; of a table, df.to_dict('records')",
        ) from None
    ctx.outputs["result"].write_text(text, encoding="utf-8")
    return {}


def _unfit(value: Any) -> str | None:
    """What of a value without circles JSON cannot hold, in words; None where nothing of it is found."""
    if isinstance(value, dict):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            return f"the key {wrong!r} is no text"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number of JSON"
    if isinstance(value, (dict, list, tuple)):
        items = value.values() if isinstance(value, dict) else value
        return next((told for item in items if (told := _unfit(item))), None)
    if value is None or isinstance(value, (str, bool, int, float)):
        return None
    return f"a {type(value).__name__} is none"


def find(reference: str, modules_root: Path) -> Callable[..., Any]:
    """The function of "module:function", found beside the spec or installed. StepError where there is none."""
    module_name, _, name = reference.partition(":")
    try:
        module = load_own(module_name, modules_root)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise StepError("MLC9030", "bad-function", f"there is no module {error.name} for {reference}") from None
        raise failed(reference, error, modules_root) from error
    except Exception as error:
        raise failed(reference, error, modules_root) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise StepError("MLC9030", "bad-function", f"module {module_name} has no function {name}")
    return function  # type: ignore[no-any-return]


def failed(reference: str, error: BaseException, modules_root: Path) -> StepError:
    """The user's error as a verdict on the user's line: the innermost one that lies under `modules_root`."""
    where = None
    root = modules_root.resolve()
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if frame.lineno and path.is_absolute() and path.resolve().is_relative_to(root):
            where = {"file": path.resolve().relative_to(root).as_posix(), "line": frame.lineno, "column": 1}
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        path = Path(error.filename).resolve()
        file = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        where = {"file": file, "line": error.lineno, "column": 1}
    message = str(error).strip().split("\n")[0]
    told = f"{type(error).__name__}: {message}" if message else type(error).__name__
    kind = LostConnection if isinstance(error, (ConnectionError, TimeoutError)) else StepError
    return kind("MLC9031", "function-failed", f"{reference} failed: {told}", where=where)
