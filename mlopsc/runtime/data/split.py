"""The step `split`: which rows train and which test, by content and never by position, so that every target agrees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..errors import StepError
from ..expr.literals import parse_timestamp, sql_literal, sql_name, sql_text
from ..expr.sql import to_sql
from .engine import connect

if TYPE_CHECKING:
    import duckdb

TRAIN, TEST, NO_TARGET = 0, 1, 2


def run(ctx: Context) -> dict[str, Any]:
    with connect(ctx) as con:
        return split(con, ctx.settings, ctx.inputs["rows"], ctx.outputs["split"])


def split(con: duckdb.DuckDBPyConnection, settings: dict[str, Any], rows: Path, target: Path) -> dict[str, Any]:
    """Write part, id and position; return the counts. StepError where a side is empty or a class is alone."""
    import numpy as np

    table = f"read_parquet({sql_text(str(rows))})"
    con.execute(f"CREATE OR REPLACE TEMP TABLE __hashed AS {_hashed(con, settings, table)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE __parted AS {_parted(settings)}")
    found = con.execute("SELECT part, id, position FROM __parted ORDER BY __row").fetchnumpy()
    part = np.asarray(found["part"]).astype(np.uint8)
    counts = {
        "train": int((part == TRAIN).sum()),
        "test": int((part == TEST).sum()),
        "no_target": int((part == NO_TARGET).sum()),
    }
    _refuse_empty(settings, counts)
    _refuse_constant(con, settings)
    with target.open("wb") as file:
        write_arrays(file, part=part, id=_unsigned(found["id"]), position=_unsigned(found["position"]))
    return counts


def _unsigned(values: Any) -> Any:
    import numpy as np

    return np.asarray(values).astype(np.uint64)


def write_arrays(file: Any, **arrays: Any) -> None:
    """An .npz with a fixed date in its members, so that equal arrays give equal bytes. Stored as they are: hashes do not
    compress, and what deflate writes differs between builds of zlib."""
    import io
    import zipfile

    import numpy as np

    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), held.getbuffer())


def _hashed(con: duckdb.DuckDBPyConnection, settings: dict[str, Any], table: str) -> str:
    """Each row with its identity (64 bits of the MD5 of its key, else of its content), its seeded position, and what the
    split looks at. Texts are written with their length before them, so that only equal rows are written alike."""
    spec = settings["split"]
    types = {n: t for n, t, *_ in con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall() if n != "__row"}
    # Without a key all columns by name, so that the order of the columns section does not matter.
    text = f"concat({', '.join(_written(n, types[n]) for n in settings['key'] or sorted(types))})"
    seed = sql_text(f"{int(settings['seed'])}:")
    stratum = f"CAST({to_sql(spec['stratify'])} AS VARCHAR)" if spec.get("stratify") else "NULL"
    event = f"CAST({sql_name(spec['time'])} AS TIMESTAMP)" if spec["kind"] == "time" else "CAST(NULL AS TIMESTAMP)"
    group = f"CAST({sql_name(spec['group'])} AS VARCHAR)" if spec["kind"] == "group" else "CAST(NULL AS VARCHAR)"
    position = _hash(f"{seed} || coalesce(__group, '')") if spec["kind"] == "group" else "NULL"
    return (
        f"SELECT __row, __id AS id, {_hash(f'{seed} || CAST(__id AS VARCHAR)')} AS position, "
        f"__target IS NOT NULL AS known, CAST(__target AS VARCHAR) AS class, __stratum AS stratum, __event AS event, "
        f"__group AS grp, {position} AS grp_position "
        f"FROM (SELECT __row, {_hash(text)} AS __id, {to_sql(settings['target']['expr'])} AS __target, "
        f"{stratum} AS __stratum, {event} AS __event, {group} AS __group FROM {table})"
    )


def _hash(text: str) -> str:
    """The first eight bytes of the MD5 of `text`: what md5_number_upper gives, at less than half of its cost."""
    return f"CAST(md5_number({text}) & {2**64 - 1} AS UBIGINT)"


def _written(name: str, type_: str) -> str:
    """Arguments of concat that write a value so that no other value, nor null, is written alike."""
    column = sql_name(name)
    return f"strlen({column}), ':', {column}" if type_ == "VARCHAR" else f"{column}, '|'"


def _parted(settings: dict[str, Any]) -> str:
    """SQL of __row, part, id, position over __hashed."""
    spec = settings["split"]
    share = spec.get("test")
    if spec["kind"] == "random":
        # Rank by position; rows alike in it (equal rows) fall on one side, that of their first.
        test = f"rank() OVER (PARTITION BY stratum, known ORDER BY position) <= {_cut(share, 'PARTITION BY stratum, known')}"
    elif spec["kind"] == "time" and spec.get("after") is not None:
        test = f"coalesce(event >= {sql_literal(parse_timestamp(spec['after']), 'timestamp')}, FALSE)"
    elif spec["kind"] == "time":
        latest = "rank() OVER (PARTITION BY known ORDER BY event DESC NULLS LAST)"
        test = f"({latest} <= {_cut(share, 'PARTITION BY known')} AND event IS NOT NULL)"
    elif spec.get("groups") is not None:
        test = f"coalesce(grp IN ({', '.join(sql_text(str(g)) for g in spec['groups'])}), FALSE)"
    else:
        return _parted_by_groups(share)
    return f"SELECT __row, id, position, {_side('known', test)} FROM __hashed"


def _side(known: str, test: str) -> str:
    return f"CASE WHEN NOT {known} THEN {NO_TARGET} WHEN {test} THEN {TEST} ELSE {TRAIN} END AS part"


def _cut(share: Any, window: str) -> str:
    """How many rows of the window are wanted for the test."""
    return f"round(count(*) OVER ({window}) * {sql_literal(share, 'float')})"


def _parted_by_groups(share: Any) -> str:
    """Whole groups in the order of their hash, for as long as a group begins within the share; null is a group of its own."""
    sizes = "SELECT grp, grp_position, count(*) AS n FROM __hashed WHERE known GROUP BY grp, grp_position"
    before = (
        f"SELECT grp, sum(n) OVER (ORDER BY grp_position, grp) - n AS before, sum(n) OVER () AS total FROM ({sizes})"
    )
    chosen = f"SELECT grp, before < round(total * {sql_literal(share, 'float')}) AS test FROM ({before})"
    return (
        f"SELECT h.__row, h.id, h.position, {_side('h.known', 'c.test')} "
        f"FROM __hashed h LEFT JOIN ({chosen}) c ON h.grp IS NOT DISTINCT FROM c.grp"
    )


def _refuse_empty(settings: dict[str, Any], counts: dict[str, int]) -> None:
    for side in ("train", "test"):
        if counts[side] == 0:
            other = "test" if side == "train" else "train"
            message = (
                f"The split of {settings['model']} leaves no {side} rows: {counts[other]:,} {other}, "
                f"{counts['no_target']:,} without a target."
            )
            raise StepError("MLC8031", "empty-split", message)


def _refuse_constant(con: duckdb.DuckDBPyConnection, settings: dict[str, Any]) -> None:
    train = f"SELECT class FROM __hashed JOIN __parted USING (__row) WHERE part = {TRAIN}"
    query = f"SELECT count(DISTINCT class), any_value(class) FROM ({train})"
    found = con.execute(query).fetchone()
    assert found is not None
    if found[0] < 2:
        message = f"All training rows of {settings['model']} have the target {settings['target']['text']} = {found[1]}."
        raise StepError("MLC8032", "constant-target", message)
