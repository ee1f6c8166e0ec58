"""Sources that are a function of the user's own."""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from typing import Any

from ..errors import StepError
from .files import described
from .source import Part, Place, Source


def open_python(settings: dict[str, Any], place: Place) -> Source:
    """Call "module:function" without arguments; its pandas, polars or Arrow table is scanned in place."""
    import duckdb

    ref = settings["ref"]
    made = call_user_function(ref, place)
    kind = type(made).__module__.split(".")[0]
    if kind not in ("pandas", "polars", "pyarrow"):
        message = f"{ref} returned {type(made).__name__}, and a pandas, polars or Arrow table is needed."
        raise StepError("MLC8011", "python-source-failed", message)
    try:
        if kind == "polars":
            made = made.collect() if hasattr(made, "collect") else made
            made = made.to_arrow()
        elif kind == "pandas":
            made = made.reset_index(drop=True).rename(columns=str)
        place.con.register("__python_source", made)
        return Source([Part("__python_source", described(place.con, "__python_source"), ref)])
    except (duckdb.Error, ImportError, AttributeError) as error:
        message = f"The table that {ref} returned cannot be read: {str(error).splitlines()[0]}"
        raise StepError("MLC8011", "python-source-failed", message) from None


def call_user_function(ref: str, place: Place) -> Any:
    """The result of the user's function, called with the data folder as working folder, so that a relative path in it means
    the same on every target; whatever it raises becomes a StepError that names its last own frame."""
    module, _, function = ref.partition(":")
    root = str(place.modules_root)
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        with contextlib.chdir(place.data_root):
            return getattr(importlib.import_module(module), function)()
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root)]
        at = f", at {frames[-1].filename.removeprefix(root).lstrip('/')}:{frames[-1].lineno}" if frames else ""
        message = f"{ref} failed with {type(error).__name__}: {error}{at}."
        raise StepError("MLC8011", "python-source-failed", message) from error
