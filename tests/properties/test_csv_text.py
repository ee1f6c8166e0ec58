"""CSV text, well formed or not, with any line ends: rows are read as they stand, and no text is lost in silence."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.ingest import ingest
from mlopsc.runtime.data.source import Place
from mlopsc.runtime.errors import StepError

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
USUAL = st.sampled_from(["\n", "\r\n"])
PLAIN = st.text("xyz é", max_size=4)
QUOTED = st.lists(st.sampled_from(["x", "y", ",", "\n", "\r\n", '""', " "]), max_size=5).map(
    lambda p: f'"{"".join(p)}"'
)
BROKEN = st.lists(st.sampled_from(["x", '"', " ", "z", ","]), max_size=5).map("".join)


Lines = list[tuple[list[str], str]]


def lines(
    fields: st.SearchStrategy[str], widths: st.SearchStrategy[int], ends: st.SearchStrategy[str]
) -> st.SearchStrategy[Lines]:
    row = widths.flatmap(lambda n: st.lists(fields, min_size=n, max_size=n))
    return st.lists(st.tuples(row, ends), min_size=1, max_size=6)


def read(text: str) -> tuple[list[tuple[str, str]], int] | None:
    """The rows of the columns a and b, null as empty text, and how many rows are bad; None for a refusal."""
    column = {"type": "string", "nullable": True, "missing": (), "where": None}
    columns: list[dict[str, Any]] = [{"name": n, "raw": n, **column} for n in "ab"]
    source = {"kind": "csv", "path": "d.csv", "delimiter": ",", "encoding": "utf-8", "header": True, "timezone": None}
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scratch").mkdir()
        (folder / "d.csv").write_bytes(text.encode())
        with open_engine(folder / "scratch") as con:
            place = Place(con, folder, folder, folder / "scratch")
            try:
                report = ingest(
                    place, {"data": "d", "source": source, "columns": columns}, folder / "rows", folder / "bad"
                )
            except StepError:
                return None
        found = duckdb.sql(f"SELECT a, b FROM read_parquet('{folder}/rows') ORDER BY __row").fetchall()
        return [(a or "", b or "") for a, b in found], report["bad"]


def written(head: str, rows: Lines) -> str:
    return "a,b" + head + "".join(",".join(fields) + end for fields, end in rows)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(USUAL, lines(PLAIN | QUOTED, st.just(2), USUAL))
def test_well_formed_text_is_read_as_by_the_standard_library_however_its_lines_end(head: str, rows: Lines) -> None:
    text = written(head, rows)
    want = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)][1:]
    assert read(text) == ([row for row in want if row], 0)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ENDS, lines(PLAIN | QUOTED | BROKEN, st.integers(1, 3), ENDS))
def test_where_no_row_is_bad_no_letter_is_lost(head: str, rows: Lines) -> None:
    """Of ill-formed text either a row is bad, or the file is refused, or every letter stands in a value, in order."""
    text = written(head, rows)
    found = read(text)
    if found is not None and found[1] == 0:
        kept = "".join(letter for row in found[0] for value in row for letter in value if letter in "xyzé")
        assert kept == "".join(letter for letter in text[3:] if letter in "xyzé")
