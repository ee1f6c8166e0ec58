"""One real pipeline with its store in a bucket, by every way to run it: what a store in a folder gives, each time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from s3 import ObjectStore

from mlopsc.runtime.store.bucket import Bucket

TESTS = Path(__file__).resolve().parent.parent
DATA = TESTS.parent / "examples" / "churn" / "data" / "Telco-Customer-Churn.csv"
KFP_RUN = TESTS / "conformance" / "adapters" / "kfp_run.py"
MLOPSC = [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()"]


@dataclass
class World:
    """A folder with spec and data, and the server. `local`: the result of a run with a folder as its store."""

    folder: Path
    server: ObjectStore
    url: str
    local: dict[str, Any] = field(default_factory=dict)
    told: str = ""  # all that commands printed

    def do(self, *words: Any, code: int = 0, **env: str) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPSC_", "AWS_"))}
        mine = {
            **self.server.environment,
            "MLOPSC_CACHE": str(self.folder / "cache"),
            "PYTHONWARNINGS": "ignore",
            **env,
        }
        done = subprocess.run(
            [str(word) for word in words], capture_output=True, text=True, timeout=300, check=False, cwd=self.folder,
            env=kept | mine,
        )  # fmt: skip
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        self.told += done.stdout + done.stderr
        return done.stdout

    def mlopsc(self, *words: Any, code: int = 0, **env: str) -> Any:
        return json.loads(self.do(*MLOPSC, *words, "--json", code=code, **env))

    def compiled(self, target: str) -> Path:
        folder = self.folder / "build" / target
        self.do(*MLOPSC, "compile", "spec.mlops", "--target", target, "-o", folder)
        return folder

    def agrees(self, found: dict[str, Any]) -> bool:
        return bool(found["models"] == self.local["models"] and found["gates"] == self.local["gates"])


@pytest.fixture(scope="module")
def world(s3_server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    found = World(folder, s3_server, s3_server.url())
    (folder / "rows.csv").write_text("".join(DATA.read_text().splitlines(keepends=True)[:401]))
    text = (TESTS / "faults" / "small.mlops").read_text().partition("deploy ")[0]
    text = text.replace("- 0.5\n}", '- 0.5\n  approval = manual(by = ["lead"])\n}')
    blocks = [f'target {name} {{ store = "{found.url}" }}\n' for name in ("local", "airflow", "kubeflow")]
    blocks[2] = blocks[2].replace(" }", f'; data_root = "{folder}" }}')
    (folder / "spec.mlops").write_text(text + "".join(blocks))
    place = str(folder / "folder")
    run = ("run", "spec.mlops", "--store", place)
    waiting = found.mlopsc(*run, code=3)
    found.mlopsc("approve", waiting["run"], "release", "--by", "lead", "--reason", "fine", "--store", place)
    found.local = found.mlopsc(*run)
    assert found.local["models"]["leaver"]["version"] == 1
    return found


@pytest.fixture(scope="module")
def promoted(world: World) -> dict[str, Any]:
    """The result of `mlopsc run` with the store in the bucket, approved."""
    waiting = world.mlopsc("run", "spec.mlops", "--store", world.url, code=3)
    assert waiting["gates"]["release"]["verdict"] == "waiting"
    words = ("approve", waiting["run"], "release", "--by", "lead", "--reason", "fine")
    world.mlopsc(*words, MLOPSC_STORE=world.url)
    result: dict[str, Any] = world.mlopsc("run", "spec.mlops", MLOPSC_STORE=world.url)
    assert result["run"] == waiting["run"]
    return result


def test_a_run_gives_the_digests_of_a_run_in_a_folder(world: World, promoted: dict[str, Any]) -> None:
    assert world.agrees(promoted)
    name, _, prefix = world.url.removeprefix("s3://").partition("/")
    kept = json.loads(world.do(sys.executable, "-c", _FETCH, name, f"{prefix}/runs/{promoted['run']}/result.json"))
    assert kept == promoted


_FETCH = """
import sys
from mlopsc.runtime.store.bucket import Bucket
print(Bucket(sys.argv[1], "").get(sys.argv[2]).decode())
"""


def test_a_machine_that_never_saw_the_store_finds_everything_in_it(world: World, promoted: dict[str, Any]) -> None:
    again = world.mlopsc("run", "spec.mlops", "--store", world.url, MLOPSC_CACHE=str(world.folder / "other cache"))
    assert {step["status"] for step in again["steps"]} == {"cached"}
    assert world.agrees(again)
    assert world.mlopsc("runs", "--store", world.url)["runs"][0]["status"] == "succeeded"
    assert world.mlopsc("models", "leaver", "--store", world.url)["models"]["leaver"]["champion"] == 1
    checked = world.mlopsc("journal", "--verify", "--store", world.url)
    assert (checked["verified"], [e["kind"] for e in checked["entries"]]) == (
        True,
        ["verdict", "request", "decision", "promotion"],
    )


def test_a_compiled_folder_lists_s3fs_and_runs_with_the_store_of_its_target(
    world: World, promoted: dict[str, Any]
) -> None:
    folder = world.compiled("local")
    assert any(line.startswith("s3fs>=") for line in (folder / "requirements.txt").read_text().splitlines())
    found = json.loads(world.do(sys.executable, folder / "run.py", "--json"))
    assert world.agrees(found)
    models = json.loads(world.do(sys.executable, folder / "run.py", "models", "--json"))
    assert models["models"]["leaver"]["champion"] == 1


def test_a_folder_whose_store_is_a_folder_lists_no_s3fs(world: World) -> None:
    text = (world.folder / "spec.mlops").read_text()
    (world.folder / "plain.mlops").write_text(text.replace(world.url, "/srv/store"))
    for target in ("local", "airflow", "kubeflow"):
        out = world.folder / "plain" / target
        world.do(*MLOPSC, "compile", "plain.mlops", "--target", target, "-o", out)
        assert not any("s3fs" in file.read_text() for file in out.rglob("requirements.txt"))


def test_airflows_steps_run_with_the_store_in_the_bucket(world: World) -> None:
    """Each as its task starts it, with a store that nothing was left in; the person decides in between."""
    folder = world.compiled("airflow") / "small"
    store, data = world.server.url(), ["--data", str(world.folder)]
    run = ["--store", store, "--run", "small.manual__1"]
    plan = ["--plan", str(folder / "plan.json"), "--packages", str(folder / "requirements.txt"), *data]

    def do(*words: str, code: int = 0) -> Any:
        return json.loads(world.do(sys.executable, folder / "step.py", *words, code=code).splitlines()[-1])

    steps = [step["id"] for step in json.loads((folder / "plan.json").read_text())["pipelines"][0]["steps"]]
    for step in steps:
        told = do("step", step, *run, *plan, code=3 if step.startswith("approve") else 0)
        if told["status"] == "waiting":
            do("approve", "release", "--by", "lead", "--reason", "fine", *run)
            told = do("step", step, *run, *plan)
        assert told["status"] == "done", told
    assert world.agrees(do("finish", *run, *plan))
    assert "s3fs" in (folder / "requirements.txt").read_text()


def test_an_airflow_task_leaves_an_address_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world.compiled("airflow") / "small"
    loading = importlib.util.spec_from_file_location("compiled_task", folder / "task.py")
    assert loading is not None
    assert loading.loader is not None
    module = importlib.util.module_from_spec(loading)
    loading.loader.exec_module(module)

    class Dag:
        dag_id = "small"

    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    settings = {"python": None, "store": world.url, "data": str(world.folder)}
    task = module.Task(folder, settings, {"dag": Dag, "run_id": "r", "params": {}})
    assert task._common("finish")[:2] == ["--store", world.url]
    monkeypatch.setenv("MLOPSC_STORE", "beside")
    assert task._common("finish")[:2] == ["--store", str(folder.parent / "beside")]


def test_kfp_runs_the_pipeline_with_the_store_in_the_bucket(world: World, promoted: dict[str, Any]) -> None:
    """By kfp.local, one process a task; the decision on the same model stands in the journal already."""
    folder = world.compiled("kubeflow")
    assert any(line.startswith("s3fs==") for line in (folder / "requirements.txt").read_text().splitlines())
    name, _, prefix = world.url.removeprefix("s3://").partition("/")
    runs = {run["run"] for run in world.mlopsc("runs", "--store", world.url)["runs"]}
    world.do(
        sys.executable, KFP_RUN, folder / "pipeline.yaml", world.folder / "root", "{}",
        MLOPSC_STORE=world.url, MLOPSC_DATA=str(world.folder), MLOPSC_INSTALLED="1", MLOPSC_POLL="0.2",
        PYTHONPATH=str(folder / "step"),
    )  # fmt: skip
    (run,) = {run["run"] for run in world.mlopsc("runs", "--store", world.url)["runs"]} - runs
    result = json.loads(world.do(sys.executable, "-c", _FETCH, name, f"{prefix}/runs/{run}/result.json"))
    assert (result["status"], world.agrees(result)) == ("succeeded", True)
    assert {step["status"] for step in result["steps"]} == {"done"}
    assert world.mlopsc("journal", "--verify", "--store", world.url)["verified"]


def test_keys_and_secrets_of_the_store_are_written_nowhere(
    world: World, promoted: dict[str, Any], s3: ObjectStore
) -> None:
    planted = [world.server.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    name, _, prefix = world.url.removeprefix("s3://").partition("/")
    bucket = Bucket(name, prefix)
    texts = [world.told.encode(), *(data or b"" for data in bucket.get_all(bucket.find("")))]
    texts += [file.read_bytes() for file in world.folder.rglob("*") if file.is_file()]
    assert len(texts) > 50
    assert not any(word.encode() in text for text in texts for word in planted)


def test_a_missing_package_is_one_line_with_the_command_that_brings_it(world: World) -> None:
    code = "import sys; sys.modules['s3fs'] = None; from mlopsc.cli.main import entry; entry()"
    done = subprocess.run(
        [sys.executable, "-c", code, "runs", "--store", world.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "MLC9055" in done.stderr
    assert 'pip install "s3fs' in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_store_in_a_folder_imports_nothing_of_an_object_stores(world: World) -> None:
    code = "import sys; from mlopsc.cli.main import main; main(sys.argv[1:]); print(sorted(set(sys.modules) & {%s}))"
    names = "'s3fs', 'fsspec', 'aiohttp', 'botocore', 'mlopsc.runtime.store.bucket', 'mlopsc.runtime.store.leases'"
    out = world.do(sys.executable, "-c", code % names, "run", "spec.mlops", "--store", world.folder / "folder")
    assert out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("target", ["local", "airflow", "kubeflow"])
def test_a_store_that_no_target_can_use_is_found_by_check(world: World, target: str) -> None:
    text = (world.folder / "spec.mlops").read_text()
    (world.folder / "bad.mlops").write_text(text.replace(world.url, "gs://bucket/x"))
    words = ("check", "bad.mlops", "--target", target, "--format", "json")
    found = json.loads(world.do(*MLOPSC, *words, code=1))["diagnostics"]
    assert [d["message"] for d in found if d["name"] == "unknown-target-option"] == [
        f"The option store of target {target} is a folder or s3://BUCKET/PREFIX."
    ]
