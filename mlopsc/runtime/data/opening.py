"""Opens the source of a data block by its kind."""

from __future__ import annotations

from typing import Any

from ..errors import StepError
from .csv_source import open_csv
from .files import open_json_lines, open_parquet
from .source import Place, Source


def open_source(settings: dict[str, Any], place: Place) -> Source:
    """The source of IngestSettings. Verdicts are StepErrors; lost connections are the driver's own exceptions."""
    source = settings["source"]
    declared = [c["raw"] for c in settings["columns"]]
    kind = source["kind"]
    if kind == "csv":
        return open_csv(source, declared, place)
    if kind == "parquet":
        return open_parquet(source, place)
    if kind == "json_lines":
        return open_json_lines(source, declared, place)
    if kind == "python":
        from .python_source import open_python

        return open_python(source, place)
    if kind in ("table", "sql"):
        from .database import open_database

        return open_database(source, place)
    raise StepError("MLC8010", "unsupported-source", f"This runtime reads no source of kind {kind}.")
