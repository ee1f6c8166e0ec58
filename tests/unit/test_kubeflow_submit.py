"""submit.py against a KFP API server of our own: the real client of kfp 2.17 in between says that its arguments exist."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp_server import Server, serving
from mlopsc_kubeflow.task import message

from mlopsc.ir.plan import CustomSettings, Param, Pipeline, Plan, Schedule, Step, Where
from mlopsc.target.load import backend
from mlopsc.target.protocol import EmitOptions

HERE = Where(file="a.mlops", line=3, column=1)
DAILY = Schedule(cron="0 3 * * 1", timezone="Europe/Berlin")
PARAMS = (
    Param(name="test share", type="share", default=0.2, where=HERE),
    Param(name="label", type="string", default="no", where=HERE),
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def emitted(folder: Path, schedule: Schedule | None) -> Path:
    step = Step(id="custom:s", kind="custom", where=HERE, inputs={}, outputs={"result": "json"},
                settings=CustomSettings(name="s", ref="mine:work", arguments=()))  # fmt: skip
    pipeline = Pipeline(name="toy", kind="training", schedule=schedule, steps=(step,))
    plan = Plan(compiler="0", edition=2026, name="toy", spec="a.mlops", files={}, modules={}, params=PARAMS,
                pipelines=(pipeline,))  # fmt: skip
    for path, data in backend("kubeflow").emit(plan, EmitOptions(values={"image": "x"})).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def submit(folder: Path, server: Server, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", folder / "submit.py", "--host", server.url, *words],
        capture_output=True, text=True, timeout=120, check=False,
        env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | {"HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_run_is_of_the_uploaded_file_and_has_the_params_under_kfps_names(server: Server, tmp_path: Path) -> None:
    folder = emitted(tmp_path, None)
    told = submit(folder, server, "--set", "test share=30%", "--set", "label=007", "--set", "label=null")
    assert told.endswith("run_id-1\n")
    (pipeline,), (version,), (run,) = server.pipelines, server.versions, server.runs
    assert pipeline["display_name"] == "toy"
    assert version["package"] == (folder / "pipeline.yaml").read_text()
    assert run["pipeline_version_reference"] == {
        "pipeline_id": pipeline["pipeline_id"], "pipeline_version_id": version["pipeline_version_id"],
    }  # fmt: skip
    assert run["runtime_config"] == {"parameters": {"test_share": 0.3, "label": "null"}}
    assert run["experiment_id"] == server.experiments[0]["experiment_id"]
    submit(folder, server)
    assert [len(server.pipelines), len(server.versions), len(server.experiments)] == [1, 2, 1], (
        "another version, no more"
    )
    assert server.runs[1]["pipeline_version_reference"]["pipeline_version_id"] == "pipeline_version_id-2"


@pytest.mark.parametrize(
    ("schedule", "trigger"),
    [
        (DAILY, {"cron_schedule": {"cron": "TZ=Europe/Berlin 0 0 3 * * 1"}}),
        (Schedule(every=3600.0), {"periodic_schedule": {"interval_second": "3600"}}),
    ],
)
def test_a_schedule_is_one_recurring_run_which_a_later_one_replaces(
    schedule: Schedule, trigger: dict[str, dict[str, str]], server: Server, tmp_path: Path
) -> None:
    folder = emitted(tmp_path, schedule)
    submit(folder, server, "--schedule")
    server.recurring.append({**server.recurring[0], "display_name": "another's", "recurring_run_id": "theirs"})
    (first, _) = server.recurring
    wanted = {kind: {k: str(v) for k, v in inner.items()} for kind, inner in first["trigger"].items()}
    assert wanted == trigger
    assert (first["mode"], int(first["max_concurrency"]), first["no_catchup"]) == ("ENABLE", 1, True)
    assert server.runs == []
    submit(folder, server, "--schedule")
    assert [r["recurring_run_id"] for r in server.recurring] == ["theirs", "recurring_run_id-3"]
    assert server.recurring[1]["pipeline_version_reference"]["pipeline_version_id"] == "pipeline_version_id-2"


def test_a_run_is_resumed_and_nothing_is_uploaded(server: Server, tmp_path: Path) -> None:
    submit(emitted(tmp_path, None), server, "--resume", "abc")
    assert server.retried == ["abc"]
    assert [server.pipelines, server.runs] == [[], []]


@pytest.mark.parametrize("text", ["{{$.inputs}}", "{{$}}", "{{workflow.name}}", "/kfp-workspace/x", "mlopsc:1", "🙂{{"])
def test_a_text_that_kfp_would_replace_arrives_as_written(text: str, server: Server, tmp_path: Path) -> None:
    submit(emitted(tmp_path, None), server, "--set", f"label={text}")
    given = server.runs[0]["runtime_config"]["parameters"]["label"]
    assert "{{" not in given
    assert "/kfp-workspace" not in given
    assert message._text(given) == text


def test_a_param_that_is_not_there_or_of_another_kind_is_told_before_anything_is_sent(
    server: Server, tmp_path: Path
) -> None:
    folder = emitted(tmp_path, None)
    assert "there is no param tset; there are: test share, label" in submit(folder, server, "--set", "tset=1", code=2)
    assert "'30d' is no value like 0.2" in submit(folder, server, "--set", "test share=30d", code=2)
    assert server.calls == []
