"""The data engine: DuckDB in memory, bounded, without a network, a locale or the host's time zone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from ..context import Context

DEFAULT_MEMORY = 2 << 30  # bytes, where the step declares none
LIBRARIES = 100 << 20  # bytes of a process that has imported numpy and DuckDB, and done nothing yet
FLOOR = 128 << 20  # below this DuckDB cannot sort or write Parquet
# A dictionary of more entries saves little, and finding out that it does not pay costs a fifth of the writing.
PARQUET = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 4096"


def connect(ctx: Context) -> duckdb.DuckDBPyConnection:
    """A connection for one step. Rows come in source order; larger than memory spills to the step's scratch folder."""
    return open_engine(ctx.scratch, ctx.memory)


def open_engine(scratch: Path, memory: int | None = None) -> duckdb.DuckDBPyConnection:
    import duckdb

    # Libraries, arrays and what the engine does not count need the rest: measured by bench/big_csv.py.
    limit = max((memory - LIBRARIES) // 2, FLOOR) if memory else DEFAULT_MEMORY
    con = duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": f"{limit}B",
            "temp_directory": str(scratch / "duckdb"),
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,  # a name in SQL never reaches a Python variable
        }
    )
    con.execute("SET TimeZone = 'UTC'")
    return con
