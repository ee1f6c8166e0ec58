"""Reading: what each source gives as typed rows, and which rows are put aside."""

from __future__ import annotations

import gzip
import json
import sqlite3
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.ingest import ingest
from mlopsc.runtime.data.source import Place
from mlopsc.runtime.errors import StepError

WHERE = {"file": "spec.mlops", "line": 7, "column": 5}


def col(name: str, type_: str, **more: Any) -> dict[str, Any]:
    base = {
        "name": name, "raw": name, "type": type_.rstrip("?"), "nullable": type_.endswith("?"), "levels": None,
        "true_false": None, "missing": (), "lo": None, "hi": None, "allowed": None, "matches": None, "where": WHERE,
    }  # fmt: skip
    return base | more


def source(kind: str = "csv", **more: Any) -> dict[str, Any]:
    base = {
        "kind": kind, "path": None, "delimiter": ",", "encoding": "utf-8", "header": True, "timezone": None,
        "connection": None, "table": None, "query": None, "ref": None,
    }  # fmt: skip
    return base | more


class Reader:
    """Runs ingest over files of a folder and keeps what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report: dict[str, Any] = {}

    def write(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    def read(
        self, columns: list[dict[str, Any]], src: dict[str, Any], extra: str = "ignore", memory: int | None = None
    ) -> list[Any]:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        settings = {"data": "d", "source": src, "columns": columns, "extra_columns": extra}
        with open_engine(scratch, memory) as con:
            place = Place(con, self.folder, self.folder, scratch)
            self.report = ingest(place, settings, self.folder / "rows.parquet", self.folder / "quarantine.parquet")
        return self.rows("rows", "* EXCLUDE (__row)")

    def rows(self, name: str, what: str = "*") -> list[Any]:
        with (
            duckdb.connect() as con
        ):  # of its own: DuckDB keeps parts of files, and these change within its clock's tick
            return con.execute(f"SELECT {what} FROM '{self.folder / name}.parquet' ORDER BY __row").fetchall()

    def column(self, type_: str, texts: list[str], **more: Any) -> list[Any]:
        """The values of one nullable column x read from these texts; a bad one is left out."""
        lines = "".join('"' + t.replace('"', '""') + '"\n' for t in texts)
        self.write("x.csv", "x\n" + lines)
        src = source(path="x.csv", timezone=more.pop("timezone", None))
        return [v for (v,) in self.read([col("x", type_, **more)], src)]

    def rules(self) -> list[str]:
        return [r for (r,) in self.rows("quarantine", "__rule")]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_int_takes_whole_numbers_exactly_and_nothing_else(reader: Reader) -> None:
    good = [
        "1",
        "-7",
        "+5",
        " 12 ",
        "880.0",
        "12.",
        "1e3",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993.0",
    ]
    assert reader.column("int?", good) == [1, -7, 5, 12, 880, 12, 1000, 2**63 - 1, -(2**63), 2**53 + 1]
    bad = ["880.5", "1_000", "0x1F", "1,000", "9223372036854775808", "inf", "NA", "abc", "0b1", "१", " "]
    assert reader.column("int?", bad) == []
    assert len(reader.rules()) == len(bad)


def test_float_takes_numbers_and_reads_nan_as_null_but_not_infinity(reader: Reader) -> None:
    good = ["1.5", ".5", "5.", "\u00a01e3\u2003", "-0.0", "NaN", "nan", "", "5e-324"]
    assert reader.column("float?", good) == [1.5, 0.5, 5.0, 1000.0, -0.0, None, None, None, 5e-324]
    assert reader.column("float?", ["inf", "-Infinity", "1e400", "1_0.0", "0x1p3", "1,5", "NA"]) == []


def test_bool_takes_true_false_in_any_case_and_one_and_zero(reader: Reader) -> None:
    assert reader.column("bool?", ["true", "FALSE", "True", " tRuE ", "1", "0"]) == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]
    assert reader.column("bool?", ["yes", "2", "t", "1.5"]) == []
    assert reader.column("bool?", ["Yes", " No ", "yes", "true"], true_false=("Yes", "No")) == [True, False]


def test_strings_stay_as_they_are_and_only_an_empty_field_is_null(reader: Reader) -> None:
    texts = [" a ", "NA", "null", "", "it's", 'say "hi"', "line\nbreak", "\u00e9\U0001f600", "a\0b"]
    assert reader.column("string?", texts) == [" a ", "NA", "null", None, *texts[4:]]


def test_missing_texts_are_null_and_exact_for_strings(reader: Reader) -> None:
    assert reader.column("float?", ["1", " ", "n/a", " n/a "], missing=(" ", "n/a")) == [1.0, None, None, None]
    assert reader.column("string?", ["-", " - "], missing=("-",)) == [None, " - "]


def test_categories_hold_their_levels_also_as_integers(reader: Reader) -> None:
    assert reader.column("category?", ["a", "b", "A", " a"], levels=("a", "b")) == ["a", "b"]
    assert reader.rules() == ['x: A is not one of "a", "b"', 'x:  a is not one of "a", "b"']
    assert reader.column("category?", ["1", "2.0", "01", "3", ""], levels=("1", "2")) == ["1", "2", "1", None]


def test_dates_are_iso_and_real(reader: Reader) -> None:
    assert reader.column("date?", ["2024-02-29", " 2026-11-23 ", "0001-01-01"]) == [
        date(2024, 2, 29),
        date(2026, 11, 23),
        date(1, 1, 1),
    ]
    assert (
        reader.column(
            "date?", ["2025-02-29", "2026-1-5", "2026/01/05", "infinity", "epoch", "0044-03-15 (BC)", "10000-01-01"]
        )
        == []
    )


def test_timestamps_are_instants_in_utc(reader: Reader) -> None:
    texts = [
        "2026-01-31",
        "2026-01-31T10:00",
        "2026-01-31 10:00:00.5",
        "2026-01-31T10:00:00Z",
        "2026-01-31T10:00:00+02:30",
        "2026-01-31 10:00:00-0100",
        "2026-01-31T10:00:00 +02",
    ]
    day = (2026, 1, 31)
    assert reader.column("timestamp?", texts) == [
        datetime(*day), datetime(*day, 10), datetime(*day, 10, 0, 0, 500000), datetime(*day, 10), datetime(*day, 7, 30),
        datetime(*day, 11), datetime(*day, 8),
    ]  # fmt: skip
    assert (
        reader.column("timestamp?", ["31.01.2026", "2026-01-31T25:00", "2026-01-31T10", "now", "2026-02-30T10:00"])
        == []
    )


def test_local_times_follow_the_sources_zone_through_both_clock_changes(reader: Reader) -> None:
    texts = [
        "2025-01-01 00:00",
        "2025-07-01 00:00",
        "2025-03-30 01:59",
        "2025-03-30 02:30",
        "2025-03-30 03:00",
        "2025-10-26 02:30",
        "2025-10-26 03:00",
        "2025-07-01T00:00Z",
    ]
    assert reader.column("timestamp?", texts, timezone="Europe/Berlin") == [
        datetime(2024, 12, 31, 23), datetime(2025, 6, 30, 22), datetime(2025, 3, 30, 0, 59), datetime(2025, 3, 30, 1, 30),
        datetime(2025, 3, 30, 1), datetime(2025, 10, 26, 0, 30), datetime(2025, 10, 26, 2), datetime(2025, 7, 1),
    ]  # fmt: skip
    with pytest.raises(StepError, match=r"No time zone is named Mars/Base"):
        reader.column("timestamp?", texts, timezone="Mars/Base")


def test_ranges_lists_and_patterns_put_rows_aside_and_nulls_pass(reader: Reader) -> None:
    assert reader.column("int?", ["0", "100", "101", ""], lo=0, hi=100) == [0, 100, None]
    assert reader.rules() == ["x: 101 is not in 0..100"]
    assert reader.column("string?", ["a", "c"], allowed=("a", "b")) == ["a"]
    assert reader.column("string?", ["ab1", "ab1x", "AB1"], matches="[a-z]+[0-9]") == ["ab1"]
    assert reader.column("date?", ["2026-01-01", "2027-01-01"], lo="2025-01-01", hi="2026-12-31") == [date(2026, 1, 1)]


def test_a_bad_row_is_quarantined_as_received_with_the_first_rule_that_it_breaks(reader: Reader) -> None:
    reader.write("d.csv", "id,age,city\n1,20,X\n2, old ,Y\n3,,Z\n4,30,W\n")
    rows = reader.read([col("id", "int"), col("age", "int", lo=0, hi=120)], source(path="d.csv"))
    assert rows == [(1, 20), (4, 30)]
    assert reader.rows("rows", "__row") == [(0,), (3,)]
    assert reader.rows("quarantine") == [
        ("2", " old ", "Y", 1, "age:  old  is no int"),
        ("3", None, "Z", 2, "age: an empty field is null"),
    ]
    assert (reader.report["rows_read"], reader.report["rows"], reader.report["bad"]) == (4, 2, 2)
    assert [(b["column"], b["rows"]) for b in reader.report["broken"]] == [("age", 1), ("age", 1)]


def test_ragged_rows_are_bad_rows_with_file_and_line(reader: Reader) -> None:
    reader.write("d.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert reader.read([col("a", "int"), col("b", "int")], source(path="d.csv")) == [(1, 2), (7, 8)]
    assert reader.report["bad"] == 2
    assert reader.report["rows_read"] == 4
    assert sorted(r for (r,) in reader.rows("quarantine", "__rule")) == [
        "d.csv, line 3 cannot be read: fewer fields than the header",
        "d.csv, line 4 cannot be read: more fields than the header",
    ]


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("crlf.csv", b"a,b\r\n1,x\r\n2,y\r\n", {}),
        ("bom.csv", b"\xef\xbb\xbfa,b\n1,x\n2,y", {}),
        ("mixed.csv", b"a,b\r\n1,x\n2,y\r\n", {}),
        ("blank.csv", b"\n\na,b\n1,x\n\n2,y\n\n", {}),
        ("zip.csv.gz", b"a,b\n1,x\n2,y\n", {}),
        ("tab.csv", b"a\tb\n1\tx\n2\ty\n", {"delimiter": "\t"}),
        ("two.csv", b"a||b\n1||x\n2||y\n", {"delimiter": "||"}),
        ("long.csv", b"a<=><=>b\n1<=><=>x\n2<=><=>y\n", {"delimiter": "<=><=>"}),
        ("utf16.csv", "a,b\n1,x\n2,y\n".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_csv_dialects_give_the_same_rows(reader: Reader, name: str, content: bytes, more: dict[str, Any]) -> None:
    reader.write(name, content)
    assert reader.read([col("a", "int"), col("b", "string")], source(path=name, **more)) == [(1, "x"), (2, "y")]


def test_other_encodings_are_read_and_wrong_ones_told(reader: Reader) -> None:
    reader.write("l.csv", "a\nStraße\n".encode("latin-1"))
    assert reader.read([col("a", "string")], source(path="l.csv", encoding="latin-1")) == [("Straße",)]
    reader.read([col("a", "string")], source(path="l.csv"))
    assert reader.report["bad"] == 1
    with pytest.raises(StepError, match="No text encoding is named klingon"):
        reader.read([col("a", "string")], source(path="l.csv", encoding="klingon"))


def test_without_a_header_the_columns_section_names_all_columns(reader: Reader) -> None:
    reader.write("n.csv", "1,x\n2,y\n")
    assert reader.read([col("a", "int"), col("b", "string")], source(path="n.csv", header=False)) == [
        (1, "x"),
        (2, "y"),
    ]
    with pytest.raises(StepError, match="2 fields in its first row") as caught:
        reader.read([col("a", "int")], source(path="n.csv", header=False))
    assert caught.value.name == "wrong-width"


def test_long_fields_and_header_only_files_are_read(reader: Reader) -> None:
    reader.write("big.csv", "a,b\n1," + "x" * 2_500_000 + "\n2,y\n")
    assert [len(b) for _, b in reader.read([col("a", "int"), col("b", "string")], source(path="big.csv"))] == [
        2_500_000,
        1,
    ]
    reader.write("none.csv", "a,b\n")
    assert reader.read([col("a", "int")], source(path="none.csv")) == []
    reader.write("empty.csv", "")
    with pytest.raises(StepError, match="is empty"):
        reader.read([col("a", "int")], source(path="empty.csv"))


def test_files_of_a_glob_come_in_path_order_and_match_by_name(reader: Reader) -> None:
    reader.write("p/b.csv", "y,x\n2,20\n")
    reader.write("p/a.csv", "x\n10\n")
    columns = [col("x", "int"), col("y", "int?")]
    assert reader.read(columns, source(path="p/*.csv")) == [(10, None), (20, 2)]
    with pytest.raises(StepError, match=r"p/a\.csv has no column y") as caught:
        reader.read([col("x", "int"), col("y", "int")], source(path="p/*.csv"))
    assert caught.value.where == WHERE


def test_a_missing_file_names_where_it_was_looked_for_and_a_renamed_column_the_likely_one(reader: Reader) -> None:
    with pytest.raises(StepError, match=rf"No file is found at no\.csv, looked up from {reader.folder}") as caught:
        reader.read([col("a", "int")], source(path="no.csv"))
    assert caught.value.code == "MLC8001"
    reader.write("d.csv", "Monthly_Charges,b\n1,2\n")
    with pytest.raises(StepError, match="no column monthlycharges") as caught:
        reader.read([col("m", "int", raw="monthlycharges")], source(path="d.csv"))
    assert caught.value.help == 'Did you mean "Monthly_Charges"?'


def test_extra_columns_are_ignored_forbidden_or_kept(reader: Reader) -> None:
    reader.write("d.csv", "a,b\n1,z\n")
    assert reader.read([col("a", "int")], source(path="d.csv")) == [(1,)]
    assert reader.read([col("a", "int")], source(path="d.csv"), "keep") == [(1, "z")]
    with pytest.raises(StepError, match="columns that the spec does not name: b"):
        reader.read([col("a", "int")], source(path="d.csv"), "forbid")
    reader.write("twice.csv", "a,a\n1,2\n")
    with pytest.raises(StepError, match="two columns named a"):
        reader.read([col("a", "int")], source(path="twice.csv"))


def test_parquet_types_may_move_between_files(reader: Reader) -> None:
    folder = reader.folder
    for name, select in [
        ("1", "1::INTEGER AS i, 'x' AS s, 1.5::FLOAT AS f, true AS b, DATE '2026-01-01' AS t"),
        ("2", "2.0::DOUBLE AS i, NULL AS s, 'nan'::DOUBLE AS f, NULL AS b, TIMESTAMP '2026-01-02 03:00:00' AS t"),
        ("3", "'3' AS i, '' AS s, 2::DECIMAL(9,2) AS f, 1::INTEGER AS b, TIMESTAMPTZ '2026-01-02 03:00:00+00' AS t"),
        ("4", "2.5::DOUBLE AS i, 's' AS s, 'inf'::DOUBLE AS f, false AS b, NULL AS t"),
    ]:
        duckdb.sql(f"COPY (SELECT {select}) TO '{folder}/m{name}.parquet'")
    columns = [col("i", "int"), col("s", "string?"), col("f", "float?"), col("b", "bool?"), col("t", "timestamp?")]
    assert reader.read(columns, source("parquet", path="m*.parquet")) == [
        (1, "x", 1.5, True, datetime(2026, 1, 1)),
        (2, None, None, None, datetime(2026, 1, 2, 3)),
        (3, "", 2.0, True, datetime(2026, 1, 2, 3)),
    ]
    assert reader.rules() == ["i: 2.5 is no int"]


def test_a_column_of_a_type_that_is_no_single_value_is_refused_at_its_line(reader: Reader) -> None:
    duckdb.sql(f"COPY (SELECT [1, 2] AS a) TO '{reader.folder}/lists.parquet'")
    with pytest.raises(StepError, match=r"a of lists\.parquet has type INTEGER\[\], which is no int") as caught:
        reader.read([col("a", "int")], source("parquet", path="lists.parquet"))
    assert (caught.value.name, caught.value.where) == ("unreadable-type", WHERE)


def test_a_zone_that_this_machine_does_not_know_is_refused(reader: Reader) -> None:
    """The compiler checks names against its own list; a machine's zone data may be older or missing."""
    with pytest.raises(StepError, match="No time zone is named Mars/Olympus") as caught:
        reader.column("timestamp?", ["2026-01-31T00:00:00"], timezone="Mars/Olympus")
    assert caught.value.name == "unknown-timezone"


def test_json_lines_give_typed_rows_and_broken_lines_are_bad(reader: Reader) -> None:
    lines = [
        '{"a": 1, "b/c": "x"}',
        '{"a": 2.0}',
        "",
        '{"a": "3", "b/c": null}',
        "{oops",
        "[1]",
        '{"a": 1.5, "b/c": "y"}',
    ]
    reader.write("d.jsonl", "\n".join(lines) + "\n")
    columns = [col("a", "int"), col("b", "string?", raw="b/c")]
    assert reader.read(columns, source("json_lines", path="d.jsonl")) == [(1, "x"), (2, None), (3, None)]
    assert reader.report["bad"] == 3
    with pytest.raises(StepError, match="no column z"):
        reader.read([col("z", "int?")], source("json_lines", path="d.jsonl"))


def connection(kind: str, **args: Any) -> dict[str, Any]:
    return {"name": "db", "kind": kind, "args": args}


def test_sqlite_tables_and_queries_are_read_and_wrong_ones_told(reader: Reader) -> None:
    with sqlite3.connect(reader.folder / "d.db") as db:
        db.execute("CREATE TABLE t (a, b, c)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, f"s{i}" if i else None, i / 4) for i in range(50_001)])
    columns = [col("a", "int"), col("b", "string?"), col("c", "float")]
    lite = connection("sqlite", path="d.db")
    rows = reader.read(columns, source("table", connection=lite, table="t"))
    assert (len(rows), rows[0], rows[-1]) == (50_001, (0, None, 0.0), (50_000, "s50000", 12_500.0))
    assert reader.read([col("n", "int")], source("sql", connection=lite, query="SELECT count(*) AS n FROM t;")) == [
        (50_001,)
    ]
    with pytest.raises(StepError, match="refused the table nope") as caught:
        reader.read(columns, source("table", connection=lite, table="nope"))
    assert caught.value.code == "MLC8014"


def test_duckdb_files_are_read(reader: Reader) -> None:
    with duckdb.connect(str(reader.folder / "d.duckdb")) as db:
        db.execute("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
    columns = [col("a", "int"), col("b", "string")]
    assert reader.read(columns, source("table", connection=connection("duckdb", path="d.duckdb"), table="t")) == [
        (1, "x")
    ]


def test_python_sources_give_pandas_polars_and_arrow_tables(reader: Reader) -> None:
    reader.write(
        "loading_a.py",
        "import pandas, polars, pyarrow\n"
        "def a(): return pandas.DataFrame({'x': [1, 2], 'y': [0.5, float('nan')], 's': ['a', None]})\n"
        "def b(): return polars.DataFrame({'x': [1, 2], 'y': [0.5, None], 's': ['a', None]})\n"
        "def c(): return pyarrow.table({'x': [1, 2], 'y': [0.5, None], 's': ['a', None]})\n"
        "def wrong(): return 5\n"
        "def broken():\n    return {}['key']\n",
    )
    columns = [col("x", "int"), col("y", "float?"), col("s", "string?")]
    for name in "abc":
        assert reader.read(columns, source("python", ref=f"loading_a:{name}")) == [(1, 0.5, "a"), (2, None, None)]
    with pytest.raises(StepError, match="returned int"):
        reader.read(columns, source("python", ref="loading_a:wrong"))
    with pytest.raises(StepError, match=r"loading_a:broken failed with KeyError: 'key', at loading_a\.py:7"):
        reader.read(columns, source("python", ref="loading_a:broken"))


def test_unread_connections_and_missing_variables_are_refused_by_code(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepError) as caught:
        reader.read([col("a", "int")], source("table", connection=connection("mysql", host="h"), table="t"))
    assert caught.value.code == "MLC8010"
    monkeypatch.delenv("NO_SUCH_HOST", raising=False)
    with pytest.raises(StepError, match="NO_SUCH_HOST is not set") as caught:
        reader.read(
            [col("a", "int")],
            source("table", connection=connection("postgres", host={"env": "NO_SUCH_HOST"}), table="t"),
        )
    assert caught.value.name == "missing-environment"


def test_equal_input_gives_equal_bytes(reader: Reader) -> None:
    reader.write("d.csv", "a,b\n" + "".join(f"{i},{i % 7}x\n" for i in range(5000)) + "bad,1\n")
    written = []
    for _ in range(2):
        reader.read([col("a", "int"), col("b", "string")], source(path="d.csv"))
        written.append([(reader.folder / f"{n}.parquet").read_bytes() for n in ("rows", "quarantine")])
    assert written[0] == written[1]


def test_a_file_larger_than_the_memory_limit_is_read(reader: Reader) -> None:
    line = ",".join(["x" * 180] * 10) + "\n"
    with (reader.folder / "large.csv").open("w") as out:
        out.write(",".join(f"c{i}" for i in range(10)) + "\n")
        for i in range(100_000):
            out.write(f"{i}" + line)
    columns = [col(f"c{i}", "string") for i in range(10)]
    scratch = reader.folder / "scratch"
    scratch.mkdir()
    settings = {"data": "d", "source": source(path="large.csv"), "columns": columns}
    with open_engine(scratch, 200 << 20) as con:
        report = ingest(
            Place(con, reader.folder, reader.folder, scratch),
            settings,
            reader.folder / "r.parquet",
            reader.folder / "q.parquet",
        )
    assert report["rows"] == 100_000
    json.dumps(report)


def test_names_that_differ_in_case_only_are_told_apart(reader: Reader) -> None:
    """In a CSV, a Parquet file and JSON lines alike; the quarantine numbers the second of them."""
    reader.write("a.csv", "Age,age,y\n1,2,0\n3,bad,1\n")
    duckdb.sql(f"COPY (SELECT '1' AS q, '2' AS age) TO '{reader.folder}/plain.parquet'")
    table = pa.table({"Age": ["1", "3"], "age": ["2", "bad"], "y": ["0", "1"]})
    pq.write_table(table, reader.folder / "a.parquet")
    reader.write("a.jsonl", '{"Age": "1", "age": "2", "y": 0}\n{"Age": "3", "age": "bad", "y": 1}\n')
    for kind, path in (("csv", "a.csv"), ("parquet", "a.parquet"), ("json_lines", "a.jsonl")):
        src = source(kind, path=path)
        assert reader.read([col("age", "int"), col("y", "int")], src) == [(2, 0)], kind
        seen = "age, Age_2" if kind == "json_lines" else "age_2, Age"  # declared keys come first
        assert reader.rows("quarantine", seen + ", __rule") == [("bad", "3", "age: bad is no int")], kind
        assert reader.read([col("old", "int", raw="Age")], src) == [(1,), (3,)], kind
    assert reader.read([col("age", "int")], source("parquet", path="plain.parquet")) == [(2,)]


@pytest.mark.parametrize("names", [("a", "A"), ("__row",), ("__ROW",)])
def test_a_name_that_the_engine_cannot_keep_apart_is_refused(reader: Reader, names: tuple[str, ...]) -> None:
    reader.write("a.csv", "x\n1\n")
    with pytest.raises(StepError) as refused:
        reader.read([col(name, "int", raw="x") for name in names], source(path="a.csv"))
    assert refused.value.code == "MLC8017"
    assert refused.value.where == WHERE


def test_good_rows_are_not_staged_and_bad_ones_change_nothing_else(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are all good go straight to their file; the first bad one makes ingest begin again, by way of a table."""
    columns = [col("id", "int"), col("kind", "category?", levels=("a", "b")), col("x", "float?")]
    good = "".join(f"{i},{'ab'[i % 2] if i % 5 else ''},{i / 4}\n" for i in range(5000))
    reader.write("bad.csv", "id,kind,x\n" + good + "5000,c,1\n5001,a,\n")
    staged = reader.read(columns, source(path="bad.csv"))
    assert (reader.report["rows_read"], reader.report["rows"], reader.report["bad"]) == (5002, 5001, 1)
    assert reader.rows("quarantine", "__row") == [(5000,)]
    facts = reader.report["columns"]
    reader.write("good.csv", "id,kind,x\n" + good + "5001,a,\n")
    monkeypatch.setattr("mlopsc.runtime.data.ingest._stage", lambda *_: pytest.fail("staged"))
    assert reader.read(columns, source(path="good.csv")) == staged
    assert (reader.report["rows_read"], reader.report["rows"], reader.report["bad"]) == (5001, 5001, 0)
    assert reader.report["columns"] == facts
    assert reader.rows("quarantine") == []
