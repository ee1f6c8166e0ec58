"""Commands that need the Plan: targets, compile, show, graph, run, test and the ones over a store."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mlopsc.cli.main import guarded

ROOT = Path(__file__).resolve().parents[2]
Out = pytest.CaptureFixture[str]

SPEC = """\
edition 2026

pipeline small {
  schedule = every(1d)
}

param part : share = 25%

data d {
  source = csv("d.csv")

  columns {
    a : float
    b : bool
  }

  expect rows >= 10
}

features f from d {
  a |> standardize()
  twice = a * 2
}

test doubling of f {
  given row(a = 1.5)
  expect twice == 3.0
}

model m from f {
  target    = b
  split     = random(test = part)
  algorithm = logistic_regression()
}

gate g on m {
  require roc_auc >= 0.6
}

profile wide {
  part   = 40%
  m.seed = 9
}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    monkeypatch.delenv("MLOPSC_DATA", raising=False)
    (tmp_path / "s.mlops").write_text(SPEC, encoding="utf-8")
    rows = "".join(f"{i % 17}.5,{'true' if i % 17 > 8 else 'false'}\n" for i in range(200))
    (tmp_path / "d.csv").write_text("a,b\n" + rows, encoding="utf-8")
    return tmp_path


def line(part: str) -> int:
    return SPEC[: SPEC.index(part)].count("\n") + 1


def findings(capsys: Out) -> list[tuple[str, str, int]]:
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    return [(d["code"], d["name"], d["start"]["line"]) for d in found]


def test_what_local_leaves_undone_is_a_warning_and_what_it_cannot_do_an_error(here: Path, capsys: Out) -> None:
    assert guarded(["check", "s.mlops", "--target", "local", "--format", "json"]) == 0
    assert findings(capsys) == [("MLC7005", "idle-on-target", 4)]
    (here / "gpu.mlops").write_text(
        SPEC.replace("  target    = b", "  gpu       = 1\n  target    = b"), encoding="utf-8"
    )
    assert guarded(["check", "gpu.mlops", "--target", "local@3.11", "--format", "json"]) == 1
    assert ("MLC7004", "beyond-target", line("  target    = b")) in findings(capsys)
    assert guarded(["compile", "gpu.mlops", "--target", "local"]) == 1
    assert not (here / "build").exists()
    assert guarded(["run", "gpu.mlops"]) == 1


@pytest.mark.parametrize("target", ["nowhere", "local@2.7"])
def test_an_unknown_target_or_version_is_wrong_usage(here: Path, target: str, capsys: Out) -> None:
    assert guarded(["compile", "s.mlops", "--target", target]) == 2
    assert guarded(["check", "s.mlops", "--target", target]) == 2
    assert "local" in capsys.readouterr().err


def test_targets_shows_each_used_thing_for_each_target(here: Path, capsys: Out) -> None:
    assert guarded(["targets"]) == 0
    assert "\nlocal: " in capsys.readouterr().out
    assert guarded(["targets", "s.mlops", "--format", "json"]) == 0
    found = {
        row["feature"]: row["targets"]["local"]["support"] for row in json.loads(capsys.readouterr().out)["features"]
    }
    assert found == {"schedule.every": "unsupported", "params": "full", "source.file": "full", "registry": "full"}
    assert guarded(["targets", "s.mlops", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "| feature | airflow 3.3, 2.11 | kubeflow 2.17 | local 3.11 |",
        "| --- | --- | --- | --- |",
        "| schedule.every | full | full | unsupported |",
    ]


def test_compile_writes_once_checks_and_keeps_what_it_did_not_write(here: Path, capsys: Out) -> None:
    assert guarded(["compile", "s.mlops", "--target", "local", "--check"]) == 1
    assert not (here / "build").exists()
    assert guarded(["compile", "s.mlops", "--target", "local"]) == 0
    folder = here / "build" / "local"
    assert (folder / "README.md").exists()
    (folder / "mine.txt").write_text("kept", encoding="utf-8")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and "mlopsc-files" not in p.name}
    assert guarded(["compile", "s.mlops", "--target", "local", "--check"]) == 0
    assert guarded(["compile", "s.mlops", "--target", "local"]) == 0
    assert {p: p.read_bytes() for p in before} == before
    assert all(str(here).encode() not in data for data in before.values()), "no absolute path enters a file"
    (folder / "run.py").write_text("print('changed')", encoding="utf-8")
    capsys.readouterr()
    assert guarded(["compile", "s.mlops", "--target", "local", "--check", "-q"]) == 1
    assert capsys.readouterr().out == "build/local/run.py: changed\n"


def test_compile_does_not_replace_a_file_that_it_did_not_write_unless_forced(here: Path, capsys: Out) -> None:
    folder = here / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("my notes", encoding="utf-8")
    compiling = ["compile", "s.mlops", "--target", "local", "-o", "mine"]
    assert guarded(compiling) == 2
    told = capsys.readouterr().err
    assert "mine/README.md exists" in told
    assert "--force" in told
    assert [p.name for p in folder.iterdir()] == ["README.md"]
    assert (folder / "README.md").read_text(encoding="utf-8") == "my notes"
    assert guarded([*compiling, "--force"]) == 0
    assert (folder / "README.md").read_text(encoding="utf-8") != "my notes"
    assert guarded(compiling) == 0


def test_a_compiled_folder_runs_without_the_compiler_and_agrees_with_run(here: Path, capsys: Out) -> None:
    assert guarded(["compile", "s.mlops", "--target", "local", "-o", "out", "-q"]) == 0
    words = ["run.py", "--json", "--store", "other"]
    done = subprocess.run([sys.executable, "-I", *words], cwd=here / "out", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    capsys.readouterr()
    assert guarded(["run", "s.mlops", "--json", "-q"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out), json.loads(done.stdout)
    for field in ("digest", "predictions_digest", "metrics", "rows", "algorithm"):
        assert ours["models"]["m"][field] == theirs["models"]["m"][field]
    assert ours["gates"] == theirs["gates"]


def test_show_tells_every_value_with_its_origin(here: Path, capsys: Out) -> None:
    assert guarded(["show", "s.mlops", "--profile", "wide", "--set", "m.threshold=60%", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)["resolved"]
    model = {row["path"]: (row["value"], row["origin"]) for row in sections["model m"]}
    assert model["seed"] == ("9", f"profile wide (s.mlops:{line('m.seed')})")
    assert model["threshold"] == ("60%", "--set")
    assert model["cpu"] == ("1", "default")
    assert model["split.test"] == ("part", f"s.mlops:{line('split')}")
    assert model["task"] == ("binary", "follows from the target")
    assert model["candidate.1"] == ("logistic_regression", f"s.mlops:{line('algorithm')}")
    assert model["candidate.1.C"] == ("1", "scikit-learn's default")
    assert [row["path"] for row in sections["gate g"]] == ["require.1"]
    assert sections["param part"] == [
        {"path": "value", "value": "40%", "origin": f"profile wide (s.mlops:{line('  part   ')})"}
    ]
    assert guarded(["show", "s.mlops"]) == 0
    text = capsys.readouterr().out
    assert "schedule.every  1d" in text
    assert "C = 1, " in text
    assert "# scikit-learn's default\n" in text
    assert guarded(["show", "s.mlops", "--plan"]) == 0
    assert f"  step train:m  # s.mlops:{line('model m')}" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["text", "mermaid", "dot", "svg"])
def test_graph_draws_every_step(here: Path, kind: str, capsys: Out) -> None:
    assert guarded(["graph", "s.mlops", "--format", kind]) == 0
    drawn = capsys.readouterr().out
    for step in (
        "d.csv",
        "ingest:d",
        "clean:d",
        "validate:d",
        "split:m",
        "train:m",
        "evaluate:m",
        "gate:g",
        "register:m",
    ):
        assert step in drawn


def test_the_test_blocks_run(here: Path, capsys: Out) -> None:
    assert guarded(["test", "s.mlops"]) == 0
    assert capsys.readouterr().out == "2 of 2 expectations hold\n".replace("2", "1")
    (here / "s.mlops").write_text(SPEC.replace("== 3.0", "== 4.0"), encoding="utf-8")
    assert guarded(["test", "s.mlops", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["failed"]) == (0, 1)
    assert (found["results"][0]["line"], found["results"][0]["actual"]) == (line("expect twice"), 3.0)


def test_an_unchanged_run_loads_no_parser_and_no_data_library(here: Path) -> None:
    """It finds its Plan by what it was made from; a change of the spec, an override or the data is seen."""
    program = (
        "import sys\nfrom mlopsc.cli.main import guarded\ncode = guarded(sys.argv[1:])\n"
        "heavy = ('pydantic', 'lark', 'numpy', 'duckdb', 'sklearn', 'mlopsc.syntax', 'mlopsc.semantics')\n"
        "print(code, [m for m in heavy if m in sys.modules], file=sys.stderr)"
    )

    def run(*words: str) -> tuple[dict[str, str], str]:
        done = subprocess.run(
            [sys.executable, "-c", program, "run", "s.mlops", "--json", "-q", *words],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
        statuses = {step["id"]: step["status"] for step in json.loads(done.stdout)["steps"]}
        return statuses, done.stderr.splitlines()[-1]

    first, told = run()
    assert set(first.values()) == {"done"}
    assert "pydantic" in told
    again, told = run()
    assert set(again.values()) == {"cached"}
    assert told == "0 []"
    wider, told = run("--set", "part=50%")
    assert (wider["ingest:d"], wider["split:m"]) == ("cached", "done")
    assert "mlopsc.syntax" in told
    (here / "s.mlops").write_text(SPEC.replace("rows >= 10", "rows >= 20"), encoding="utf-8")
    changed, _ = run()
    assert (changed["ingest:d"], changed["validate:d"]) == ("cached", "done")
    with open(here / "d.csv", "a", encoding="utf-8") as file:
        file.write("3.5,false\n")
    fresh, told = run()
    assert fresh["ingest:d"] == "done"
    assert "mlopsc.syntax" not in told


def test_a_changed_import_is_seen_by_an_unchanged_spec(here: Path, capsys: Out) -> None:
    start, rest = SPEC.split("features f", 1)
    head, data = start.split("data d", 1)
    (here / "d.mlops").write_text("edition 2026\n\ndata d" + data, encoding="utf-8")
    (here / "s.mlops").write_text(
        head.replace("pipeline", 'import "d.mlops"\n\npipeline') + "features f" + rest, encoding="utf-8"
    )
    assert guarded(["run", "s.mlops", "-q"]) == 0
    (here / "d.mlops").write_text("edition 2026\n\ndata d" + data.replace(">= 10", ">= 1_000"), encoding="utf-8")
    capsys.readouterr()
    assert guarded(["run", "s.mlops"]) == 1
    assert "d.mlops:" in capsys.readouterr().out


def test_the_commands_over_a_store(here: Path, capsys: Out) -> None:
    assert guarded(["runs"]) == 2
    assert guarded(["run", "s.mlops", "--json", "-q"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert guarded(["runs", "--json"]) == 0
    assert [r["run"] for r in json.loads(capsys.readouterr().out)["runs"]] == [result["run"]]
    assert guarded(["runs", result["run"]]) == 0
    assert "roc_auc >= 0.6" in capsys.readouterr().out
    assert guarded(["models", "m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"]["m"]["champion"] == 1
    assert guarded(["models", "nobody"]) == 2
    assert guarded(["journal", "--verify"]) == 0
    assert guarded(["gc", "--dry-run"]) == 0
    assert guarded(["gc", "--older", "soon"]) == 2
    assert guarded(["runs", "--store", str(here / "elsewhere")]) == 2


def test_a_run_that_waits_exits_with_3_and_goes_on_after_the_decision(here: Path, capsys: Out) -> None:
    (here / "s.mlops").write_text(
        SPEC.replace("  require roc_auc >= 0.6\n", '  require roc_auc >= 0.6\n  approval = manual(by = ["ana"])\n'),
        encoding="utf-8",
    )
    assert guarded(["run", "s.mlops"]) == 3
    told = capsys.readouterr().out
    assert "to decide: mlopsc approve " in told
    run = told.split("mlopsc approve ", 1)[1].split()[0]
    assert guarded(["approve", run, "g", "--by", "ana"]) == 2
    assert guarded(["approve", run, "g", "--by", "ana", "--reason", "fine"]) == 0
    capsys.readouterr()
    assert guarded(["run", "s.mlops", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["models"]["m"]["promoted"] is True


def test_from_another_folder_a_store_is_found_by_what_the_messages_say(
    here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store stands beside the spec; commands without a spec look in the folder where they are, and say so."""
    asking = SPEC.replace("  require roc_auc >= 0.6\n", '  require roc_auc >= 0.6\n  approval = manual(by = ["ana"])\n')
    (here / "our specs").mkdir()
    (here / "our specs" / "s.mlops").write_text(asking, encoding="utf-8")
    monkeypatch.setenv("MLOPSC_DATA", str(here))
    assert guarded(["run", "our specs/s.mlops"]) == 3
    hint = capsys.readouterr().out.split("to decide: mlopsc ", 1)[1].split(", then")[0]
    assert guarded(["journal"]) == 2
    told = capsys.readouterr().err
    assert "there is no store at" in told
    assert "name it with --store 'our specs/.mlopsc' or MLOPSC_STORE" in told
    assert guarded(["runs", "--store", "our specs/.mlopsc"]) == 0
    assert guarded(shlex.split(hint.replace("NAME", "ana"))) == 0
    monkeypatch.chdir(here / "our specs")
    capsys.readouterr()
    assert guarded(["journal", "--json"]) == 0
    assert [e["kind"] for e in json.loads(capsys.readouterr().out)["entries"]][-1] == "decision"


def test_a_failed_gate_and_a_failed_expectation_exit_with_1(here: Path, capsys: Out) -> None:
    (here / "s.mlops").write_text(SPEC.replace("roc_auc >= 0.6", "log_loss <= 0.000001"), encoding="utf-8")
    assert guarded(["run", "s.mlops"]) == 1
    (here / "s.mlops").write_text(SPEC.replace("rows >= 10", "rows >= 1_000"), encoding="utf-8")
    capsys.readouterr()
    assert guarded(["run", "s.mlops"]) == 1
    assert f"s.mlops:{line('expect rows')}: error[MLC" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["--step", "train:x"], ["--from", "nope"], ["--set", "part=200%"], ["--set", "nope=1"]]
)
def test_run_refuses_what_is_not_there(here: Path, words: list[str], capsys: Out) -> None:
    assert guarded(["run", "s.mlops", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_deploys_and_monitors_are_told_not_to_run(here: Path, capsys: Out) -> None:
    (here / "s.mlops").write_text(SPEC + "\ndeploy api from m {\n  after = [g]\n}\n", encoding="utf-8")
    assert guarded(["run", "s.mlops"]) == 0
    told = capsys.readouterr().err
    assert told.count("warning") == 1
    assert "api: deploys and monitors are checked and compiled, but this release does not run them" in told


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["runs"], "no-store"),
        (["runs", "--store", "ran", "nope"], "unknown-run"),
        (["models", "--store", "ran", "nobody"], "unknown-model"),
        (["gc", "--store", "ran", "--older", "soon"], "bad-duration"),
        (["run", "s.mlops", "--store", "ran", "--step", "train:x"], "unknown-step"),
    ],
)
def test_what_a_store_cannot_give_is_told_by_name(here: Path, words: list[str], name: str, capsys: Out) -> None:
    assert guarded(["run", "s.mlops", "--store", "ran", "--step", "ingest:d", "-q"]) == 0
    capsys.readouterr()
    assert guarded(words) == 2
    told = capsys.readouterr().err
    assert f" {name}]" in told
    assert told.count("\n") == 1


def test_run_reports_failed_warnings_and_quarantined_rows(here: Path, capsys: Out) -> None:
    """In text and JSON, also where too many bad rows end the run; the quarantine's file exists."""
    spec = SPEC.replace('  source = csv("d.csv")\n', '  source = csv("d.csv")\n  bad_rows = 5%\n')
    spec = spec.replace("  expect rows >= 10\n", "  expect rows >= 10\n  warn   rows >= 1_000\n")
    with (here / "d.csv").open("a", encoding="utf-8") as data:
        data.write("bad,true\n")
    (here / "s.mlops").write_text(spec, encoding="utf-8")
    assert guarded(["run", "s.mlops", "--step", "validate:d", "--json"]) == 0
    steps = {step["kind"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    aside = steps["ingest"]["quarantine"]
    assert (aside["rows"], aside["of"]) == (1, 201)
    assert Path(aside["path"]).read_bytes()[:4] == b"PAR1"
    place = spec[: spec.index("warn ")].count("\n") + 1
    assert steps["validate"]["warnings"] == [{"rule": "rows >= 1_000", "value": 200, "line": place, "file": "s.mlops"}]
    (here / "s.mlops").write_text(spec.replace("bad_rows = 5%", "bad_rows = 0%"), encoding="utf-8")
    assert guarded(["run", "s.mlops", "--step", "validate:d"]) == 1
    told = capsys.readouterr().out
    assert f"help: they are kept in {aside['path']}" in told
    assert "warn rows >= 1_000 does not hold: the data gives 200" in told


def test_compile_check_tells_a_folder_that_holds_nothing_in_one_line_and_ten_differences_at_most(
    here: Path, capsys: Out
) -> None:
    words = ["compile", "s.mlops", "--target", "local"]
    assert guarded([*words, "--check"]) == 1
    assert capsys.readouterr().out == "build/local holds nothing of this pipeline\n"
    assert guarded(words) == 0
    written = sorted(p for p in (here / "build" / "local" / "mlopsc_runtime").glob("*.py"))
    for place in written[:12]:
        place.unlink()
    capsys.readouterr()
    assert guarded([*words, "--check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"build/local/mlopsc_runtime/{written[0].name}: missing"
    assert (len(lines), lines[-1]) == (11, "+2 more, all of them with --verbose")
    assert guarded([*words, "--check", "--verbose"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 12


def test_a_data_folder_that_is_an_address_is_told_with_a_code(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setenv("MLOPSC_DATA", "s3://lake/in")
    assert guarded(["run", "s.mlops"]) == 2
    told = capsys.readouterr().err
    assert "relative source paths start in a folder, and s3://lake/in is none [MLC9074 no-data-folder]" in told
    assert guarded(["compile", "s.mlops", "--target", "local"]) == 0
    done = subprocess.run(
        [sys.executable, "build/local/run.py"], cwd=here, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "MLC9074" in done.stderr) == (2, True)
