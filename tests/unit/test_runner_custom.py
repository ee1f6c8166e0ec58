"""The user's own steps: what they are called with, what they give, how their errors are told."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toys

from mlopsc.runtime import custom
from mlopsc.runtime.errors import StepError
from mlopsc.runtime.runner import run_plan
from mlopsc.runtime.store.objects import Store
from mlopsc.runtime.store.runs import run_record


def run(folder: Path, source: str, ref: str = "mine:f", arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    (folder / "mine.py").write_text(textwrap.dedent(source))
    settings = {"name": "s", "ref": ref, "arguments": list(arguments)}
    inputs = dict.fromkeys(arguments, "toy:a/result")
    steps = [
        toys.step("toy:a", {"value": {"n": 3}}),
        toys.step("custom:s", settings, inputs=inputs, modules=["mine.py"]),
    ]
    return run_plan(toys.plan(steps), store=folder / "store", data_root=folder, modules_root=folder, table=toys.TOYS)


def outcome(folder: Path, result: dict[str, Any]) -> Any:
    store = Store.open(folder / "store")
    record = run_record(store, result["run"])
    assert record is not None
    return json.loads(store.read(record["steps"]["custom:s"]["outputs"]["result"]))


def failure(result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = result["steps"][1]["error"]
    return found


def test_a_function_gets_paths_by_name_and_what_it_returns_is_kept(tmp_path: Path) -> None:
    source = """
        import json
        def f(rows):
            assert rows.endswith(".json")
            return {"twice": 2 * json.load(open(rows))["n"]}
    """
    assert outcome(tmp_path, run(tmp_path, source, arguments=("rows",))) == {"twice": 6}


def test_a_changed_function_runs_again_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    run(tmp_path, "def f(): return 1")
    assert run(tmp_path, "def f(): return 1")["steps"][1]["status"] == "cached"
    changed = run(tmp_path, "def f(): return 2")
    assert changed["steps"][1]["status"] == "done"
    assert outcome(tmp_path, changed) == 2


def test_an_exception_is_told_with_the_users_line_and_no_traceback(tmp_path: Path) -> None:
    result = run(tmp_path, "import json\n\ndef f():\n    return json.loads('{')\n")
    error = failure(result)
    assert (error["name"], error["file"], error["line"]) == ("function-failed", "mine.py", 4)
    assert error["message"].startswith("mine:f failed: JSONDecodeError: Expecting property name")
    assert "Traceback" not in json.dumps(result)
    log = (tmp_path / "store" / "runs" / result["run"] / "log.jsonl").read_text()
    assert "Traceback" in log


@pytest.mark.parametrize(
    ("source", "ref", "name"),
    [
        ("def g(): return 1", "mine:f", "bad-function"),
        ("def f(): return 1", "nowhere:f", "bad-function"),
        ("def f(x): return 1", "mine:f", "bad-function"),
        ("def f(): return float('nan')", "mine:f", "not-json"),
        ("def f(): return {1, 2}", "mine:f", "not-json"),
        ("def f(:", "mine:f", "function-failed"),
        ("1 / 0", "mine:f", "function-failed"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_by_name(tmp_path: Path, source: str, ref: str, name: str) -> None:
    assert failure(run(tmp_path, source, ref))["name"] == name


def test_an_exit_of_the_function_is_a_crash_not_an_end_of_the_run(tmp_path: Path) -> None:
    result = run(tmp_path, "import sys\ndef f(): sys.exit(3)")
    assert failure(result)["name"] == "step-crashed"
    assert result["steps"][0]["status"] == "done"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('{"x": 1, 2: 3}', "the key 2 is no text"), ('{"x": [float("nan")]}', "nan is no number of JSON"),
        ('{"x": {1, 2}}', "a set is none"), ("(lambda l: l.append(l) or l)([])", "it holds itself"),
    ],
)  # fmt: skip
def test_what_a_function_returned_that_is_no_json_is_named(tmp_path: Path, value: str, told: str) -> None:
    module = f"odd_{told.replace(' ', '_')}"
    (tmp_path / f"{module}.py").write_text(f"def work():\n    return {value}\n")
    settings = {"name": "s", "ref": f"{module}:work", "arguments": []}
    result = tmp_path / "result.json"
    ctx = SimpleNamespace(settings=settings, inputs={}, modules_root=tmp_path, outputs={"result": result})
    with pytest.raises(StepError, match=told) as refused:
        custom.run(ctx)  # type: ignore[arg-type]
    assert (refused.value.code, result.exists()) == ("MLC9032", False)
