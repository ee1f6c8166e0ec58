"""Bad data through the command line: what a run and `check --data` say of it, and where; an earlier version stays whole."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pieces import PEOPLE, people, spec, to_csv
from workbench import Bench, Done, Server

GOOD = people(60)
TEXT = to_csv(GOOD)
HEAD, *LINES = TEXT.splitlines(keepends=True)
LISTS = "def load():\n    import pyarrow\n    return pyarrow.table({'id': [[1], [2]], 'y': [True, False]})\n"


def changed(number: int, **values: Any) -> str:
    """The good file with other values in one row."""
    return to_csv([{**row, **values} if i == number else row for i, row in enumerate(GOOD)])


def without(column: str) -> str:
    return to_csv([{k: v for k, v in row.items() if k != column} for row in GOOD])


def everywhere(**values: Any) -> str:
    return to_csv([{**row, **values} for row in GOOD])


class Case(NamedTuple):
    """`files` beside the spec that `given` makes; the run's error has this code, says `told`, and points to the line of the
    spec that starts with `at`. `checked`: the code of check --data, None where it finds nothing."""

    files: dict[str, str | bytes]
    code: str
    at: str
    told: str
    checked: str | None = ""
    given: dict[str, Any] = {}


def csv(content: str | bytes, *rest: Any, **given: Any) -> Case:
    return Case({"d.csv": content}, *rest, given=given)


TWINS = """
import pandas
def load():
    return pandas.DataFrame([[1, 2, True], [3, 4, False]], columns=["id", "id", "y"])
"""
LATE = """
import pandas
def load():
    return pandas.DataFrame({"id": range(3000), "y": pandas.Series([True] * 2999 + ["no"], dtype=object)})
"""
BAD_ROWS, BAD_VALUES = "MLC8020", "MLC8019"
CASES = {
    "no file": Case({}, "MLC8001", "data d", "No file is found at d.csv"),
    "a folder in the file's place": Case({"d.csv/x": ""}, "MLC8001", "data d", "d.csv is a folder"),
    "a glob that matches nothing": Case({}, "MLC8001", "data d", "in/*.csv", given={"source": 'csv("in/*.csv")'}),
    "a renamed column": csv(TEXT.replace("age", "Age", 1), "MLC8002", "age :", "d has no column age"),
    "a column that is gone": csv(without("pay"), "MLC8002", "pay :", "d has no column pay"),
    "a file of a glob that lacks a column": Case(
        {"in/a.csv": TEXT, "in/b.csv": without("age")}, "MLC8002", "age :", "in/b.csv has no column age",
        given={"source": 'csv("in/*.csv")'},
    ),
    "an empty file": csv("", "MLC8004", "data d", "d.csv is empty"),
    "only blank lines": csv("\n\r\n\n", "MLC8004", "data d", "d.csv is empty"),
    "only a header": csv(HEAD, "MLC8021", "data d", "its source has none"),
    "no row after filters": csv(TEXT, "MLC8021", "data d", "none of 60 is left", data="filter age > 119"),
    "a text in a number": csv(changed(3, age="old"), BAD_ROWS, "age :", "age: old is no int", BAD_VALUES),
    "a fraction in an int": csv(changed(3, age="30.5"), BAD_ROWS, "age :", "age: 30.5 is no int", BAD_VALUES),
    "infinity": csv(changed(3, pay="-inf"), BAD_ROWS, "pay :", "pay: -inf is no float", BAD_VALUES),
    "a number too large": csv(changed(3, pay="1e999"), BAD_ROWS, "pay :", "pay: 1e999 is no float", BAD_VALUES),
    "NaN where no null may be": csv(
        changed(4, pay=1), BAD_ROWS, "pay :", "pay: an empty field is null", BAD_VALUES, columns=PEOPLE | {"pay": "float"}
    ),
    "NA, which is text": csv(changed(3, pay="NA"), BAD_ROWS, "pay :", "pay: NA is no float", BAD_VALUES),
    "a value out of range": csv(changed(3, age=121), BAD_ROWS, "age :", "age: 121 is not in 0..120", BAD_VALUES),
    "an unknown level": csv(changed(3, city="d"), BAD_ROWS, "city :", "city: d is not one of", BAD_VALUES),
    "a level in other letters": csv(changed(3, city="A"), BAD_ROWS, "city :", "city: A is not one of", BAD_VALUES),
    "a date of another form": csv(changed(3, day="31.01.2026"), BAD_ROWS, "day :", "31.01.2026 is no date", BAD_VALUES),
    "a day that never was": csv(changed(3, day="2026-02-30"), BAD_ROWS, "day :", "2026-02-30 is no date", BAD_VALUES),
    "a NUL": csv(changed(3, city="a\0"), BAD_ROWS, "city :", "is not one of", BAD_VALUES),
    "a very long field": csv(changed(3, city="z" * 3_000_000), BAD_ROWS, "city :", "zzz… is not one of", BAD_VALUES),
    "bytes of another encoding": csv(
        changed(3, city="ü").encode("latin-1"), BAD_ROWS, "data d", "d.csv, line 5: not UTF-8", BAD_VALUES
    ),
    "another encoding than declared": csv(
        TEXT.encode() + b"\xff\n", "MLC8003", "data d", "cannot be read as utf-16",
        source='csv("d.csv", encoding = "utf-16")',
    ),
    "a row with too few fields": csv(TEXT + "61,30\n", BAD_ROWS, "data d", "line 62: fewer fields", BAD_VALUES),
    "a row with too many fields": csv(
        HEAD + '1,30,a,1,2026-01-01,true,"more\nlines"\n' + TEXT.partition("\n")[2], BAD_ROWS, "data d",
        "line 2: more fields", BAD_VALUES,
    ),
    "a bad row behind a field of several lines": csv(
        'id,age,city,pay,day,y,n\n1,30,a,1,2026-01-01,true,"x\n\ny"\n2,3\n', BAD_ROWS, "data d", "line 5: fewer", BAD_VALUES
    ),
    "text behind a closing quote": csv(
        TEXT + '61,30,"a"b,1,2026-01-01,true\n', BAD_ROWS, "data d", "text behind a closed one", BAD_VALUES
    ),
    "a quote that never closes": csv(TEXT + '61,30,"a,1,2026-01-01,true\n', BAD_ROWS, "data d", "not closed", BAD_VALUES),
    "two columns of one name": csv(
        to_csv(GOOD).replace("day", "age", 1), "MLC8007", "age :", "d.csv has two columns named age",
        columns={k: v for k, v in PEOPLE.items() if k != "day"},
    ),
    "a column too many, forbidden": csv(
        TEXT, "MLC8008", "data d", "does not name: day", data="extra_columns = forbid",
        columns={k: v for k, v in PEOPLE.items() if k != "day"},
    ),
    "a column kept under a declared name": csv(
        TEXT, "MLC8017", "age :", "would keep the column age", data="extra_columns = keep",
        columns={k: v for k, v in PEOPLE.items() if k != "age"} | {"age": 'int from "id"'},
    ),
    "names that differ in case only": csv(
        TEXT.replace("pay", "Age", 1), "MLC8017", "Age :", "differ in case only",
        columns={("Age" if k == "pay" else k): v for k, v in PEOPLE.items()}, features="age",
    ),
    "a key twice": csv(TEXT + LINES[3], "MLC8022", "data d", "3 stands in 2 rows", data="key = id"),
    "a key twice after another column's dedupe": csv(
        TEXT + "3,33,a,999,2026-01-01,true\n",
        "MLC8022",
        "data d",
        "3 stands in 2 rows",
        data="key = id\n  dedupe [id, pay]",
    ),
    "an expectation that fails": csv(TEXT, "MLC8024", "expect", "the data gives 60", data="expect rows >= 61"),
    "an expectation over no value": csv(
        everywhere(pay=""), "MLC8024", "expect", "it has no value", data="expect mean(pay) > 0", features="age"
    ),
    "one row": csv(HEAD + LINES[0], "MLC8031", "model m", "leaves no test rows"),
    "one group": csv(
        everywhere(city="a"), "MLC8031", "model m", "leaves no train rows", split="group(city, test = 25%)", features="age"
    ),
    "a group that is not there": csv(TEXT, "MLC8031", "model m", "leaves no test rows", split='group(city, test = ["z"])',
        columns=PEOPLE | {"city": "string"}, features="age"),
    "one moment": csv(
        everywhere(day="2026-01-01"), "MLC8031", "model m", "leaves no train rows", split="time(test = 20%)",
        data="time = day",
    ),
    "nothing after a moment": csv(
        TEXT, "MLC8031", "model m", "leaves no test rows", split='time(after = date("2030-01-01"))', data="time = day"
    ),
    "a target that is always null": csv(
        everywhere(y=""), "MLC8031", "model m", "60 without a target", columns=PEOPLE | {"y": "bool?"}
    ),
    "a constant target": csv(everywhere(y="true"), "MLC8032", "model m", "have the target y = true"),
    "an all-null number into impute": csv(
        everywhere(pay=""), "MLC9052", "pay |>", "it is null in every training row", None
    ),
    "fewer rows than folds": csv(
        HEAD + "".join(LINES[:6]), "MLC9061", "model m", "too few for 5", None,
        algorithm="logistic_regression(C = tune(0.1..1.0))", model="tuning { trials = 2 }",
    ),
    "test rows of one class": csv(
        to_csv([{**row, "y": "true" if i >= 40 else row["y"]} for i, row in enumerate(GOOD)]), "MLC9067", "require",
        "one class only", None, split='time(after = date("2026-01-15"))', data="time = day", gate="require roc_auc >= 1%",
    ),
    "a corrupted Parquet file": Case(
        {"d.parquet": b"PAR1" + b"x" * 500 + b"PAR1"}, "MLC8005", "data d", "d.parquet cannot be read as Parquet",
        given={"source": 'parquet("d.parquet")'},
    ),
    "a cut gzip file": Case(
        {"d.csv.gz": gzip.compress(TEXT.encode())[:-30]}, "MLC8005", "data d", "d.csv.gz cannot be unpacked",
        given={"source": 'csv("d.csv.gz")'},
    ),
    "a gzip file that is none": Case(
        {"d.csv.gz": TEXT}, "MLC8005", "data d", "d.csv.gz cannot be unpacked", given={"source": 'csv("d.csv.gz")'}
    ),
    "JSON lines with a broken one": Case(
        {"d.jsonl": "".join(json.dumps(row) + "\n" for row in GOOD) + "{oops\n"}, BAD_ROWS, "data d", "record 61: not JSON",
        BAD_VALUES, {"source": 'json_lines("d.jsonl")'},
    ),
    "JSON lines of other bytes": Case(
        {"d.jsonl": "".join(json.dumps(row) + "\r\n" for row in GOOD).encode() + b'{"id": "\xff"}\n'}, BAD_ROWS, "data d",
        "line 61: not UTF-8", BAD_VALUES, {"source": 'json_lines("d.jsonl")'},
    ),
    "a JSON list in place of lines": Case(
        {"d.jsonl": json.dumps(GOOD, indent=1)}, "MLC8004", "data d", "holds no JSON object",
        given={"source": 'json_lines("d.jsonl")'},
    ),
    "a module that fails": Case(
        {"rows.py": "def load():\n    return [][0]\n"}, "MLC8011", "data d", "IndexError: list index out of range, at rows.py:2",
        given={"source": 'python("rows:load")'},
    ),
    "a module that returns no table": Case(
        {"rows.py": "def load():\n    return {}\n"}, "MLC8011", "data d", "rows:load returned dict",
        given={"source": 'python("rows:load")'},
    ),
    "a module that ends the process": Case(
        {"rows.py": "def load():\n    raise SystemExit(3)\n"}, "MLC8011", "data d", "SystemExit: 3, at rows.py:2",
        given={"source": 'python("rows:load")'},
    ),
    "a table with two columns of one name": Case(
        {"rows.py": TWINS}, "MLC8007", "id :", "rows:load has two columns named id",
        given={"source": 'python("rows:load")', "columns": {"id": "int", "y": "bool"}, "features": "id"},
    ),
    "a bad value far down in a column of objects": Case(
        {"rows.py": LATE}, BAD_ROWS, "y :", "y: no is no bool", BAD_VALUES,
        {"source": 'python("rows:load")', "columns": {"id": "int", "y": "bool"}, "features": "id"},
    ),
    "a table with a type that is none": Case(
        {"rows.py": LISTS}, "MLC8009", "id :",
        "has type", given={"source": 'python("rows:load")', "columns": {"id": "int", "y": "bool"}, "features": "id"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, warm_cli: Server) -> Path:
    """A folder whose store holds version 1 of m."""
    bench = Bench(tmp_path_factory.mktemp("good"), warm_cli)
    bench.write("d.csv", TEXT)
    bench.write("s.mlops", spec())
    assert bench.run().model["version"] == 1
    return bench.folder


def line_of(text: str, start: str) -> int:
    found = [number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(start)]
    assert found, start
    return found[0]


@pytest.mark.parametrize("name", CASES)
def test_bad_data_has_a_code_and_a_place_and_leaves_what_was_registered(
    name: str, bench: Bench, registered: Path
) -> None:
    case = CASES[name]
    shutil.copytree(registered / ".mlopsc", bench.store)
    for file, content in case.files.items():
        bench.write(file, content)
    text = spec(**{"data": ""} | case.given)
    bench.write("s.mlops", text)
    done = bench.run()
    line = line_of(text, case.at)
    assert (done.code, done.json["status"]) == (1, "failed")
    assert (done.error["code"], done.error["line"]) == (case.code, line)
    assert case.told in done.error["message"]
    assert len(done.error["message"]) < 400
    findings = bench.check()
    if case.checked is None:
        assert findings == []
    else:
        assert (case.checked or case.code, line) in [(f["code"], f["start"]["line"]) for f in findings]
        assert max(len(f["message"]) for f in findings) < 400
    whole = bench.command("journal", "--verify", "--json")
    assert (whole.code, whole.json["verified"]) == (0, True)
    known = bench.command("models", "m", "--json").json["models"]["m"]
    assert [(v["version"], v["stored"]) for v in known["versions"]] == [(1, True)]
    assert known["champion"] == 1


HARMLESS: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), {}),
    "CRLF": (TEXT.replace("\n", "\r\n"), {}),
    "CR alone": (TEXT.replace("\n", "\r"), {}),
    "line ends mixed": ("".join(line if i % 3 else line[:-1] + "\r\n" for i, line in enumerate(TEXT.splitlines(True))), {}),
    "no line end at the end": (TEXT.rstrip(), {}),
    "blank lines": ("\n" + TEXT.replace("\n", "\n\n"), {}),
    "quotes": ("".join('"' + line[:-1].replace(",", '","') + '"\n' for line in TEXT.splitlines(True)), {}),
    "white space round numbers": (to_csv([{**r, "age": f" {r['age']} "} for r in GOOD]), {}),
    "another order of columns": (to_csv(GOOD, ["y", "day", "pay", "city", "age", "id"]), {}),
    "further columns": (to_csv([{**row, "z": 'a "b", c\nd'} for row in GOOD]), {}),
    "further columns, kept": (to_csv([{**row, "z": 1} for row in GOOD]), {"data": "key = id\n  extra_columns = keep"}),
    "two further columns of one name": (to_csv([{**row, "z": 1, "w": 2} for row in GOOD]).replace("w\n", "z\n", 1), {}),
    "rows twice, with dedupe": (TEXT + "".join(LINES), {"data": "key = id\n  dedupe id"}),
    "a semicolon": (TEXT.replace(",", ";"), {"source": 'csv("d.csv", delimiter = ";")'}),
    "several characters between": (TEXT.replace(",", "<|>"), {"source": 'csv("d.csv", delimiter = "<|>")'}),
    "UTF-16": (TEXT.encode("utf-16"), {"source": 'csv("d.csv", encoding = "utf-16")'}),
    "latin-1, mixed": (
        "".join(line if i % 2 else line[:-1] + "\r\n" for i, line in enumerate(TEXT.splitlines(True))).encode("latin-1"),
        {"source": 'csv("d.csv", encoding = "latin-1")'},
    ),
    "NaN for null": (TEXT.replace(",,", ",NaN,"), {}),
    "numbers as another program writes them": (to_csv([{**r, "age": f"+{r['age']}.0"} for r in GOOD]), {}),
    "a line further down": (TEXT, {"data": "key = id\n  # a comment"}),
    "no header": ("".join(LINES), {"source": 'csv("d.csv", header = false)'}),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_the_same_rows_in_another_dress_give_the_same_model(name: str, bench: Bench, registered: Path) -> None:
    content, given = HARMLESS[name]
    shutil.copytree(registered / ".mlopsc", bench.store)
    bench.write("d.csv", content)
    bench.write("s.mlops", spec(**given))
    done = bench.run()
    assert done.code == 0, done.out
    known = bench.command("models", "m", "--json").json["models"]["m"]["versions"]
    assert [version["digest"] for version in known] == [done.model["digest"]]
    assert done.model["rows"]["train"] + done.model["rows"]["test"] == len(GOOD)


def test_rows_that_only_test_sees_have_a_level_of_all_zeros_and_a_null_its_own(bench: Bench) -> None:
    """The level `new` comes after the split's moment, and is predicted as a row without a level is."""
    rows = [{**row, "city": "" if i % 7 == 0 else row["city"]} for i, row in enumerate(people(90))]
    for row in rows[80:]:
        row["city"] = "new"
    bench.write("d.csv", to_csv(rows))
    columns = PEOPLE | {"city": "category?"}
    text = spec(
        columns=columns, data="time = day", split='time(after = date("2026-01-26"))', features="age\n  city |> onehot()"
    )
    bench.write("s.mlops", text)
    done: Done = bench.run()
    assert done.code == 0, done.out
    assert done.model["rows"] == {"train": 75, "test": 15, "no_target": 0}


def test_a_feature_without_any_value_is_no_obstacle_to_models_that_take_nulls(bench: Bench) -> None:
    bench.write("d.csv", everywhere(pay=""))
    found = []
    for features in ("age\n  pay", "age"):
        bench.write(
            "s.mlops", spec(features=features, algorithm="gradient_boosting(max_iter = 9, min_samples_leaf = 4)")
        )
        found.append(bench.run().model["metrics"])
    assert found[0] == found[1]


def test_a_stratum_of_one_row_and_constant_features_are_no_obstacle(bench: Bench) -> None:
    rows = [{**row, "pay": 5, "city": "c" if i == 3 else "a"} for i, row in enumerate(GOOD)]
    bench.write("d.csv", to_csv(rows))
    features = (
        "age\n  p1 = pay |> standardize()\n  p2 = pay |> minmax()\n  p3 = pay |> quantile()\n  p4 = pay |> robust()\n"
        "  p5 = pay |> power()\n  p6 = pay |> bin(4)\n  p7 = pay |> onehot()"
    )
    columns = PEOPLE | {"pay": "int"}
    bench.write("s.mlops", spec(columns=columns, features=features, split="random(test = 25%, stratify = city)"))
    done = bench.run()
    assert done.code == 0, done.out
    assert done.model["rows"]["test"] == 15
