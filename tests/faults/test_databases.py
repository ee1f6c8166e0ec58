"""Databases that refuse, are locked, cut off or gone: a verdict at once, or a few retries; and no value from outside, secret or
host, in anything that is told or kept."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres
import psycopg
import pytest
from pieces import people, spec
from workbench import Bench, Done

COLUMNS = {"id": "int", "age": "int", "y": "bool"}
ROWS = [(row["id"], row["age"], row["y"] == "true") for row in people(80)]
TOKEN = "T0k'n/\"ß %1\\"
RETRIED = "retries = 2; retry_delay = 1s"


def text(source: str, connection: str = "", **given: Any) -> str:
    return spec(source=source, columns=COLUMNS, features="age", more=connection, **{"pipeline": RETRIED} | given)


def attempts(done: Done) -> int:
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return sum(e.get("id") == "ingest:d" and e.get("status") == "running" for e in lines)


def lite(folder: Path, rows: int = 80) -> Path:
    path = folder / "d.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (id, age, y)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", [ROWS[i % 80] for i in range(rows)])
    return path


SQLITE = 'connection w = sqlite(path = "d.db")'
DUCKDB = 'connection w = duckdb(path = "d.db")'


def expect_verdict(bench: Bench, code: str, told: str, env: dict[str, str] | None = None, tries: int = 1) -> None:
    """The run and `check --data` name the code at the data block; the run after so many attempts."""
    done = bench.run(env=env)
    assert (done.code, done.error["code"], done.error["line"], attempts(done)) == (1, code, 3, tries)
    assert told in done.error["message"]
    (finding,) = bench.check(env=env)
    assert (finding["code"], finding["start"]["line"]) == (code, 3)
    assert told in finding["message"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('table(w, "nope")', "w refused the table nope: no such table: nope"),
        ('sql(w, "select nope from t")', "w refused the query: no such column: nope"),
        ('sql(w, "delete from t")', "readonly database"),
        ('sql(w, "select 1; select 2")', "one statement at a time"),
    ],
)
def test_what_sqlite_refuses_is_a_verdict(source: str, told: str, bench: Bench) -> None:
    path = lite(bench.folder)
    before = path.read_bytes()
    bench.write("s.mlops", text(source, SQLITE))
    expect_verdict(bench, "MLC8014", told)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("keep", "told"), [(0.5, "malformed"), (0.0, "no such table"), (None, "not a database")])
def test_a_cut_sqlite_file_is_a_verdict(keep: float | None, told: str, bench: Bench) -> None:
    path = lite(bench.folder, 3000)
    content = path.read_bytes()
    path.write_bytes(b"x" * 5000 if keep is None else content[: int(len(content) * keep)])
    bench.write("s.mlops", text('table(w, "t")', SQLITE))
    expect_verdict(bench, "MLC8014", told)


def test_a_cut_duckdb_file_and_a_missing_table_are_verdicts(bench: Bench) -> None:
    path = bench.folder / "d.db"
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE TABLE t (id INT, age INT, y BOOL)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
    bench.write("s.mlops", text('table(w, "nope")', DUCKDB))
    expect_verdict(bench, "MLC8014", "w refused the table nope")
    bench.write("s.mlops", text('table(w, "main.t")', DUCKDB))
    assert bench.run().code == 0
    path.write_bytes(path.read_bytes()[:20_000])
    expect_verdict(bench, "MLC8014", "w refused the table main.t")


def test_a_locked_database_is_tried_again_and_is_no_verdict(bench: Bench) -> None:
    path = lite(bench.folder)
    bench.write("s.mlops", text('table(w, "t")', SQLITE, pipeline="retries = 1; retry_delay = 1s"))
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        done = bench.run()
        holder.execute("COMMIT")
    assert (done.code, done.error["code"], attempts(done)) == (1, "MLC8015", 2)
    assert bench.run().code == 0


def test_a_missing_database_file_and_an_unset_variable_are_verdicts(bench: Bench) -> None:
    bench.write("s.mlops", text('table(w, "t")', SQLITE))
    expect_verdict(bench, "MLC8001", "No file is found at d.db")
    bench.write("s.mlops", text('table(w, "t")', 'connection w = sqlite(path = env("NO_SUCH_VARIABLE"))'))
    expect_verdict(bench, "MLC8013", "The environment variable NO_SUCH_VARIABLE is not set")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The folder of a PostgreSQL server's socket; role ml has to give TOKEN as password."""
    with postgres.running() as (made, folder):
        with psycopg.connect(made.get_uri(), autocommit=True) as db:
            db.execute("CREATE TABLE t (id int, age int, y bool)")
            with db.cursor() as cursor:
                cursor.executemany("INSERT INTO t VALUES (%s, %s, %s)", ROWS)
            db.execute("CREATE TABLE hidden (id int)")
            db.execute(psycopg.sql.SQL("CREATE ROLE ml LOGIN PASSWORD {}").format(TOKEN))
            db.execute("GRANT SELECT ON t TO ml")
            rules = folder / "pg_hba.conf"
            rules.write_text("local all ml scram-sha-256\n" + rules.read_text())
            db.execute("SELECT pg_reload_conf()")
        host = str(psycopg.conninfo.conninfo_to_dict(made.get_uri())["host"])
        for _ in range(50):  # until the server has read its rules
            try:
                psycopg.connect(host=host, user="ml", password="no", dbname="postgres").close()
            except psycopg.OperationalError:
                break
        yield host


POSTGRES = (
    'connection w = postgres(host = env("T_HOST"), database = "postgres", user = "ml", password = secret("T_PASS"))'
)


def leaks(folder: Path, done: list[Done], values: list[str]) -> list[str]:
    """Where any of the values stands, as it is or as JSON writes it, in what was printed or kept."""
    wanted = {
        form.encode() for v in values for form in (v, json.dumps(v)[1:-1], json.dumps(v, ensure_ascii=False)[1:-1])
    }
    found = [f"output {i}" for i, d in enumerate(done) if any(w in (d.out + d.err).encode() for w in wanted)]
    for path in folder.rglob("*"):
        if path.is_file() and any(w in path.read_bytes() for w in wanted):
            found.append(str(path))
    return found


@pytest.mark.parametrize(
    ("change", "source", "code", "tries"),
    [
        ({}, 'table(w, "public.t")', None, 1),
        ({"T_PASS": "wr0ng-p@ss"}, 'table(w, "t")', "MLC8016", 1),
        ({}, 'table(w, "nope")', "MLC8014", 1),
        ({}, 'table(w, "hidden")', "MLC8014", 1),
        ({}, 'sql(w, "delete from t")', "MLC8014", 1),
        ({"T_HOST": "/nowhere/at/all-1"}, 'table(w, "t")', "MLC8015", 3),
    ],
)
def test_what_postgresql_refuses_is_a_verdict_and_what_is_gone_is_tried_again_without_a_word_of_the_values(
    change: dict[str, str], source: str, code: str | None, tries: int, server: str, bench: Bench
) -> None:
    env = {"T_HOST": server, "T_PASS": TOKEN} | change
    bench.write("s.mlops", text(source, POSTGRES))
    run = bench.run(env=env)
    if code is None:
        assert run.code == 0, run.out
    else:
        assert (run.code, run.error["code"], run.error["line"], attempts(run)) == (1, code, 3, tries)
    check = bench.command("check", "s.mlops", "--data", "--format", "json", env=env)
    assert [f["code"] for f in check.json["diagnostics"]] == ([] if code is None else [code])
    compiled = bench.command("compile", "s.mlops", "--target", "local", "-o", "out", env=env)
    assert compiled.code == 0, compiled.err
    assert leaks(bench.folder, [run, check, compiled], [env["T_PASS"], env["T_HOST"]]) == []


CODE = """
import os, sys
def load():
    print("the password is", os.environ["T_PASS"])
    print("the host is", os.environ["T_HOST"], file=sys.stderr)
    raise ValueError({"pass": os.environ["T_PASS"], "host": os.environ["T_HOST"]})
"""


def test_code_of_the_users_that_tells_a_secret_is_not_repeated(bench: Bench) -> None:
    """What it prints goes to the log, and what it raises into the error, both with *** in its place."""
    bench.write("rows.py", CODE)
    columns = COLUMNS
    more = 'connection w = postgres(host = env("T_HOST"), database = "d", user = "u", password = secret("T_PASS"))\n'
    more += 'data e { source = table(w, "t"); columns { id : int } }\nstep s { run = python("rows:load") }'
    bench.write("s.mlops", spec(source='python("rows:load")', columns=columns, features="age", more=more))
    env = {"T_HOST": "db.internal.example", "T_PASS": TOKEN}
    run = bench.run(env=env)
    errors = {step["id"]: step["error"]["message"] for step in run.json["steps"] if step["error"]}
    assert "rows:load failed with ValueError" in errors["ingest:d"]
    assert "***" in errors["ingest:d"]
    assert "***" in errors["custom:s"]
    check = bench.command("check", "s.mlops", "--data", env=env)
    log = (bench.store / "runs" / run.json["run"] / "log.jsonl").read_text()
    assert "the password is ***" in log
    assert "the host is ***" in log
    assert leaks(bench.folder, [run, check], list(env.values())) == []
    assert os.environ.get("T_PASS") is None
