"""Cleaning, validating, splitting, reading columns, and holding a spec's rules against real files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from mlopsc.runtime.context import Context
from mlopsc.runtime.data import clean, ingest, split, validate
from mlopsc.runtime.data.check import check_data_files
from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.table import read_columns
from mlopsc.runtime.errors import StepError

WHERE = {"file": "spec.mlops", "line": 7, "column": 5}
Node = dict[str, Any]


def column(name: str, type_: str) -> Node:
    return {"op": "column", "name": name, "type": type_}


def literal(value: Any, type_: str) -> Node:
    return {"op": "literal", "value": value, "type": type_}


def call(fn: str, type_: str, *args: Node) -> Node:
    return {"op": "call", "fn": fn, "args": list(args), "type": type_}


def rule(kind: str, text: str, expr: Node) -> dict[str, Any]:
    return {"kind": kind, "text": text, "expr": expr, "where": WHERE}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """200 rows: id 0…199, x = id with a null in each tenth, group of ten, level a or b, day."""
    path = tmp_path / "rows.parquet"
    duckdb.sql(
        f"COPY (SELECT i AS id, CASE WHEN i % 10 <> 9 THEN i::DOUBLE END AS x, 'g' || i // 20 AS g, "
        "CASE WHEN i % 4 = 0 THEN 'b' ELSE 'a' END AS level, TIMESTAMP '2026-01-01' + to_days((i // 2)::INTEGER) AS at, "
        f"i AS __row FROM range(200) t(i)) TO '{path}'"
    )
    return path


def context(tmp_path: Path, settings: dict[str, Any], inputs: dict[str, Path], outputs: dict[str, str]) -> Context:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    files = {name: tmp_path / f"out.{name}.{suffix}" for name, suffix in outputs.items()}
    for file in files.values():
        file.unlink(missing_ok=True)
    return Context("step", settings, inputs, files, tmp_path, scratch, "run", None, tmp_path)  # type: ignore[arg-type]


# --- clean -----------------------------------------------------------------------------------------------------------


def cleaned(tmp_path: Path, rows: Path, filters: list[Node], dedupe: list[str] | None) -> tuple[Path, dict[str, Any]]:
    settings = {"data": "d", "filters": filters, "dedupe": dedupe}
    ctx = context(tmp_path, settings, {"rows": rows}, {"rows": "parquet", "report": "json"})
    clean.run(ctx)
    return ctx.outputs["rows"], json.loads(ctx.outputs["report"].read_text())


def test_without_filter_and_dedupe_the_same_bytes_pass(tmp_path: Path, rows: Path) -> None:
    out, report = cleaned(tmp_path, rows, [], None)
    assert out.read_bytes() == rows.read_bytes()
    assert (report["filtered"], report["deduped"]) == (0, 0)


def test_a_filter_drops_rows_where_it_is_false_or_null(tmp_path: Path, rows: Path) -> None:
    out, report = cleaned(tmp_path, rows, [call(">=", "bool?", column("x", "float?"), literal(100, "int"))], None)
    assert duckdb.sql(f"SELECT count(*), min(id) FROM '{out}'").fetchone() == (90, 100)
    assert report["filtered"] == 110


def test_dedupe_keeps_the_first_row_in_source_order_after_the_filter(tmp_path: Path, rows: Path) -> None:
    out, report = cleaned(tmp_path, rows, [call(">", "bool", column("id", "int"), literal(4, "int"))], ["g", "level"])
    found = duckdb.sql(f"SELECT id, __row FROM '{out}'").fetchall()
    assert found[:4] == [(5, 5), (8, 8), (20, 20), (21, 21)]
    assert (len(found), report["filtered"], report["deduped"]) == (20, 5, 175)


# --- validate --------------------------------------------------------------------------------------------------------

GOOD = {"rows_read": 200, "bad": 0, "broken": []}


def validated(
    tmp_path: Path, rows: Path, rules: list[Any], key: tuple[str, ...] = (), ingested: Any = GOOD, **more: Any
) -> Any:
    settings = {"data": "d", "bad_rows": more.get("bad_rows", 0), "key": key, "rules": rules}
    settings["columns"] = more.get("columns", [])
    report = tmp_path / "ingest.json"
    report.write_text(json.dumps(ingested))
    inputs = {"rows": rows, "ingest": report} | {f"rows.{n}": p for n, p in more.get("others", {}).items()}
    ctx = context(tmp_path, settings, inputs, {"report": "json"})
    try:
        validate.run(ctx)
    finally:
        ctx.settings["report"] = json.loads(ctx.outputs["report"].read_text())
    return ctx.settings["report"]


def test_every_dataset_function_gives_its_value(tmp_path: Path, rows: Path) -> None:
    x, yes = column("x", "float?"), literal(True, "bool")
    calls = {
        "rows": call("rows", "int"),
        "null_share": call("null_share", "float", x),
        "unique": call("unique", "bool", column("id", "int")),
        "distinct": call("distinct", "int", column("g", "string")),
        "share": call("share", "float", call(">=", "bool?", x, literal(100, "int"))),
        "min": call("min", "float?", x),
        "max": call("max", "float?", x),
        "mean": call("mean", "float?", column("id", "int")),
        "std": call("std", "float?", column("id", "int")),
        "median": call("median", "float?", column("id", "int")),
        "quantile": call("quantile", "float?", column("id", "int"), literal(0.25, "share")),
        "correlation": call("correlation", "float?", x, column("id", "int")),
        "exists_in": call("exists_in", "bool", column("id", "int"), column("other.id", "int")),
    }
    rules = [
        rule("warn", name, call("and", "bool?", yes, call("is null", "bool", made))) for name, made in calls.items()
    ]
    found = {r["rule"]: r["value"] for r in validated(tmp_path, rows, rules, others={"other": rows})["rules"]}
    assert found["correlation"] == pytest.approx(1.0)
    assert found["std"] == pytest.approx(57.879184513951124)
    del found["correlation"], found["std"]
    assert found == {
        "rows": 200, "null_share": 0.1, "unique": True, "distinct": 10, "share": 0.45, "min": 0.0, "max": 198.0, "mean": 99.5,
        "median": 99.5, "quantile": 49.75, "exists_in": True,
    }  # fmt: skip


def test_freshness_is_measured_to_now_in_seconds(tmp_path: Path, rows: Path) -> None:
    old = rule(
        "warn",
        "freshness",
        call("<=", "bool?", call("freshness", "duration?", column("at", "timestamp")), literal(1, "duration")),
    )
    entry = validated(tmp_path, rows, [old])["rules"][0]
    assert entry["verdict"] == "warned"
    assert entry["value"] > 86_400


def test_a_failing_expect_stops_with_rule_value_and_place_and_the_report_lists_all(tmp_path: Path, rows: Path) -> None:
    low = rule("expect", "rows >= 1_000", call(">=", "bool", call("rows", "int"), literal(1000, "int")))
    fine = rule("expect", "rows >= 1", call(">=", "bool", call("rows", "int"), literal(1, "int")))
    with pytest.raises(StepError, match=r"expect rows >= 1_000 does not hold: the data gives 200\.") as caught:
        validated(tmp_path, rows, [low, fine])
    assert (caught.value.code, caught.value.where) == ("MLC8024", WHERE)
    report = json.loads((tmp_path / "out.report.json").read_text())
    assert [(r["verdict"], r["line"]) for r in report["rules"]] == [("failed", 7), ("passed", 7)]


def test_an_expectation_with_no_value_does_not_pass(tmp_path: Path, rows: Path) -> None:
    nothing = call("mean", "float?", literal(None, "float?"))
    with pytest.raises(StepError, match="it has no value"):
        validated(tmp_path, rows, [rule("expect", "mean(x) > 0", call(">", "bool?", nothing, literal(0, "int")))])


def test_keys_must_be_unique_and_not_null(tmp_path: Path, rows: Path) -> None:
    assert validated(tmp_path, rows, [], ("id",))["rules"] == []
    with pytest.raises(StepError, match=r"The key g of d repeats: g0 stands in 20 rows \(10 such keys\)") as caught:
        validated(tmp_path, rows, [], ("g",))
    assert caught.value.code == "MLC8022"
    with pytest.raises(StepError, match="is null in 20 rows") as caught:
        validated(tmp_path, rows, [], ("x",))
    assert caught.value.name == "null-key"


def test_bad_rows_stop_the_run_above_the_allowed_share_only(tmp_path: Path, rows: Path) -> None:
    bad = {
        "rows_read": 202,
        "bad": 2,
        "broken": [{"column": "x", "rule": "in 0..100", "rows": 2, "example": "x: -5 is not in 0..100"}],
    }
    columns = [{"name": "x", "where": WHERE}]
    with pytest.raises(StepError, match=r"2 of 202 rows of d are bad.*x: -5 is not in 0\.\.100") as caught:
        validated(tmp_path, rows, [], ingested=bad, columns=columns)
    assert (caught.value.code, caught.value.where) == ("MLC8020", WHERE)
    assert validated(tmp_path, rows, [], ingested=bad, bad_rows=0.01)["bad"] == 2


def test_no_rows_stop_the_run(tmp_path: Path, rows: Path) -> None:
    out, _ = cleaned(tmp_path, rows, [literal(False, "bool")], None)
    with pytest.raises(StepError, match="none of 200 is left") as caught:
        validated(tmp_path, out, [])
    assert caught.value.code == "MLC8021"


# --- split -----------------------------------------------------------------------------------------------------------


def parts(
    tmp_path: Path,
    rows: Path,
    spec: dict[str, Any],
    key: tuple[str, ...] = ("id",),
    seed: int = 0,
    target: Node | None = None,
) -> Any:
    settings = {
        "model": "m", "data": "d", "key": key, "seed": seed, "split": spec,
        "target": {"text": "level", "expr": target or column("level", "category"), "type": "category", "task": "binary"},
    }  # fmt: skip
    ctx = context(tmp_path, settings, {"rows": rows}, {"split": "npz"})
    split.run(ctx)
    return dict(np.load(ctx.outputs["split"]))


def subset(tmp_path: Path, rows: Path, where: str) -> Path:
    path = tmp_path / f"{hashlib.sha256(where.encode()).hexdigest()}.parquet"
    duckdb.sql(f"COPY (SELECT * FROM '{rows}' WHERE {where} ORDER BY __row) TO '{path}'")
    return path


def test_a_random_split_takes_the_share_and_another_seed_takes_other_rows(tmp_path: Path, rows: Path) -> None:
    first, again = (parts(tmp_path, rows, {"kind": "random", "test": 0.2}) for _ in range(2))
    other = parts(tmp_path, rows, {"kind": "random", "test": 0.2}, seed=1)
    assert Counter(first["part"].tolist()) == {0: 160, 1: 40}
    assert (first["part"] == again["part"]).all()
    assert not (first["part"] == other["part"]).all()
    assert (first["id"] == other["id"]).all()
    assert (first["part"].dtype, first["id"].dtype, first["position"].dtype) == ("uint8", "uint64", "uint64")


def test_a_stratified_split_takes_the_share_of_each_stratum(tmp_path: Path, rows: Path) -> None:
    found = parts(tmp_path, rows, {"kind": "random", "test": 0.2, "stratify": column("level", "category")})
    level_b = np.arange(200) % 4 == 0
    assert (int(found["part"][level_b].sum()), int(found["part"][~level_b].sum())) == (10, 30)


def test_old_rows_rarely_change_sides_as_data_grows(tmp_path: Path, rows: Path) -> None:
    spec = {"kind": "random", "test": 0.2}
    small, large = parts(tmp_path, subset(tmp_path, rows, "id < 180"), spec), parts(tmp_path, rows, spec)
    assert int((small["part"] != large["part"][:180]).sum()) <= 8


def test_without_a_key_equal_rows_stay_together(tmp_path: Path, rows: Path) -> None:
    twice = tmp_path / "twice.parquet"
    doubled = f"SELECT * REPLACE (__row + 200 * r AS __row) FROM '{rows}', range(2) t(r)"
    duckdb.sql(f"COPY (SELECT * EXCLUDE (r) FROM ({doubled}) ORDER BY __row) TO '{twice}'")
    found = parts(tmp_path, twice, {"kind": "random", "test": 0.25}, key=())
    assert (found["part"][:200] == found["part"][200:]).all()
    assert (found["id"][:200] == found["id"][200:]).all()
    assert 95 <= int(found["part"].sum()) <= 105


def test_a_time_split_takes_the_latest_rows_with_ties_together(tmp_path: Path, rows: Path) -> None:
    found = parts(tmp_path, rows, {"kind": "time", "time": "at", "test": 0.105})["part"]
    assert np.flatnonzero(found).tolist() == list(range(178, 200))
    after = parts(tmp_path, rows, {"kind": "time", "time": "at", "after": "2026-01-11"})["part"]
    assert after.tolist() == [0] * 20 + [1] * 180


def test_a_group_split_keeps_groups_whole(tmp_path: Path, rows: Path) -> None:
    found = parts(tmp_path, rows, {"kind": "group", "group": "g", "test": 0.2})["part"]
    assert sorted(found.reshape(10, 20).sum(axis=1).tolist()) == [0] * 8 + [20] * 2
    named = parts(tmp_path, rows, {"kind": "group", "group": "g", "groups": ["g3"]})["part"]
    assert np.flatnonzero(named).tolist() == list(range(60, 80))


def test_rows_without_a_target_take_no_side(tmp_path: Path, rows: Path) -> None:
    found = parts(tmp_path, rows, {"kind": "random", "test": 0.5}, target=column("x", "float?"))["part"]
    assert (found[9::10] == 2).all()
    assert Counter(found.tolist()) == {0: 90, 1: 90, 2: 20}


def test_an_empty_side_and_a_constant_target_are_refused(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(StepError, match="leaves no test rows") as caught:
        parts(tmp_path, rows, {"kind": "time", "time": "at", "after": "2030-01-01"})
    assert caught.value.code == "MLC8031"
    with pytest.raises(StepError, match="have the target level = a") as caught:
        parts(tmp_path, subset(tmp_path, rows, "level = 'a'"), {"kind": "random", "test": 0.2})
    assert caught.value.code == "MLC8032"


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_come_as_numbers_with_nan_and_codes_in_text_order(tmp_path: Path, rows: Path) -> None:
    columns = [
        ("x", column("x", "float?"), "float?"),
        ("level", column("level", "category"), "category"),
        ("big", call(">", "bool?", column("double", "float?"), literal(10, "int")), "bool?"),
        ("at", column("at", "timestamp"), "timestamp"),
        ("none", literal(None, "string?"), "string?"),
    ]
    define = [
        ("double", call("*", "float?", column("x", "float?"), literal(2, "int"))),
        ("x4", call("*", "float?", column("double", "float?"), literal(2, "int"))),
    ]
    with open_engine(tmp_path) as con:
        found = read_columns(con, rows, [*columns, ("x4", column("x4", "float?"), "float?")], define)
    assert found["x"].values[8] == 8.0
    assert np.isnan(found["x"].values[9])
    assert (found["level"].levels, found["level"].values[:5].tolist()) == (["a", "b"], [1, 0, 0, 0, 1])
    assert found["big"].values[[5, 6]].tolist() == [0.0, 1.0]
    assert np.isnan(found["big"].values[9])
    assert found["at"].values[0] == 1_767_225_600_000_000
    assert (found["none"].levels, set(found["none"].values.tolist())) == ([], {-1})
    assert found["x4"].values[3] == 12.0
    assert {c.values.dtype.name for n, c in found.items() if c.levels is None} == {"float64"}


def test_a_chain_of_a_thousand_features_is_computed_and_each_is_at_hand(tmp_path: Path, rows: Path) -> None:
    """Each uses the one before twice: neither a nested query nor a written-out expression would end."""
    define = [("f0", call("+", "float?", column("x", "float?"), literal(1, "int")))]
    for i in range(1, 1000):
        before = column(f"f{i - 1}", "float?")
        define.append((f"f{i}", call("-", "float?", call("+", "float?", before, before), before)))
    wanted = [(f"f{i}", column(f"f{i}", "float?"), "float?") for i in range(1000)]
    wanted.append(("ends", call("+", "float?", column("x", "float?"), column("f999", "float?")), "float?"))
    wanted.append(("level", column("level", "string"), "string"))
    with open_engine(tmp_path) as con:
        found = read_columns(con, rows, wanted, define)
        assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    x = found["ends"].values - found["f0"].values
    assert all(np.array_equal(found[f"f{i}"].values, x + 1, equal_nan=True) for i in range(1000))
    assert found["level"].levels == ["a", "b"]


def test_columns_of_few_rows_take_three_statements_however_many_there_are(tmp_path: Path, rows: Path) -> None:
    columns = [(f"c{i}", column("level", "string"), "string") for i in range(30)]
    columns += [(f"n{i}", column("x", "float?"), "float?") for i in range(30)]
    with open_engine(tmp_path) as con:
        counted = Counted(con)
        read_columns(counted, rows, columns)  # type: ignore[arg-type]
    assert counted.statements == 3


class Counted:
    def __init__(self, con: Any) -> None:
        self.con, self.statements = con, 0

    def execute(self, *args: Any) -> Any:
        self.statements += 1
        return self.con.execute(*args)


def test_many_levels_come_in_text_order_with_minus_one_for_null(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "many.parquet"
    text = "CASE WHEN i % 7 = 0 THEN NULL ELSE 'é' || (i % 40) || chr(0) END AS t, 'q' || chr(39) || (i % 2) AS q"
    with open_engine(tmp_path) as con:
        con.execute(f"COPY (SELECT {text} FROM range(500) r(i)) TO '{path}' (FORMAT parquet)")
        wanted = [("t", column("t", "string?"), "string?"), ("q", column("q", "string"), "string")]
        found = read_columns(con, path, wanted)
    texts = [None if i % 7 == 0 else f"é{i % 40}\0" for i in range(500)]
    levels = sorted({t for t in texts if t is not None})
    with open_engine(tmp_path) as con:
        monkeypatch.setattr("mlopsc.runtime.data.table.MANY_ROWS", 1)
        one_by_one = read_columns(con, path, wanted)
    assert {name: one.levels for name, one in one_by_one.items()} == {name: one.levels for name, one in found.items()}
    assert found["t"].levels == levels
    assert found["t"].values.tolist() == [-1 if t is None else levels.index(t) for t in texts]
    assert (found["q"].levels, found["q"].values[:3].tolist()) == (["q'0", "q'1"], [0, 1, 0])
    assert found["t"].values.dtype == found["q"].values.dtype == np.int32


# --- check --data ----------------------------------------------------------------------------------------------------


def test_real_files_are_held_against_the_rules(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,age,churn\n1,20,Yes\n1,30,Yes\n2,old,Yes\n3,40,Yes\n4,10,Yes\n")
    base: dict[str, Any] = {
        "levels": None,
        "true_false": None,
        "missing": (),
        "lo": None,
        "hi": None,
        "allowed": None,
        "matches": None,
        "where": WHERE,
        "nullable": False,
    }
    columns = [
        base | {"name": "id", "raw": "id", "type": "int"},
        base | {"name": "age", "raw": "age", "type": "int"},
        base | {"name": "churn", "raw": "churn", "type": "bool", "true_false": ("Yes", "No")},
    ]
    mean = call(">", "bool?", call("mean", "float?", column("age", "int")), literal(40, "int"))
    target = {"text": "churn", "expr": column("churn", "bool"), "type": "bool", "task": "binary"}
    block = {
        "ingest": {
            "data": "d",
            "source": {"kind": "csv", "path": "d.csv", "delimiter": ",", "encoding": "utf-8", "header": True},
            "columns": columns,
        },
        "clean": {"data": "d", "filters": [], "dedupe": None},
        "validate": {
            "data": "d",
            "bad_rows": 0,
            "key": ("id",),
            "rules": [rule("expect", "mean(age) > 40", mean), rule("warn", "again", mean)],
        },
        "splits": [
            {
                "model": "m",
                "data": "d",
                "key": ("id",),
                "target": target,
                "split": {"kind": "random", "test": 0.5},
                "seed": 0,
            }
        ],
    }
    found = check_data_files([block], tmp_path, tmp_path)
    assert [(f["name"], f["severity"]) for f in found] == [
        ("bad-values", "error"), ("duplicate-key", "error"), ("failed-expectation", "error"), ("failed-warning", "warning"),
    ]  # fmt: skip
    assert found[0]["message"] == "1 of the first 5 rows break age: the first is age: old is no int."
    block["ingest"]["source"]["path"] = "gone.csv"
    assert [f["code"] for f in check_data_files([block], tmp_path, tmp_path)] == ["MLC8001"]


def test_ingest_runs_as_a_step_and_writes_its_three_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a\n1\nx\n")
    settings = {
        "data": "d", "extra_columns": "ignore",
        "source": {"kind": "csv", "path": "d.csv", "delimiter": ",", "encoding": "utf-8", "header": True},
        "columns": [{"name": "a", "raw": "a", "type": "int", "nullable": False, "where": WHERE}],
    }  # fmt: skip
    ctx = context(tmp_path, settings, {}, {"rows": "parquet", "quarantine": "parquet", "report": "json"})
    assert ingest.run(ctx) == {"rows": 1, "bad": 1}
    assert all(path.is_file() for path in ctx.outputs.values())
