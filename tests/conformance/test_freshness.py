"""`freshness` looks at the clock: a verdict on it never comes from the cache."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pieces import people, spec, to_csv
from workbench import Bench


def test_data_that_did_not_change_goes_stale(bench: Bench) -> None:
    """Of a second run with nothing changed only the judgement is made anew."""
    rows = people(60)
    newest = datetime.now(UTC)
    columns = {"id": "int", "age": "int", "y": "bool", "at": "timestamp"}
    moments = [(newest - timedelta(minutes=row["id"])).strftime("%Y-%m-%dT%H:%M:%SZ") for row in rows]
    bench.write(
        "d.csv",
        to_csv([{**{k: row[k] for k in ("id", "age", "y")}, "at": at} for row, at in zip(rows, moments, strict=True)]),
    )
    bench.write("s.mlops", spec(columns=columns, features="age", data="expect freshness(at) <= 1h"))
    assert bench.run().code == 0
    again = bench.run()
    statuses = {step["kind"]: step["status"] for step in again.json["steps"]}
    assert (again.code, statuses["ingest"], statuses["validate"], statuses["train"]) == (0, "cached", "done", "cached")
    bench.write("s.mlops", spec(columns=columns, features="age", data="expect rows == 60"))
    bench.run()
    assert bench.run().step("validate:d")["status"] == "cached"
    bench.write("s.mlops", spec(columns=columns, features="age", data="expect freshness(at) <= 1ms"))
    stale = bench.run()
    assert (stale.code, stale.error["code"], stale.error["line"]) == (1, "MLC8024", 5)
    assert 0.001 < stale.error["details"]["value"] < 3600
