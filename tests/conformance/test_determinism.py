"""The same spec and data give the same models and verdicts: whatever the hash seed, the working folder, the time zone, the
locale, the number of steps at once; as `mlopsc run` or as `python run.py` of a compiled folder without mlopsc."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres
import psycopg
import pytest
from pieces import people

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORDS = "alpha beta gamma delta grün straße".split()
TRADES = ["baker", "smith", "tailor", "mason", "cook", ""]


def records() -> list[dict[str, Any]]:
    """240 rows for both specs."""
    found = []
    for row in people(240, seed=8):
        i = row["id"]
        words = " ".join(WORDS[(i * k) % 6] for k in range(1, 1 + i % 4))
        seen = f"2026-{1 + i // 80:02d}-{1 + i % 28:02d}T{i % 24:02d}:30:00"
        city = {"a": "Köln", "b": "Bonn", "c": "Aachen"}[row["city"]]
        record = {"id": i, "age": row["age"], "Stadt": city, "trade": TRADES[i * 7 % 6], "pay": row["pay"]}
        found.append(record | {"note": words, "seen": seen, "stays": "yes" if row["y"] == "true" else "no"})
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The folder of a PostgreSQL server's socket."""
    with postgres.running() as (made, _):
        with psycopg.connect(made.get_uri()) as db:
            db.execute("CREATE TABLE people (id int, age int, pay numeric, seen timestamptz)")
            with db.cursor() as cursor:
                rows = [(r["id"], r["age"], r["pay"], r["seen"] + "Z") for r in records()]
                cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s)", rows)
        yield str(psycopg.conninfo.conninfo_to_dict(made.get_uri())["host"])


def write_data(folder: Path) -> None:
    rows = records()
    numbers = [{name: row[name] for name in ("id", "age", "pay")} for row in rows]
    (folder / "people.json").write_text(json.dumps(numbers))
    shown = [{**row, "pay": "-" if row["pay"] is None else row["pay"]} for row in [*rows, *rows[:5]]]
    lines = [";".join(shown[0]), *(";".join(map(str, row.values())) for row in shown)]
    (folder / "people.csv").write_bytes("\r\n".join(lines).encode("latin-1"))
    for number, part in enumerate((rows[:100], rows[100:])):
        text = "".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in part)
        (folder / f"people-{number}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    names = ", ".join(f"('{trade}', {number})" for number, trade in enumerate(TRADES) if trade)
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {names}) t(trade, level)) TO '{folder}/trades.parquet'")
    values = [tuple(row.values()) for row in numbers]
    with sqlite3.connect(folder / "people.sqlite") as lite:
        lite.execute("CREATE TABLE people (id, age, pay)")
        lite.executemany("INSERT INTO people VALUES (?, ?, ?)", values)
    with duckdb.connect(str(folder / "people.duckdb")) as duck:
        duck.execute("CREATE TABLE people (id BIGINT, age BIGINT, pay DOUBLE)")
        duck.executemany("INSERT INTO people VALUES (?, ?, ?)", values)


def run(words: list[str], cwd: Path, env: dict[str, str]) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPSC_", "LC_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=kept | env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def promised(result: dict[str, Any]) -> dict[str, Any]:
    """What has to be equal: models and gates but for versions, and for measured times with their verdicts."""
    models = {
        name: {k: v for k, v in m.items() if k not in ("version", "promoted")} for name, m in result["models"].items()
    }
    gates = {
        name: [rule for rule in gate["rules"] if not re.search(r"latency|train_time", rule["rule"])]
        for name, gate in result["gates"].items()
    }
    failed = {step["id"]: step["error"]["name"] for step in result["steps"] if step["error"]}
    return {"models": models, "gates": gates, "failed": failed}


def run_both_ways(
    spec: Path, tmp_path: Path, env: dict[str, str], *words: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result of `mlopsc run`, and that of the compiled folder's run.py where `import mlopsc` fails."""
    entry = ["-c", "from mlopsc.cli.main import entry; entry()"]
    first_env = {**env, "PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    first = run(
        [*entry, "run", str(spec), "--json", "--jobs", "2", "--store", str(tmp_path / "one"), *words],
        tmp_path,
        first_env,
    )
    out = spec.parent / "build" / "local"
    compiled = [a for a in words if a not in ("--set", "test_share=35%")]
    subprocess.run(
        [sys.executable, *entry, "compile", str(spec), "--target", "local", "-o", str(out), *compiled],
        cwd="/", check=True, capture_output=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")} | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    blocked = tmp_path / "blocked"
    for name in ("mlopsc", "mlopsc_grammar", "mlopsc_local", "mlopsc_airflow", "mlopsc_kubeflow"):
        (blocked / name).mkdir(parents=True, exist_ok=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('not in this environment')\n")
    second_env = {
        **env,
        "PYTHONHASHSEED": "2",
        "TZ": "America/St_Johns",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(blocked),
    }
    given = [a for a in words if a in ("--set", "test_share=35%")]
    second = run(["run.py", "--json", "--jobs", "1", "--store", str(tmp_path / "two"), *given], out, second_env)
    return promised(first), promised(second)


def test_every_classifier_transform_and_split_gives_the_same_model_twice(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    shutil.copytree(HERE / "specs", folder)
    write_data(folder)
    first, second = run_both_ways(
        folder / "binary.mlops", tmp_path, {}, "--profile", "small", "--set", "test_share=35%"
    )
    assert first["failed"] == {}
    assert len(first["models"]) == 14
    assert first == second


def test_every_source_and_regressor_gives_the_same_model_twice(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    shutil.copytree(HERE / "specs", folder)
    write_data(folder)
    first, second = run_both_ways(
        folder / "numbers.mlops", tmp_path, {"CONFORMANCE_PG": server, "CONFORMANCE_PW": "none"}
    )
    assert first["failed"] == {}
    assert len(first["models"]) == 13
    assert first == second


EXAMPLES = {
    "churn": (
        "Telco-Customer-Churn.csv",
        8,
        [("trials = 12", "trials = 3"), ("max_iter = 100", "max_iter = 10"), ("rows >= 1_000", "rows >= 100")],
    ),
    "housing": ("housing.csv", 25, [("max_iter = 300", "max_iter = 15"), ("rows >= 20_000", "rows >= 100")]),
    "bikes": ("hour.csv", 20, [("max_iter = 300", "max_iter = 15"), ("rows >= 17_000", "rows >= 100")]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_the_same_model_twice(name: str, tmp_path: Path) -> None:
    """A part of the rows, less tuning."""
    file, step, changes = EXAMPLES[name]
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    source = ROOT / "examples" / name
    text = (source / f"{name}.mlops").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.mlops").write_text(text)
    lines = (source / "data" / file).read_text().splitlines(keepends=True)
    (folder / "data" / file).write_text("".join([lines[0], *lines[1::step]]))
    first, second = run_both_ways(folder / f"{name}.mlops", tmp_path, {})
    assert set(first["failed"]) <= {"gate:release"}
    assert first["models"]
    assert first == second
