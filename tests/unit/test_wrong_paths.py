"""Sources that are not what the spec takes them for: what is said, and how to put it right, by `run` and by `check --data`."""

from __future__ import annotations

import pytest
from pieces import PEOPLE, people, spec, to_csv
from workbench import Bench

ROWS = people(60)
TEXT = to_csv(ROWS)
UMLAUT = {("`größe`" if name == "pay" else name): type_ for name, type_ in PEOPLE.items()}


def both(bench: Bench, **given: str) -> dict[str, str]:
    """The error of a run, which is that of `check --data`."""
    bench.write("s.mlops", spec(**given))
    error = bench.run().error
    checked = bench.check()[0]
    assert (checked["code"], checked["message"]) == (error["code"], error["message"])
    return {"code": error["code"], "message": error["message"], "help": checked["help"]}


@pytest.mark.parametrize(
    ("path", "message", "help"),
    [
        ("d.cvs", "No file is found at d.cvs", "Did you mean d.csv?"),
        ("D.CSV", "No file is found at D.CSV", "Did you mean d.csv?"),
        ("in/peple.csv", "No file is found at in/peple.csv", "Did you mean in/people.csv?"),
        ("in", "in is a folder.", 'Name its files by a glob: "in/*.csv".'),
        ("~/d.csv", "No file is found at ~/d.csv", "`~` is not expanded: write a path from the spec's folder"),
        ("other/x.csv", "No file is found at other/x.csv", "Paths are relative to the spec's folder"),
        ("in/*.txt", "No file is found at in/*.txt", "Paths are relative to the spec's folder"),
    ],
)
def test_a_path_without_a_file_is_told_with_what_may_be_meant(bench: Bench, path: str, message: str, help: str) -> None:
    bench.write("d.csv", TEXT)
    bench.write("in/people.csv", TEXT)
    found = both(bench, source=f'csv("{path}")')
    assert found["code"] == "MLC8001"
    assert found["message"].startswith(message)
    assert found["help"].startswith(help)


@pytest.mark.parametrize("path", ["https://example.com/d.csv", "ftp://x/y.csv"])
def test_an_address_is_no_file_and_that_is_known_before_anything_runs(bench: Bench, path: str) -> None:
    bench.write("s.mlops", spec(source=f'csv("{path}")'))
    done = bench.command("check", "s.mlops")
    assert done.code == 1
    assert f"MLC1015] wrong-value: {path} is an address, and csv(…) reads files." in done.out
    assert 'help: Download it, or return its rows from a function: python("module:function").' in done.out


def test_text_that_is_taken_for_parquet_is_told_with_the_source_that_reads_it(bench: Bench) -> None:
    bench.write("d.csv", TEXT)
    found = both(bench, source='parquet("d.csv")')
    assert (found["code"], found["message"]) == ("MLC8005", "d.csv is no Parquet file.")
    assert found["help"] == 'It looks like text: csv("d.csv") reads it.'
    bench.write("d.jsonl", '{"id": 1}\n')
    assert "json_lines(" in both(bench, source='parquet("d.jsonl")')["help"]


@pytest.mark.parametrize(("coding", "named"), [("latin-1", "latin-1"), ("utf-16", "utf-16")])
def test_a_header_in_another_encoding_is_told_with_the_encoding(bench: Bench, coding: str, named: str) -> None:
    bench.write("d.csv", TEXT.replace("pay", "größe", 1).encode(coding))
    given = {"columns": UMLAUT, "features": "age\n  `größe` |> impute()"}
    bench.write("s.mlops", spec(**given))  # type: ignore[arg-type]
    error = bench.run().error
    assert error["code"] == "MLC8003"
    assert error["message"] == "d.csv is read as utf-8, and its header, line 1, is not UTF-8."
    assert f'encoding = "{named}"' in error["help"]
    bench.write("s.mlops", spec(source=f'csv("d.csv", encoding = "{named}")', **given))  # type: ignore[arg-type]
    assert bench.run().code == 0


def test_rows_in_another_encoding_are_told_with_their_line_and_the_encoding(bench: Bench) -> None:
    bench.write("d.csv", TEXT.replace("\n7,", "\n7,", 1).replace(",b,", ",B\xe4r,", 1).encode("latin-1"))
    bench.write("s.mlops", spec(columns=PEOPLE | {"city": "category"}))
    error = bench.run().error
    line = next(n for n, row in enumerate(ROWS, 2) if row["city"] == "b")
    assert error["code"] == "MLC8020"
    assert f"d.csv, line {line}: not UTF-8" in error["message"]
    assert 'encoding = "latin-1"' in error["help"]
    assert 'encoding = "latin-1"' in bench.check()[0]["help"]


def test_a_bad_row_is_told_at_the_spec_that_runs_though_another_one_read_the_rows(bench: Bench) -> None:
    """Two specs share a store, and the second takes the first one's ingested rows from the cache."""
    bench.write("d.csv", to_csv([{**row, "age": 999 if row["id"] == 5 else row["age"]} for row in ROWS]))
    text = spec()
    bench.write("first.mlops", text)
    bench.write("second.mlops", text.replace("edition 2026\n", "edition 2026\n\n\n# Further down.\n"))
    first, second = (
        bench.run(spec=name, env={"MLOPSC_STORE": str(bench.store)}) for name in ("first.mlops", "second.mlops")
    )
    assert second.step("ingest:d")["status"] == "cached"
    line = text[: text.index("    age : int")].count("\n") + 1
    assert (first.error["code"], first.error["file"], first.error["line"]) == ("MLC8020", "first.mlops", line)
    assert (second.error["code"], second.error["file"], second.error["line"]) == ("MLC8020", "second.mlops", line + 3)


def test_an_unknown_profile_is_told_with_those_that_there_are(bench: Bench) -> None:
    bench.write("d.csv", TEXT)
    bench.write("s.mlops", spec())
    done = bench.command("check", "s.mlops", "--profile", "prod")
    assert "No profile is named prod: the spec has no profile block." in done.out
    bench.write("s.mlops", spec(more="profile dev { m.seed = 1 }\nprofile test { m.seed = 2 }"))
    assert "help: There are: dev, test." in bench.command("check", "s.mlops", "--profile", "production").out


def test_a_column_whose_own_declaration_is_broken_is_still_what_a_typo_meant(bench: Bench) -> None:
    bench.write("s.mlops", spec(columns=PEOPLE | {"salary": "flot"}, features="age\n  salry |> impute()"))
    done = bench.command("check", "s.mlops", "--format", "json")
    found = {d["code"]: d["help"] for d in done.json["diagnostics"]}
    assert found["MLC1003"] == "Did you mean salary?"
