"""The local back end: a folder that runs with nothing of the compiler."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlopsc.ir.plan import CustomSettings, IngestSettings, Param, Pipeline, Plan, SourceSpec, Step, Where
from mlopsc.target import writer
from mlopsc.target.load import backend
from mlopsc.target.protocol import EmitOptions, Files

HERE = Where(file="a.mlops", line=3, column=1)
MINE = b"""\
import json

def first():
    return {"n": 2}

def second(first):
    return json.load(open(first))["n"] + 1

def broken():
    raise ValueError("no luck")
"""


def step(name: str, function: str, inputs: dict[str, str] | None = None) -> Step:
    inputs = inputs or {}
    settings = CustomSettings(name=name, ref=f"mine:{function}", arguments=tuple(inputs))
    return Step(
        id=f"custom:{name}", kind="custom", settings=settings, inputs=inputs, outputs={"result": "json"},
        modules=("mine.py",), where=HERE,
    )  # fmt: skip


def plan(*steps: Step, about: str = "About.") -> Plan:
    share = Param(name="test_share", type="share", default=0.2, lo=0, hi=1, where=HERE)
    return Plan(
        compiler="0", edition=2026, name="toy", spec="a.mlops", files={"a.mlops": "sha256:1"},
        modules={"mine.py": "sha256:2"}, params=(share,),
        pipelines=(Pipeline(name="toy", kind="training", about=about, steps=steps),),
    )  # fmt: skip


GOOD = plan(step("first", "first"), step("second", "second", {"first": "custom:first/result"}))


def emit(found: Plan, **given: Any) -> Files:
    return backend("local").emit(found, EmitOptions(**({"spec_folder": "../..", "modules": {"mine.py": MINE}} | given)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "spec" / "build" / "local"
    writer.write(found, emit(GOOD))
    return found


def run(folder: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`python -I -S run.py`: no installed package, none of the compiler, can be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "run.py"), *words],
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"} | (env or {}), timeout=120, check=False,
    )  # fmt: skip


def test_it_runs_without_mlopsc_and_without_any_package(folder: Path) -> None:
    done = run(folder, "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["status"]) == (0, "succeeded")
    assert json.loads(done.stderr.splitlines()[0])["event"] == "run"
    assert (folder.parent.parent / ".mlopsc" / "runs" / result["run"] / "result.json").exists()
    again = json.loads(run(folder, "--json").stdout)
    assert {s["status"] for s in again["steps"]} == {"cached"}


def test_a_missing_package_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    settings = IngestSettings(data="d", source=SourceSpec(kind="csv", path="d.csv"), columns=())
    ingest = Step(id="ingest:d", kind="ingest", settings=settings, inputs={}, outputs={"rows": "parquet"}, where=HERE)
    found = tmp_path / "build" / "local"
    writer.write(found, emit(plan(ingest)))
    (tmp_path / "d.csv").write_text("a\n1\n")
    done = run(found, "--json")
    error = json.loads(done.stdout)["steps"][0]["error"]
    assert (done.returncode, error["name"]) == (1, "missing-package")
    assert error["help"] == 'pip install "mlopsc[run]"'


def test_it_moves_with_its_spec_and_keeps_what_it_knows(folder: Path, tmp_path: Path) -> None:
    run(folder)
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "spec", moved)
    again = json.loads(run(moved / "build" / "local", "--json").stdout)
    assert {s["status"] for s in again["steps"]} == {"cached"}


def test_equal_input_gives_equal_bytes_and_no_absolute_path() -> None:
    files = emit(GOOD)
    assert files == emit(Plan.model_validate_json(GOOD.model_dump_json()))
    for path, data in files.items():
        if not path.startswith("mlopsc_runtime/"):
            assert str(Path(__file__).parents[2]).encode() not in data, path


def test_run_py_names_each_step_in_order_and_is_short() -> None:
    text = emit(GOOD)["run.py"].decode()
    assert text.index('"custom:first"') < text.index('"custom:second"')
    assert len(text.splitlines()) < 40


def test_text_of_the_spec_cannot_become_code() -> None:
    nasty = '"""\nimport os; os.abort()  # {{ 7 * 7 }} \u2028 x'
    files = emit(plan(step("a\"b'c\\", "first"), about=nasty))
    compile(files["run.py"], "run.py", "exec")
    assert b"os.abort" not in files["run.py"]
    assert b"{{ 7 * 7 }}" in files["README.md"]


def test_a_failing_function_ends_with_one_line_of_its_author_and_exit_code_1(tmp_path: Path) -> None:
    writer.write(tmp_path / "out", emit(plan(step("bad", "broken"))))
    done = run(tmp_path / "out", "--store", str(tmp_path / "store"))
    assert done.returncode == 1
    assert "mine.py:10: error[MLC9031] function-failed: mine:broken failed: ValueError: no luck" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--set", "test_shar=1"], 2, "did you mean test_share?"),
        (["--set", "test_share=2"], 2, "'2' is no share"),
        (["--set", "test_share"], 2, "NAME=VALUE"),
        (["--step", "custom:nope"], 2, "no step custom:nope"),
        (["--jobs", "0"], 2, "at least 1"),
        (["models"], 2, "there is no store"),
        (["--frobnicate"], 2, "unrecognized arguments"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2_and_a_sentence(folder: Path, words: list[str], code: int, told: str) -> None:
    done = run(folder, *words, env={"MLOPSC_STORE": str(folder / "none")})
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_its_other_commands_answer(folder: Path) -> None:
    name = json.loads(run(folder, "--json").stdout)["run"]
    assert name in run(folder, "runs").stdout
    assert json.loads(run(folder, "runs", name, "--json").stdout)["result"]["run"] == name
    assert json.loads(run(folder, "journal", "--verify", "--json").stdout)["verified"] is True
    assert json.loads(run(folder, "models", "--json").stdout)["models"] == {}
    assert json.loads(run(folder, "gc", "--dry-run", "--json").stdout)["runs"] == []
    refused = run(folder, "approve", name, "release", "--by", "a", "--reason", "r")
    assert (refused.returncode, "nothing-to-approve" in refused.stderr) == (2, True)


def test_a_run_py_of_another_compilation_is_refused(folder: Path) -> None:
    found = json.loads((folder / "plan.json").read_text())
    found["pipelines"][0]["steps"].pop()
    (folder / "plan.json").write_text(json.dumps(found))
    done = run(folder)
    assert (done.returncode, "different steps" in done.stderr) == (2, True)


def test_data_root_and_store_are_the_targets_relative_to_the_spec() -> None:
    text = emit(GOOD, values={"data_root": "lake", "store": "../store"})["run.py"].decode()
    assert 'HERE / "../../lake"' in text
    assert 'HERE / "../../../store"' in text
