"""`image`: each task is a pod. Its manifest is held against Kubernetes' schemas, and the tasks are run by Airflow against a
stand-in for the API server that starts each pod's command as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import specs
from cluster import Cluster
from releases import ask, compiled, once

from mlopsc.driver.check import check_file
from mlopsc.driver.spec import read
from mlopsc.driver.support import lacking

TOLD = """
import os

def told(clients):
    print("the password is", os.environ["CRM_PASSWORD"], "at", os.environ["CRM_HOST"], flush=True)
    return 1
"""
GUARDED = """
connection crm = postgres(host = env("CRM_HOST"), database = "crm", user = "ml", password = secret("CRM_PASSWORD"))
data clients { source = table(crm, "public.clients")
  columns { id : int } }
step told { run = python("mine:told"); inputs = [clients] }
"""
FULL = """target airflow {
  image = "registry.example.com/NAME:1.4"; store = "/mnt/store"; data_root = "/mnt/data"; namespace = "ml"
  service_account = "steps"; image_pull_secrets = ["pull"]; node_selector = ["disk=ssd"]; labels = ["team=ml"]
  tolerations = ["gpu=yes:NoSchedule", "spot:NoExecute"]; volumes = ["claim:/mnt/store", "claim:/mnt/data"]
  accelerator = "amd.com/gpu"; MORE
}"""


def podded(name: str, more: str = "", target: str = FULL, **options: Any) -> str:
    text = specs.training(name, **options)
    start = text.index("target airflow")
    return text[:start] + target.replace("NAME", name).replace("MORE", more) + text[text.index("\n", start) :]


def _load(version: str, home: Path) -> dict[str, Any]:
    (home / "people.csv").write_text("id,age,paid,left\n")
    (home / "mine.py").write_text(TOLD)
    big = "target    = left\n  cpu = 2\n  memory = 512MiB\n  gpu = 1"
    texts = {
        "whole": podded("whole", 'tasks = one; secret = "crm"').replace("target    = left", big) + GUARDED,
        "blocks": podded("blocks", "tasks = block").replace("target    = left", big),
        "steps": podded("steps", approval='approval = manual(by = ["lead"])').replace("target    = left", big)
        + GUARDED,
    }
    for name, text in texts.items():
        compiled(text, home / "dags", home, name=name)
    found = ask(version, home, {"dags": str(home / "dags"), "do": "load"})
    assert found["errors"] == {}
    return found


@pytest.fixture(scope="module")
def loaded(version: str, shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = once(shared, f"pods{version}", lambda home: _load(version, home))
    return found


def test_every_task_asks_for_a_pod_that_kubernetes_takes(loaded: dict[str, Any]) -> None:
    pods = loaded["pods"]
    assert set(pods["whole"]) == {"run"}
    assert {"people", "risk", "release", "risk.register", "write_result"} == set(pods["blocks"])
    assert set(loaded["dags"]["steps"]["tasks"]) - set(pods["steps"]) == {"release.approve"}
    for name in pods:
        for pod in pods[name].values():
            kubernetes_validate.validate(pod, "1.34", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**pods["whole"]["run"], "spec": {"containers": "none"}}, "1.34", strict=True)


def test_a_pod_has_what_the_spec_and_the_target_say(loaded: dict[str, Any]) -> None:
    for name, task in (("steps", "risk.train"), ("blocks", "risk"), ("whole", "run")):
        spec = loaded["pods"][name][task]["spec"]
        (container,) = spec["containers"]
        limits = {"cpu": "2", "memory": "536870912", "amd.com/gpu": "1"}
        assert container["resources"] == {"limits": limits, "requests": limits}
        assert container["image"] == f"registry.example.com/{name}:1.4"
        assert container["command"] == ["python3", f"/opt/mlopsc/{name}/pod_step.py"]
        assert spec["nodeSelector"] == {"disk": "ssd"}
        assert [t["key"] for t in spec["tolerations"]] == ["gpu", "spot"]
        assert spec["serviceAccountName"] == "steps"
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert [m["mountPath"] for m in container["volumeMounts"]] == ["/mnt/store", "/mnt/data"]
        assert loaded["pods"][name][task]["metadata"]["namespace"] == "ml"
        assert loaded["pods"][name][task]["metadata"]["labels"]["team"] == "ml"
    assert "resources" not in loaded["pods"]["steps"]["risk.split"]["spec"]["containers"][0]


def test_a_secret_comes_from_kubernetes_and_only_to_the_step_that_reads_it(loaded: dict[str, Any]) -> None:
    for name, task, secret in (("steps", "clients.ingest", "steps-secrets"), ("whole", "run", "crm")):
        (container,) = loaded["pods"][name][task]["spec"]["containers"]
        (one,) = container["env"]
        assert (one["name"], one["valueFrom"]["secretKeyRef"]) == (
            "CRM_PASSWORD", {"name": secret, "key": "CRM_PASSWORD"},
        )  # fmt: skip
        assert [e["configMapRef"]["name"] for e in container["envFrom"]] == [f"{name}-env"]
    assert not loaded["pods"]["steps"]["risk.train"]["spec"]["containers"][0]["env"]


def _findings(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (tmp_path / "people.csv").write_text("id,age,paid,left\n")
    spec = tmp_path / "spec.mlops"
    spec.write_text(text)
    checked = check_file(read(str(spec)), target="airflow")
    return [(f.code, f.message) for f in (*checked.findings, *lacking(checked, "airflow"))]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ('image = "a/b:1"; store = "s3://bucket/x"', "MLC7007", "data_root"),
        ('image = "a/b:1"; data_root = "/mnt"', "MLC7008", "reach the store"),
        ('image = "a/b:1"; store = "store"; data_root = "/mnt"', "MLC7006", "an absolute path in the pod"),
        ('image = "a/b:1"; store = "/s"; data_root = "/d"; python = "/p"', "MLC7006", "option python"),
        ('image = "a/b:1"; store = "/s"; data_root = "/d"; volumes = ["x"]', "MLC7006", "CLAIM:/path"),
        ('image = "a b"; store = "/s"; data_root = "/d"', "MLC7006", "the name of an image"),
        ('namespace = "ml"', "MLC7006", "only for steps in pods"),
    ],
)
def test_what_no_pod_can_do_is_told_by_check(tmp_path: Path, options: str, code: str, told: str) -> None:
    found = _findings(tmp_path, podded("p", target=f"target airflow {{ {options} }}"))
    assert [c for c, _ in found] == [code]
    assert told in found[0][1]


def test_a_gpu_needs_an_image(tmp_path: Path) -> None:
    text = specs.training("p").replace("target    = left", "target    = left\n  gpu = 1")
    assert [c for c, _ in _findings(tmp_path, text)] == ["MLC7004"]
    complete = 'target airflow { image = "a/b:1"; store = "/s"; data_root = "/d" }'
    text = podded("p", target=complete).replace("target    = left", "target    = left\n  gpu = 1")
    assert _findings(tmp_path, text) == []


def _run(version: str, home: Path) -> dict[str, Any]:
    folder, dags, store = home / "spec", home / "dags", home / "store"
    folder.mkdir()
    specs.people(folder / "people.csv")
    (folder / "mine.py").write_text(specs.MINE + TOLD.replace("told(clients)", "told(first)"))
    place = (
        f'target airflow {{ image = "i/NAME:1"; store = "{store}"; data_root = "{folder}"; namespace = "ml"; MORE }}'
    )
    head = "\npipeline "
    texts = {
        "good": podded("good", "tasks = block", place),
        "judged": podded("judged", "tasks = one", place, least="0.999"),
    }
    for name, function in (("crashing", "crashing"), ("guarded", "told"), ("other", "second")):
        text = specs.custom(name, function).replace(head, f"\n{place.replace('NAME', name).replace('MORE', '')}{head}")
        texts[name] = text
    secret = 'channel crm = webhook(secret("CRM_PASSWORD"))\n'
    texts["guarded"] = (
        texts["guarded"]
        .replace("step first", secret + "step first")
        .replace('about = "Own steps."', 'about = "Own steps."; notify = [crm]')
    )
    if version == "2":
        texts["asking"] = podded("asking", "tasks = block", place, approval='approval = manual(by = ["lead"])')
        _decided(folder, store, texts["asking"])
    for name, text in texts.items():
        compiled(text, dags, folder, name=name)
    images = {f"i/{name}:1": dags / name for name in texts} | {"i/other:1": dags / "good"}
    secrets = {"guarded-secrets": {"CRM_PASSWORD": specs.TOKEN}}
    with Cluster(images, secrets, {"CRM_PASSWORD": specs.TOKEN, "CRM_HOST": "db", "MLOPSC_DATA": str(folder)}) as cluster:
        request = {"dags": str(dags), "do": "test", "ids": list(texts)}
        answer = ask(version, home, request, KUBECONFIG=str(cluster.home / "config"))
        answer["pods"] = [m["spec"]["containers"][0]["args"][1:3] for m in cluster.asked]
        answer["left"] = len([p for p in cluster.pods.values() if p.process.poll() is None])
    answer["results"] = [json.loads(p.read_text()) for p in store.glob("runs/*/result.json")]
    return answer


def _decided(folder: Path, store: Path, text: str) -> None:
    """A decision on the same model and verdict, recorded before Airflow asks."""
    spec = folder / "decided.mlops"
    spec.write_text(text)
    entry = "from mlopsc.cli.main import entry; entry()"

    def call(*words: str) -> str:
        words = (sys.executable, "-c", entry, *words, "--store", str(store))
        return subprocess.run(words, capture_output=True, text=True, timeout=240, check=False).stdout

    run = json.loads(call("run", str(spec), "--json"))["run"]
    call("approve", run, "release", "--by", "lead", "--reason", "fine")


@pytest.fixture(scope="module")
def ran(version: str, shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = once(shared, f"podruns{version}", lambda home: _run(version, home))
    return found


def _result(ran: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [r for r in ran["results"] if r["pipeline"] == name and r["run"].startswith(name)]
    return dict(found)


def test_a_pipeline_runs_in_pods_a_process_for_each_step(ran: dict[str, Any]) -> None:
    assert set(ran["runs"]["good"]["tasks"].values()) == {"success"}
    found = _result(ran, "good")
    assert (found["status"], found["models"]["risk"]["promoted"]) == ("succeeded", True)
    assert ["step", "ingest:people"] in ran["pods"]
    assert ran["left"] == 0


def test_a_verdict_in_a_pod_fails_for_good_and_a_crash_is_tried_again(ran: dict[str, Any]) -> None:
    assert (ran["runs"]["judged"]["tasks"], ran["runs"]["judged"]["tries"]["run"] <= 1) == ({"run": "failed"}, True)
    assert "roc_auc >= 0.999" in ran["everything"] + ran["runs"]["judged"]["log"]
    assert set(ran["runs"]["crashing"]["tasks"].values()) == {"success"}
    assert ran["runs"]["crashing"]["tries"]["second"] >= 2


def test_an_image_of_another_compilation_is_refused(ran: dict[str, Any]) -> None:
    assert ran["runs"]["other"]["tasks"]["first"] == "failed"
    assert ran["runs"]["other"]["tries"]["first"] <= 1
    assert "MLC9072 other-image" in ran["everything"] + ran["runs"]["other"]["log"]


def test_a_secret_stays_out_of_the_log_of_a_pod(ran: dict[str, Any]) -> None:
    assert "the password is *** at db" in ran["everything"] + ran["runs"]["guarded"]["log"]
    assert specs.TOKEN not in json.dumps(ran)
    assert "sha256:" in ran["stored"]


def test_an_approval_is_looked_for_in_a_pod(ran: dict[str, Any], version: str) -> None:
    """On 2.11, where a sensor looks: here the decision stands before."""
    if version == "2":
        assert ran["runs"]["asking"]["tasks"]["release.approve"] == "success"
        assert _result(ran, "asking")["status"] == "succeeded"
    else:
        assert "asking" not in ran["runs"]
