"""The DAG file as Airflow loads it: names, text as written, options, schedules. Nothing is run."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import specs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from releases import ask, compiled, environment, once, python_of

from mlopsc.ir.plan import (
    ApproveSettings,
    Channel,
    Connection,
    CustomSettings,
    IngestSettings,
    Param,
    Pipeline,
    Plan,
    RegisterSettings,
    SecretRef,
    SourceSpec,
    Step,
    Trigger,
    ValidateSettings,
    Where,
)
from mlopsc.target.load import backend
from mlopsc.target.protocol import EmitOptions

EXAMPLES = Path(__file__).parents[2] / "examples"
NASTY = [
    "{{ 7 * 7 }} {% raw %}", "'''\"\"\"\\", "a\nb\r\n\tc", "😀 żółć \u2028", "\\N{DASH} \\x00", "#}", "end.md", "{# x #}",
    "${X} $(ls)", "<b>&amp;</b>", "x" * 150,
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)


def described(version: str, home: Path, dags: Path) -> dict[str, Any]:
    found = ask(version, home, {"dags": str(dags), "do": "load"})
    assert found["errors"] == {}
    return found


def toy(text: str, number: int) -> Plan:
    """A Plan with `text` in every field of every block that reaches the DAG and takes any text."""
    where = Where(file=text, line=3, column=1)
    source = SourceSpec(kind="csv", path=text, connection=Connection(name=text, kind="postgres", args={"user": text}))

    def step(kind: str, name: str, given: Any, *after: str) -> Step:
        return Step(id=f"{kind}:{name}", kind=kind, settings=given, inputs={}, outputs={}, after=after, where=where)

    data, gate = f"{text} data", f"{text} gate"
    steps = (
        step("ingest", data, IngestSettings(data=data, source=source, columns=())),
        step("validate", data, ValidateSettings(data=data, bad_rows=0, key=(), rules=()), f"ingest:{data}"),
        step("custom", text, CustomSettings(name=text, ref=text, arguments=(text,)), f"validate:{data}"),
        step(
            "approve", gate, ApproveSettings(gate=gate, model=text, by=(text, "other"), within=60, where=where),
            f"validate:{data}",
        ),
        step(
            "register", f"{text} model", RegisterSettings(model=text, gates=(gate,), keep=None, where=where),
            f"approve:{gate}",
        ),
    )  # fmt: skip
    param = Param(name=text, type="string", default=text, where=where)
    pipeline = Pipeline(
        name=f"n{number} {text}", kind="training", about=text, owner=text, tags=(text[:100],), steps=steps,
        triggers=(Trigger(kind="new_data", data=data),), notify=(text,),
    )  # fmt: skip
    channel = Channel(name=text, kind="webhook", args={"url": SecretRef(secret="URL")})
    return Plan(
        compiler="0", edition=2026, name=text, spec=text, files={}, modules={}, params=(param,), pipelines=(pipeline,),
        channels=(channel,),
    )  # fmt: skip


def toy_options(text: str, number: int) -> dict[str, Any]:
    """Options with `text` in each that takes any: of workers, of workers with a task a block, of pods, in turns."""
    worker = {"queue": text, "store": f"/{text}", "data_root": f"/{text}", "pool": "ml"}
    # A pod's paths are refused where they hold what is replaced elsewhere, leads up, or cannot be printed.
    path = "/" + "".join(c for c in text if c.isprintable()).replace("{{", "{ {").replace("..", "._")
    return [
        worker | {"python": text},
        worker | {"python": text, "tasks": "block", "virtualenv": True},
        worker | {"image": "a/b:1", "store": path, "data_root": path},
    ][number % 3]


def test_a_dag_says_nothing_of_what_a_pipeline_has_not_and_names_a_block_as_the_spec_does() -> None:
    where = Where(file="a.mlops", line=3, column=1)
    source = SourceSpec(kind="csv", path="p.csv", connection=None)
    first = IngestSettings(data="p (1)", source=source, columns=())
    second = ValidateSettings(data="p (1)", bad_rows=0, key=(), rules=())
    steps = tuple(
        Step(id=f"{kind}:p (1)", kind=kind, settings=given, inputs={}, outputs={}, after=after, where=where)
        for kind, given, after in (("ingest", first, ()), ("validate", second, ("ingest:p (1)",)))
    )
    plan = Plan(
        compiler="0", edition=2026, name="a", spec="a.mlops", files={}, modules={},
        pipelines=(Pipeline(name="a", kind="training", steps=steps),),
    )  # fmt: skip
    bare = backend("airflow").emit(plan, EmitOptions(values={}))["a.py"].decode()
    assert "params=" not in bare
    assert "tags=" not in bare
    assert 'with TaskGroup("p__1_", tooltip="p (1)"):' in bare
    level = Param(name="tier", type="category", default="free", levels=("free", 'pa"id'), where=where)
    text = (
        backend("airflow").emit(plan.model_copy(update={"params": (level,)}), EmitOptions(values={}))["a.py"].decode()
    )
    assert """"tier": Param("free", type="string", enum=["free", 'pa"id'],""" in text


# Shrinking would start an Airflow for every try.
@settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(TEXTS, min_size=25, max_size=25))
@pytest.mark.parametrize("release", ["3", "2"])
def test_any_text_in_any_field_loads_and_is_shown_as_written(
    release: str, tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    home = tmp_path_factory.mktemp("strings")
    (home / "dags").mkdir()
    shown = [text for text in NASTY for _ in range(3)] + texts
    for number, text in enumerate(shown):
        files = backend("airflow").emit(toy(text, number), EmitOptions(values=toy_options(text, number)))
        for path, data in files.items():
            if path.endswith(".py") and "/" not in path:
                (home / "dags" / path).write_bytes(data)
    found = described(release, home, home / "dags")
    assert len(found["dags"]) == len(shown)
    by_number = {int(re.match(r"n(\d+)", name)[1]): dag for name, dag in found["dags"].items()}  # type: ignore[index]
    for number, text in enumerate(shown):
        dag = by_number[number]
        assert (dag["description"], dag["tags"], dag["owner"]) == (text, [text[:100]], text)
        assert text in dag["doc"]
        assert dag["display"] == f"n{number} {text}" or dag["display"] == f"n{number} {text}".strip()
        assert dag["params"][text]["default"] == text
        tasks = [t for t in dag["tasks"].values() if t["step"]]
        assert len(tasks) == (4 if number % 3 == 1 else 5)
        for task in tasks:
            steps = task["step"] if isinstance(task["step"], list) else [task["step"]]
            assert all(text in step and step in task["doc"] for step in steps)
            assert text in task["display"]
            assert (task["pool"], task["queue"], task["templates"]) == ("ml", text, [])
        assert [t["by"] for t in tasks if t["by"]] == [[text, "other"]]


SCHEDULES = {
    "timed": ('schedule = cron("15 4 * * 1", timezone = "Asia/Tokyo")', "15 4 * * 1"),
    "hourly": ("schedule = every(6h)", "6:00:00"),
    "fed": ("when new_data(people) then run", ""),
    "both": ('schedule = cron("0 1 * * *"); when new_data(people) then run', "0 1 * * *"),
    "daily": ("schedule = every(1d); when new_data(people) then run", "1 day"),
    "asked": ("", "None"),
}
POOLED = specs.training("pooled", options='pool = "ml"; queue = "big"; store = "/lake/store"').replace(
    "target    = left", "target    = left\n  cpu       = 2"
)
ASKING = specs.training("asking", approval='approval = manual(by = ["lead"], within = 2d)').replace(
    "retry_delay = 1s", 'retry_delay = 1s; schedule = cron("0 1 * * *"); when new_data(people) then run'
)

# Rows of each are held against the other's: were each a group of its own, the groups would wait for each other.
MUTUAL = """
edition 2026
pipeline mutual { about = "Two tables that name each other." }
data left  { source = csv("people.csv"); columns { id : int }; expect exists_in(id, right.id) }
data right { source = csv("people.csv"); columns { id : int }; expect exists_in(id, left.id) }
step told { run = python("mine:first"); inputs = [left, right] }
"""


def _load(version: str, home: Path) -> dict[str, Any]:
    (home / "people.csv").write_text("id,age,paid,left\n")
    texts = {
        "churn": (EXAMPLES / "churn" / "churn.mlops").read_text(),
        "pooled": POOLED,
        "asking": ASKING,
        "mutual": MUTUAL,
    }
    (home / "mine.py").write_text(specs.MINE)
    for name, (line, _) in SCHEDULES.items():
        texts[name] = specs.training(name).replace("retry_delay = 1s", f"retry_delay = 1s; {line}")
    for name, text in texts.items():
        compiled(text, home / "dags" / name, home)
    found = described(version, home, home / "dags")
    found["files"] = {name: (home / "dags" / name / f"{name}.py").read_text() for name in texts}
    code = (
        "import json,sys\n"
        "try:\n    from airflow._shared.module_loading.file_discovery import find_path_from_directory as f\n"
        "except ImportError:\n    from airflow.utils.file import find_path_from_directory as f\n"
        "print(json.dumps([sorted(f(sys.argv[1], '.airflowignore', k)) for k in ('regexp', 'glob')]))"
    )
    found["scanned"] = json.loads(_python(version, home, code, str(home / "dags")))
    return found


@pytest.fixture(scope="module")
def loaded(version: str, shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = once(shared, f"loaded{version}", lambda home: _load(version, home))
    return found


def test_the_churn_example_is_what_its_spec_says(loaded: dict[str, Any]) -> None:
    dag = loaded["dags"]["churn"]
    assert (dag["owner"], dag["tags"], dag["catchup"], dag["max_active_runs"]) == (
        "growth-ml@example.com", ["churn", "growth"], False, 1,
    )  # fmt: skip
    assert dag["start"].startswith("2026-01-01")
    assert "0 3 * * *" in dag["timetable"]
    tasks = dag["tasks"]
    assert tasks["churn_model.train"]["up"] == ["churn_model.split"]
    assert tasks["release.gate"]["up"] == ["churn_model.evaluate"]
    assert (tasks["churn_model.train"]["retries"], tasks["churn_model.train"]["timeout"]) == (2, 7200)
    assert "spec.mlops:65" in tasks["churn_model.train"]["doc"]
    assert tasks["churn_model.register"]["outlets"] == ["mlopsc://churn/model/churn_model"]
    assert tasks["customers.ingest"]["inlets"] == ["mlopsc://churn/source/customers"]
    share = dag["params"]["test_share"]
    assert (share["default"], share["type"]) == (0.2, "number")
    assert 0 <= share["minimum"] < share["maximum"] <= 1


def test_groups_wait_for_each_other_in_no_circle(loaded: dict[str, Any]) -> None:
    """Else the Graph view of Airflow 3 is an error of its server."""
    assert loaded["dags"]["churn"]["groups"] == [
        "customers", "churn_model", "release", "churn_model.register", "write_result",
    ]  # fmt: skip
    assert set(loaded["dags"]["mutual"]["groups"]) == {"left", "right", "right.validate", "told", "write_result"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_airflows_own(loaded: dict[str, Any], name: str) -> None:
    line, shown = SCHEDULES[name]
    told = loaded["dags"][name]["timetable"]
    assert shown in told
    assert ("new_data" in line) == ("sset" in told or "ataset" in told)
    assert ("new_data" in line) == ("schedule=Asset" in loaded["files"][name])


def test_timezones_are_the_specs(loaded: dict[str, Any]) -> None:
    assert '"Asia/Tokyo"' in loaded["serialized"]["timed"]
    assert '"mlopsc://fed/source/people"' in loaded["serialized"]["fed"]


def test_an_approval_asks_people_on_3_and_waits_for_the_record_on_2(loaded: dict[str, Any], version: str) -> None:
    task = loaded["dags"]["asking"]["tasks"]["release.approve"]
    assert (task["type"], task["retries"], task["timeout"], task["templates"]) == ("Approval", 0, None, [])
    assert loaded["dags"]["asking"]["tasks"]["risk.register"]["up"] == ["release.approve"]


def test_pool_queue_and_slots_follow_the_target_block(loaded: dict[str, Any]) -> None:
    tasks = loaded["dags"]["pooled"]["tasks"]
    assert {(t["pool"], t["queue"]) for t in tasks.values()} == {("ml", "big")}
    assert (tasks["risk.train"]["slots"], tasks["risk.split"]["slots"]) == (2, 1)
    assert '"/lake/store"' in loaded["files"]["pooled"]


def test_the_ignore_file_hides_the_folder_from_both_kinds_of_pattern(loaded: dict[str, Any]) -> None:
    assert len(loaded["dags"]) == len(SCHEDULES) + 4
    for paths in loaded["scanned"]:
        names = sorted(p.rpartition("/dags/")[2] for p in paths if p.endswith(".py"))
        assert names == sorted(f"{name}/{name}.py" for name in loaded["dags"])


def test_ruff_finds_nothing_that_airflow_3_removed(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,age,paid,left\n")
    image = 'image = "a/b:1"; store = "/s"; data_root = "/d"'
    texts = {
        "churn": (EXAMPLES / "churn" / "churn.mlops").read_text(),
        "asking": ASKING,
        "blocks": specs.training("blocks", options="tasks = block"),
        "one": specs.training("one", options="tasks = one")
        .replace("test = test_share", "test = 20%")
        .replace("param test_share : share = 25%", ""),
        "own": specs.custom("own"),
        "podded": ASKING.replace(f'python = "{sys.executable}";', image).replace("pipeline asking", "pipeline podded"),
    }
    (tmp_path / "mine.py").write_text(specs.MINE)
    for name, text in texts.items():
        compiled(text, tmp_path / "dags", tmp_path, name=name)
    ruff = Path(sys.executable).with_name("ruff")
    for more in ([], ["--preview"]):
        words = [str(ruff), "check", "--isolated", "--no-cache", *more, "--select", "AIR,F,E9", str(tmp_path / "dags")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def _python(version: str, home: Path, code: str, *words: str) -> str:
    done = subprocess.run(
        [str(python_of(version)), "-c", code, *words],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def test_airflows_own_command_runs_the_churn_example_on_2(tmp_path: Path) -> None:
    """`airflow dags test churn` of 2.11, as somebody would type it."""
    shutil.copytree(EXAMPLES / "churn", tmp_path / "churn", ignore=shutil.ignore_patterns(".mlopsc", "build"))
    text = (tmp_path / "churn" / "churn.mlops").read_text()
    text = text.replace("trials = 12", "trials = 2").replace("folds = 5", "folds = 2")
    compiled(f'{text}\ntarget airflow {{ python = "{sys.executable}" }}\n', tmp_path / "dags", tmp_path / "churn")
    airflow = python_of("2").with_name("airflow")
    places = {"MLOPSC_STORE": str(tmp_path / "store"), "MLOPSC_DATA": str(tmp_path / "churn")}
    env = environment(tmp_path, **places)
    for words, patience in ((["db", "migrate"], 120), (["dags", "test", "churn"], 240)):
        command = ["timeout", "-k", "5", str(patience), str(airflow), *words]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    (found,) = [json.loads(path.read_text()) for path in tmp_path.glob("store/runs/*/result.json")]
    assert (found["status"], found["models"]["churn_model"]["promoted"]) == ("succeeded", True)


def test_it_imports_only_airflow_and_the_standard_library(tmp_path: Path) -> None:
    compiled((EXAMPLES / "churn" / "churn.mlops").read_text(), tmp_path / "dags", tmp_path)
    tree = ast.parse((tmp_path / "dags" / "churn.py").read_text())
    imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    tops = {(n.module if isinstance(n, ast.ImportFrom) else n.names[0].name).partition(".")[0] for n in imports}  # type: ignore[union-attr]
    assert tops <= {"airflow", *sys.stdlib_module_names}
    assert not [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.While))]
