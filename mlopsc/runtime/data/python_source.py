"""Sources that are a function of the user's own."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

from ..errors import StepError
from ..ownmodules import load_own
from .files import described
from .source import Part, Place, Source


def open_python(settings: dict[str, Any], place: Place) -> Source:
    """Call "module:function" without arguments; its pandas, polars or Arrow table is scanned in place."""
    import duckdb

    ref = settings["ref"]
    made = call_user_function(ref, place)
    try:
        table = _scannable(made)
        if table is None:
            message = f"{ref} returned {type(made).__name__}, and a pandas, polars or Arrow table is needed."
            raise StepError("MLC8011", "python-source-failed", message)
        names = [str(name) for name in (table.columns if hasattr(table, "to_numpy") else table.schema.names)]
        # Objects count as text: a type guessed from the first of them would read "no" as false further down.
        place.con.execute("SET pandas_analyze_sample = 0")
        place.con.register("__python_source", table)
        part = Part("__python_source", described(place.con, "__python_source"), ref)
    except (duckdb.Error, ImportError, AttributeError, TypeError, ValueError) as error:
        message = f"The table that {ref} returned cannot be read: {str(error).splitlines()[0]}"
        raise StepError("MLC8011", "python-source-failed", message) from None
    return Source([part], duplicates={name: ref for name in names if names.count(name) > 1})


def _scannable(made: Any) -> Any:
    """The table as pandas or Arrow, to be read as often as wanted; None where it is no table."""
    kind, name = type(made).__module__.split(".")[0], type(made).__name__
    if kind == "pandas" and name == "DataFrame":
        return made.reset_index(drop=True).rename(columns=str)
    if kind == "polars" and name in ("DataFrame", "LazyFrame"):
        return (made.collect() if name == "LazyFrame" else made).to_arrow()
    if kind == "pyarrow" and name == "RecordBatchReader":
        return made.read_all()  # a stream, which gives its rows once
    return made if kind == "pyarrow" and name in ("Table", "RecordBatch") else None


def call_user_function(ref: str, place: Place) -> Any:
    """The result of the user's function, called with the data folder as working folder, so that a relative path in it means
    the same on every target; whatever it raises becomes a StepError that names its last own frame."""
    module, _, function = ref.partition(":")
    root = str(place.modules_root)
    try:
        with contextlib.chdir(place.data_root):
            return getattr(load_own(module, place.modules_root), function)()
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root)]
        at = f", at {frames[-1].filename.removeprefix(root).lstrip('/')}:{frames[-1].lineno}" if frames else ""
        message = f"{ref} failed with {type(error).__name__}: {error}{at}."
        raise StepError("MLC8011", "python-source-failed", message) from error
