"""`check --data` and `init`: specs beside real files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from pathlib import Path

import pytest

from mlopsc.cli.main import guarded

ROOT = Path(__file__).resolve().parents[2]
CHURN = ROOT / "examples" / "churn"
Out = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    monkeypatch.delenv("MLOPSC_DATA", raising=False)
    return tmp_path


def found(capsys: Out) -> set[tuple[str, int]]:
    return {(d["name"], d["start"]["line"]) for d in json.loads(capsys.readouterr().out)["diagnostics"]}


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_check_data_tells_what_the_files_break_at_the_column_and_the_rule(here: Path, capsys: Out) -> None:
    spec = (CHURN / "churn.mlops").read_text(encoding="utf-8")
    (here / "data").symlink_to(CHURN / "data")
    spec = spec.replace("in 0..100", "in 0..50").replace("mean(tenure) in 20..50", "mean(tenure) in 40..45")
    spec = spec.replace("null_share(total_charges) <= 1%", "null_share(total_charges) >= 50%")
    (here / "s.mlops").write_text(spec, encoding="utf-8")
    assert guarded(["check", "s.mlops"]) == 0
    capsys.readouterr()
    assert guarded(["check", "s.mlops", "--data", "--format", "json"]) == 1
    assert found(capsys) == {
        ("bad-values", line_of(spec, "in 0..50")),
        ("failed-warning", line_of(spec, "mean(tenure) in 40..45")),
        ("failed-expectation", line_of(spec, "null_share(total_charges) >= 50%")),
    }


def test_check_data_reads_from_the_folder_that_the_environment_names(
    here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s.mlops").write_bytes((CHURN / "churn.mlops").read_bytes())
    assert guarded(["check", "s.mlops", "--data"]) == 1
    monkeypatch.setenv("MLOPSC_DATA", str(CHURN))
    assert guarded(["check", "s.mlops", "--data"]) == 0


def test_classes_outside_the_tables_are_made_with_their_arguments(here: Path, capsys: Out) -> None:
    spec = (CHURN / "churn.mlops").read_text(encoding="utf-8")
    (here / "data").symlink_to(CHURN / "data")
    start, end = spec.index("algorithm = best_of("), spec.index("tuning { trials")
    for call, word in (
        ('sklearn("sklearn.ensemble.AdaBoostClassifier", n_estimators = 20)', None),
        ('sklearn("sklearn.ensemble.AdaBoostClassifier", n_estimators = -1)', "n_estimators"),
        ('sklearn("sklearn.ensemble.AdaBoostClassifier", trees = 20)', "trees"),
        ('sklearn("sklearn.ensemble.AdaBoost")', "AdaBoost"),
    ):
        text = f"{spec[:start]}algorithm = {call}\n  {spec[end:]}".replace(
            "tuning { trials = 12; maximize = roc_auc; folds = 5 }", ""
        )
        (here / "s.mlops").write_text(text, encoding="utf-8")
        code = guarded(["check", "s.mlops", "--data", "--format", "json"])
        told = [d for d in json.loads(capsys.readouterr().out)["diagnostics"] if d["severity"] == "error"]
        assert code == (0 if word is None else 1), call
        assert [(d["name"], word in d["message"]) for d in told] == (
            [] if word is None else [("reference-unusable", True)]
        )


def rows(number: int = 300) -> list[dict[str, object]]:
    """Rows with blanks, a Yes/No pair, codes with zeros, dates and a target that two columns tell."""
    chance = random.Random(7)
    made: list[dict[str, object]] = []
    for i in range(number):
        age = chance.randint(18, 90)
        plan = chance.choice(["basic", "plus", 'the "big" one'])
        made.append(
            {
                "Customer ID": f"C{i:05d}",
                "Age": age,
                "Plan": plan,
                "zip": f"0{chance.randint(1000, 9999)}",
                "Spend": " " if i % 50 == 0 else round(chance.uniform(0.5, 99.5), 2),
                "joined": f"2024-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
                "in": chance.choice(["Yes", "No"]),
                "Left?": "Yes" if age + 20 * (plan == "basic") + chance.gauss(0, 10) > 65 else "No",
            }
        )
    return made


def write(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> None:
    made = rows()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(made[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(made)
    data = text.getvalue().encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_init_understands_a_file(here: Path, capsys: Out) -> None:
    """Names, key, types, blanks, ranges and the target; the result checks against the file as it stands."""
    (here / "in").mkdir()
    write(here / "in" / "My Customers.csv")
    assert guarded(["init", "in/My Customers.csv", "--target-column", "Left?"]) == 0
    text = (here / "my_customers.mlops").read_text(encoding="utf-8")
    shown = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        'source = csv("in/My Customers.csv")',
        "key = customer_id",
        'customer_id : string from "Customer ID"',
        'age : int from "Age" in 10..90',
        'plan : category("basic", "plus", "the \\"big\\" one") from "Plan"',
        "zip : string",
        'spend : float? from "Spend" missing " " in 0..100',
        "joined : date",
        'in_ : bool("Yes", "No") from "in"',
        'left : bool("Yes", "No") from "Left?"',
        "# Not used yet: zip, joined.",
    ):
        assert line in shown, text
    assert guarded(["check", "my_customers.mlops", "--data", "--strict"]) == 0
    assert guarded(["fmt", "--check", "my_customers.mlops"]) == 0
    assert guarded(["init", "in/My Customers.csv"]) == 2
    assert "my_customers.mlops exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [("a.csv", ";", "utf-8"), ("a.tsv", "\t", "utf-8-sig"), ("a.csv.gz", ",", "utf-8"), ("a.csv", "|", "cp1252")],
)
def test_init_reads_delimiters_encodings_and_gzip(here: Path, name: str, delimiter: str, encoding: str) -> None:
    write(here / name, delimiter, encoding)
    if encoding == "cp1252":
        (here / name).write_bytes((here / name).read_bytes().replace(b"plus", b"pl\xfcs"))
    assert guarded(["init", name, "--target-column", "Left?", "-o", "s.mlops"]) == 0
    assert guarded(["check", "s.mlops", "--data", "--strict"]) == 0


def test_init_reads_parquet_and_json_lines(here: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = [{**row, "Spend": None if row["Spend"] == " " else row["Spend"]} for row in rows()]
    pq.write_table(pa.Table.from_pylist(made), here / "a.parquet")
    (here / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    for name in ("a.parquet", "b.jsonl"):
        assert guarded(["init", name, "--target-column", "Left?", "-o", f"{name}.mlops"]) == 0
        assert guarded(["check", f"{name}.mlops", "--data", "--strict"]) == 0


def test_a_spec_of_init_runs_and_passes_its_own_gate(here: Path, capsys: Out) -> None:
    write(here / "a.csv")
    assert guarded(["init", "a.csv", "--target-column", "Left?"]) == 0
    capsys.readouterr()
    assert guarded(["run", "a.mlops", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["status"], result["gates"]["release"]["verdict"]) == ("succeeded", "passed")
    assert result["models"]["a_model"]["promoted"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.csv"], "there is no such file"),
        (["a.xlsx"], "not a kind of file that init reads"),
        (["a.csv", "--target-column", "Lefft?"], "did you mean Left??"),
        (["a.csv", "--target-column", "zip"], "cannot be a target"),
        (["empty.csv"], "empty.csv"),
        (["--target-column", "x"], "needs a DATA_FILE"),
    ],
)
def test_init_refuses_in_one_line(here: Path, words: list[str], told: str, capsys: Out) -> None:
    write(here / "a.csv")
    (here / "a.xlsx").write_bytes(b"PK")
    (here / "empty.csv").write_bytes(b"")
    assert guarded(["init", *words]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1
    assert not list(here.glob("*.mlops"))


SMALL = """\
edition 2026

pipeline p {
  about = "Small."
}

data d {
  source = csv("d.csv")
  key    = a

  columns {
    a : int
    b : bool
  }
}

features f from d {
  twice = a * 2
}

model m from f {
  target    = b
  algorithm = logistic_regression()
}
"""
ROWS = "a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(60))


@pytest.mark.parametrize(
    ("old", "new", "content", "code", "name"),
    [
        ("    b : bool", "    b : bool\n    c : int", ROWS, "MLC8002", "missing-column"),
        ('"d.csv")', '"d.csv", encoding = "klingon")', ROWS, "MLC8003", "unknown-encoding"),
        ("", "", "", "MLC8004", "empty-source"),
        ("", "", "a,b,a\n" + "1,1,1\n" * 9, "MLC8007", "ambiguous-column"),
        ("  key    = a", "  extra_columns = forbid", "a,b,c\n" + "1,1,1\n" * 9, "MLC8008", "extra-column"),
        ('csv("d.csv")', 'csv("none.csv")', ROWS, "MLC8001", "missing-file"),
        ('csv("d.csv")', 'python("rows:fail")', ROWS, "MLC8011", "python-source-failed"),
        ('csv("d.csv")', 'parquet("d.csv")', ROWS, "MLC8005", "unreadable-source"),
        ("", "", ROWS + "1,1\n", "MLC8022", "duplicate-key"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_has_a_code(
    here: Path, capsys: Out, old: str, new: str, content: str, code: str, name: str
) -> None:
    (here / "rows.py").write_text("def fail():\n    raise RuntimeError('no rows today')\n", encoding="utf-8")
    (here / "d.csv").write_text(content, encoding="utf-8")
    (here / "s.mlops").write_text(SMALL.replace(old, new) if old else SMALL, encoding="utf-8")
    assert guarded(["check", "s.mlops", "--data", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)["diagnostics"]
    assert [(d["code"], d["name"]) for d in told if d["severity"] == "error"] == [(code, name)]
