"""How long one row takes through features and model: one at a time, one thread, warm, without HTTP."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import read_columns
from ..expr.literals import sql_name, sql_text
from .modelfile import Model
from .pointintime import columns_of

WARM, MEASURED = 20, 200  # calls; quantiles of 200 leave two above p99


def row_dicts(con: Any, rows: Path, at: NDArray[Any], model: Model) -> list[dict[str, Any]]:
    """The rows at positions `at` (ascending) as `predict_rows` takes them; point-in-time values computed by the engine."""
    plain, taken, define = model.row_exprs, model.point_in_time, model.row_define
    made = {name for name, _ in define}
    names = sorted(columns_of([*plain, *(expr for _, expr in define)]) - set(taken) - made)
    listed = ", ".join([*(sql_name(name) for name in names), "file_row_number"])
    positions = ", ".join(str(int(one)) for one in at)
    source = f"read_parquet({sql_text(str(rows))}, file_row_number = true)"
    query = f"SELECT {listed} FROM {source} WHERE file_row_number IN ({positions}) ORDER BY file_row_number"
    found = [dict(zip(names, values[:-1], strict=True)) for values in con.execute(query).fetchall()]
    if taken:
        columns = read_columns(con, rows, [(name, expr, expr["type"]) for name, expr in taken.items()])
        for name, column in columns.items():
            for row, position in zip(found, at, strict=True):
                value = column.values[position]
                if column.levels is not None:
                    row[name] = column.levels[value] if value >= 0 else None
                else:
                    row[name] = None if np.isnan(value) else float(value)
    return found


def measure(con: Any, rows: Path, at: NDArray[Any], model: Model) -> dict[str, float]:
    """Seconds: p50, p95, p99 of single rows, spread evenly over the rows at `at`."""
    spread = np.unique(np.linspace(0, len(at) - 1, min(len(at), MEASURED)).astype(np.int64))
    single = row_dicts(con, rows, np.sort(at)[spread], model)
    for call in range(WARM):
        model.predict_rows([single[call % len(single)]])
    seconds = np.empty(MEASURED)
    for call in range(MEASURED):
        row = single[call % len(single)]
        since = time.perf_counter()
        model.predict_rows([row])
        seconds[call] = time.perf_counter() - since
    p50, p95, p99 = (float(np.quantile(seconds, q)) for q in (0.5, 0.95, 0.99))
    return {"p50": p50, "p95": p95, "p99": p99, "calls": float(MEASURED)}
