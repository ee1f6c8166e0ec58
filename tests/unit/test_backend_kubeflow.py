"""The Kubeflow back end: what stands in its files, and what it refuses."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kfp import components
from kfp.dsl.types import artifact_types
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.local import placeholder_utils
from kfp.pipeline_spec import pipeline_spec_pb2
from mlopsc_kubeflow import names, references, slices
from mlopsc_kubeflow.task import message

from mlopsc.ir.plan import (
    CustomSettings,
    Param,
    Pipeline,
    Plan,
    Resources,
    Schedule,
    Step,
    Where,
)
from mlopsc.target import pins, yamltext
from mlopsc.target.load import backend
from mlopsc.target.protocol import EmitOptions, Files, Refused

HERE = Where(file="a.mlops", line=3, column=1)
DAILY = Schedule(cron="0 3 * * *", timezone="UTC")
TRAPS = ["y", "no", "on", "null", "~", "1e3", "007", "2026-01-01", "1:30", "0x1f", "1_000", ".5", "=", "<<", "- a", "a: b",
         "# c", "a\nb", "\r\n", " x ", "\t", "{{$.inputs}}", "{{$}}", "{{workflow.name}}", "🙂", "\u2028", "\ufeff", "\x85",
         "\x7f", "%", "@", "`", "!", "&a", "*a", "|", ">", "'", '"', "\\", "$", "{{", "é" * 300, ""]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(TRAPS), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


def step(name: str, inputs: dict[str, str] | None = None, **given: Any) -> Step:
    inputs = inputs or {}
    own = CustomSettings(name=name, ref="mine:work", arguments=tuple(inputs))
    given = {"outputs": {"result": "json"}, "modules": ("mine.py",), **given}
    return Step(id=f"custom:{name}", kind="custom", settings=own, inputs=inputs, where=HERE, **given)


def plan(*steps: Step, params: tuple[Param, ...] = (), **given: Any) -> Plan:
    pipeline = Pipeline(**{"name": "toy", "kind": "training", **given}, steps=steps)
    return Plan(compiler="0", edition=2026, name="toy", spec="a.mlops", files={}, modules={"mine.py": "sha256:2"},
                params=params, pipelines=(pipeline,))  # fmt: skip


def emit(found: Plan, **values: Any) -> Files:
    return backend("kubeflow").emit(found, EmitOptions(values=values, modules={"mine.py": b"def work(): return {}\n"}))


def documents(files: Files) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(files["pipeline.yaml"].decode()))


GOOD = plan(step("first"), step("second", {"first": "custom:first/result"}))

# --- YAML ------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_yaml_reads_back_as_what_was_written(value: dict[str, Any]) -> None:
    """By the reader of YAML 1.1, which KFP's SDK uses."""
    again = yaml.safe_load(yamltext.dump(value) if value else "{}")
    assert again == value
    assert repr(again) == repr(value), "types, too: 1.0 is no 1, and no text is a date"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x"])
def test_what_yaml_cannot_hold_is_an_error(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        yamltext.dump({"a": value})


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, TEXTS.filter(bool), TEXTS.filter(bool))
def test_texts_of_a_spec_survive_through_the_sdks_loader(about: str, one: str, two: str) -> None:
    """In the description, in step and artifact names, in params: as written, and without a live placeholder."""
    param = Param(name=one, type="string", default=about, where=HERE)
    found = plan(step(one), step(f"{two}!", {"in": f"custom:{one}/result"}), about=about, name=two, params=(param,))
    text = emit(found, image="x")["pipeline.yaml"].decode()
    loaded = components.load_component_from_text(text).pipeline_spec
    info = yaml.safe_load(text)["pipelineInfo"]
    assert info["displayName"] == two
    assert info.get("description", "") == about
    (name,) = loaded.root.input_definitions.parameters
    default = loaded.root.input_definitions.parameters[name].default_value.string_value
    assert message._text(default) == about
    assert "{{" not in default, "KFP would replace it"
    assert default == about or "{{" in about
    seen = [
        slices_of(task.inputs.parameters["step"].runtime_value.constant.string_value)
        for task in loaded.components["comp-steps"].dag.tasks.values()
    ]
    assert sorted(s["step"] for s in seen) == sorted([f"custom:{one}", f"custom:{two}!"])
    common = given_to_all(loaded)
    assert (common["plan"]["params"][0]["name"], common["plan"]["params"][0]["default"]) == (one, about)
    assert common["params"] == {name: one}


def slices_of(text: str) -> dict[str, Any]:
    assert "$" not in text
    assert "{{" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def given_to_all(loaded: Any) -> dict[str, Any]:
    return slices_of(loaded.root.dag.tasks["steps"].inputs.parameters["plan"].runtime_value.constant.string_value)


@given(VALUES)
def test_a_slice_reads_back_as_what_it_was(value: Any) -> None:
    text = slices.encode({"a": value})
    assert json.loads(text) == {"a": value}
    assert "$" not in text
    assert "{{" not in text


@given(st.lists(TEXTS, unique=True, max_size=12), st.booleans())
def test_names_are_such_as_kubernetes_takes_and_no_two_alike(texts: list[str], dashes: bool) -> None:
    found = names.unique(texts, ("steps", "finish"), dashes=dashes)
    assert set(found) == set(texts)
    assert len(set(found.values()) | {"steps", "finish"}) == len(texts) + 2
    pattern = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?" if dashes else r"[A-Za-z][A-Za-z0-9_]*"
    assert all(re.fullmatch(pattern, name) and len(name) <= 63 for name in found.values())


# --- the spec ----------------------------------------------------------------------------------------------------------


def full() -> Plan:
    """Whatever a pipeline may ask of KFP at once."""
    secret = Step(
        id="custom:secret", kind="custom", where=HERE, inputs={}, outputs={"result": "json"},
        settings=CustomSettings(name="secret", ref="mine:work", arguments=()), resources=Resources(cpu=4, memory=2 << 30, gpu=1),
        retries=2, retry_delay=30.0, timeout=60.0,
    )  # fmt: skip
    params = tuple(
        Param(name=kind, type=kind, default=default, where=HERE)
        for kind, default in [("int", 3), ("float", 0.5), ("share", 0.1), ("bool", True), ("string", "no"),
                              ("date", "2026-01-01"), ("duration", 60.0), ("size", 1024)]
    )  # fmt: skip
    return plan(
        secret,
        step("last", after=("custom:secret",)),
        params=params,
        schedule=Schedule(cron="0 3 * * *", timezone="UTC"),
    )


PLATFORM = {
    "volumes": ["store:/mnt/store"], "node_selector": ["disk=ssd"], "tolerations": ["gpu:NoSchedule", "a=b:NoExecute"],
    "labels": ["team=ml"], "image_pull_secrets": ["pull"], "store": "/mnt/store/s", "data_root": "/mnt/data",
}  # fmt: skip


def strict(docs: list[dict[str, Any]]) -> None:
    json_format.ParseDict(docs[0], pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(docs[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    for document in docs[1:]:
        json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
        for config in document["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
            json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_resources_accelerators_retries_params_and_the_platform_hold_to_the_protobufs() -> None:
    docs = documents(emit(full(), **PLATFORM))
    strict(docs)
    spec, platform = docs
    task = spec["components"]["comp-steps"]["dag"]["tasks"]["custom-secret"]
    assert task["retryPolicy"] == {
        "maxRetryCount": 2, "backoffDuration": "30s", "backoffFactor": 1.0, "backoffMaxDuration": "3600s",
    }  # fmt: skip
    label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
    container = spec["deploymentSpec"]["executors"][label]["container"]
    assert container["resources"] == {
        "cpuLimit": 4.0, "resourceCpuLimit": "4", "memoryLimit": 2.147483648, "resourceMemoryLimit": "2147483648",
        "accelerator": {"count": "1", "type": "nvidia.com/gpu", "resourceCount": "1", "resourceType": "nvidia.com/gpu"},
    }  # fmt: skip
    assert {e["name"]: e["value"] for e in container["env"]} == {
        "MLOPSC_DATA": "/mnt/data",
        "MLOPSC_STORE": "/mnt/store/s",
    }
    types = {n: p["parameterType"] for n, p in spec["root"]["inputDefinitions"]["parameters"].items()}
    assert types == {
        "int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "share": "NUMBER_DOUBLE", "bool": "BOOLEAN", "string": "STRING",
        "date": "STRING", "duration": "NUMBER_DOUBLE", "size": "NUMBER_INTEGER",
    }  # fmt: skip
    config = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][label]
    assert config["tolerations"][0] == {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert config["nodeSelector"] == {"labels": {"disk": "ssd"}}


def test_a_param_is_described_with_its_levels_and_whole_bounds() -> None:
    many = tuple(f"l{number}" for number in range(30))
    params = (
        Param(name="tier", type="category", default="free", levels=("free", "{{paid}}"), where=HERE),
        Param(name="many", type="category", default="l0", levels=many, where=HERE),
        Param(name="seed", type="int", default=0, lo=0, hi=2**32 - 1, where=HERE),
        Param(name="share", type="share", default=0.2, lo=0.0, hi=0.5, where=HERE),
    )
    found = documents(emit(plan(step("first"), params=params)))[0]["root"]["inputDefinitions"]["parameters"]
    assert found["tier"]["description"] == 'param tier : category("free", "{ {paid}}")'
    assert found["many"]["description"].endswith('"l19", …)')
    assert found["seed"]["description"] == "param seed : int from 0 to 4294967295"
    assert found["share"]["description"] == "param share : share from 0 to 0.5"


def test_secrets_and_variables_come_from_kubernetes_and_only_to_the_steps_that_read_them() -> None:
    found = plan(step("open"), step("closed"))
    data = json.loads(found.model_dump_json())
    told = {"a": {"secret": "TOKEN"}, "b": [{"env": "HOST"}]}
    settings_ = {"kind": "deploy", "name": "x", "settings": told}
    data["pipelines"][0]["steps"][1] |= {"kind": "deploy", "id": "deploy:closed", "settings": settings_}
    docs = documents(emit(Plan.model_validate(data), secret="vault"))
    strict(docs)
    (config,) = docs[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert config["secretAsEnv"][0]["secretName"] == "vault"
    assert config["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "TOKEN", "envVar": "TOKEN"}]
    assert config["configMapAsEnv"][0]["configMapName"] == "toy-env"


def test_without_anything_for_the_platform_there_is_one_document() -> None:
    docs = documents(emit(GOOD))
    assert len(docs) == 1
    strict(docs)


def test_the_last_task_runs_however_the_others_ended() -> None:
    tasks = documents(emit(GOOD))[0]["root"]["dag"]["tasks"]
    assert tasks["finish"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert tasks["finish"]["inputs"]["parameters"]["status"] == {"taskFinalStatus": {"producerTask": "steps"}}


def test_schedules_become_recurring_runs_of_submit_py() -> None:
    text = emit(full())["submit.py"].decode()
    compile(text, "submit.py", "exec")
    assert '"cron_expression": "TZ=UTC 0 0 3 * * *"' in text
    every = emit(plan(step("a"), schedule=Schedule(every=3600.0)))["submit.py"].decode()
    assert '"interval_second": 3600' in every
    assert "create_recurring_run" not in emit(GOOD)["submit.py"].decode()


def test_the_image_is_pinned_and_not_run_by_root() -> None:
    files = emit(GOOD)
    lines = files["Dockerfile"].decode().splitlines()
    assert re.fullmatch(r"FROM python:3\.\d+\.\d+-\S+", lines[1])
    assert "USER 65532:65532" in lines
    assert all(
        re.fullmatch(r"[A-Za-z0-9_-]+==[0-9.]+", line) for line in files["requirements.txt"].decode().splitlines()
    )


def test_pins_are_those_of_the_projects_constraints_and_leave_nothing_to_pip(root: Path) -> None:
    known = dict(line.split("==") for line in (root / "constraints.txt").read_text().split())
    normal = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in known.items()}
    for name, version in pins.PINS.items():
        assert normal[re.sub(r"[-_.]+", "-", name).lower()] == version
    wanted = pins.pinned(["duckdb>=1", "numpy>=2", "scikit-learn>=1", "optuna>=5", "skops>=0"])
    have = {re.sub(r"[-_.]+", "-", w.partition("==")[0]).lower() for w in wanted}
    for name in have:
        for needed in metadata.requires(name) or ():
            plain = re.split(r"[ \[<>=!~;(]", needed, maxsplit=1)[0]
            if ";" not in needed:
                assert re.sub(r"[-_.]+", "-", plain).lower() in have, f"{name} needs {needed}"


# --- sizes -------------------------------------------------------------------------------------------------------------


def chain(count: int) -> Plan:
    first = step("s0")
    rest = [step(f"s{i}", {"before": f"custom:s{i - 1}/result"}) for i in range(1, count)]
    return plan(first, *rest)


def test_a_hundred_steps_of_equal_resources_carry_the_runtime_once_and_stay_below_512_kib() -> None:
    files = emit(chain(100))
    assert len(files["pipeline.yaml"]) < 512 * 1024
    spec = documents(files)[0]
    assert list(spec["deploymentSpec"]["executors"]) == ["exec-steps"]
    for word in spec["deploymentSpec"]["executors"]["exec-steps"]["container"]["args"]:
        assert len(word) <= 96 * 1024


def test_size_grows_with_the_steps_and_no_faster_and_a_thousand_stay_below_one_mib() -> None:
    """With an image: 1.5 MiB is what Kubernetes keeps of an object, and the file is its largest part."""
    small, middle, large = (len(emit(chain(n), image="x")["pipeline.yaml"]) for n in (10, 100, 1000))
    assert (large - middle) / 900 == pytest.approx((middle - small) / 90, rel=0.1)
    assert large < 1024 * 1024


def test_equal_components_are_written_once_and_read_as_often_as_they_are_named() -> None:
    text = emit(chain(5), image="x")["pipeline.yaml"].decode()
    assert text.count("outputDefinitions") == 3, "the first step's, the others', and finish's"
    loaded = components.load_component_from_text(text).pipeline_spec.components
    assert sorted(loaded) == [
        "comp-custom-s0",
        *(f"comp-custom-s{i}" for i in range(1, 5)),
        "comp-finish",
        "comp-steps",
    ]
    assert loaded["comp-custom-s1"] == loaded["comp-custom-s4"] != loaded["comp-custom-s0"]


def test_a_step_of_so_many_inputs_that_no_argument_takes_them_is_refused() -> None:
    many = [step(f"s{i}") for i in range(120)]
    last = step("last", {f"s{i}": f"custom:s{i}/result" for i in range(120)})
    with pytest.raises(Refused, match=r"custom:last takes \d+ bytes"):
        emit(plan(*many, last), image="x")


def test_above_one_mib_an_image_is_asked_for() -> None:
    with pytest.raises(Refused, match=r"kubeflow 2\.17: pipeline\.yaml would have \d+ KiB") as refused:
        emit(plan(*(step(f"s{i}", resources=Resources(cpu=i)) for i in range(1, 10))))
    assert (refused.value.code, refused.value.name) == ("MLC7202", "kubeflow-too-large")
    assert "image" in (refused.value.help or "")
    emit(plan(*(step(f"s{i}", resources=Resources(cpu=i)) for i in range(1, 10))), image="x")


def test_a_long_slice_is_packed_and_a_longer_one_refused() -> None:
    long = plan(step("a", modules=tuple(f"m{i}.py" for i in range(4000))))
    text = documents(emit(long, image="x"))[0]["components"]["comp-steps"]["dag"]["tasks"]["custom-a"]
    assert text["inputs"]["parameters"]["step"]["runtimeValue"]["constant"].startswith("zlib:")
    noise = tuple(hashlib.sha256(str(i).encode()).hexdigest() for i in range(4000))
    with pytest.raises(Refused, match="a task is given at most 98304"):
        emit(plan(step("a", modules=noise)), image="x")


# --- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "name", "told"),
    [
        ({"imagge": "x"}, "kubeflow-option", "there is no option imagge"),
        ({"image": 3}, "kubeflow-option", "image is a string"),
        ({"caching": "yes"}, "kubeflow-option", "caching is a bool"),
        ({"labels": ["a"]}, "kubeflow-option", "KEY=VALUE"),
        ({"labels": [3]}, "kubeflow-option", "list:string"),
        ({"labels": ["a=b c"]}, "kubeflow-option", "KEY=VALUE"),
        ({"tolerations": ["gpu:Never"]}, "kubeflow-option", "NoSchedule"),
        ({"volumes": ["store"]}, "kubeflow-option", "CLAIM:/path"),
        ({"volumes": ["Store_1:/x"]}, "kubeflow-option", "name that Kubernetes takes"),
        ({"secret": "My Secret"}, "kubeflow-option", "name that Kubernetes takes"),
        ({"data_root": "data"}, "kubeflow-option", "absolute path"),
        ({"store": "gs://bucket/x"}, "kubeflow-store", "neither a folder nor s3://BUCKET/PREFIX"),
        ({"store": "s3://key:word@bucket/x"}, "kubeflow-store", "neither a folder nor s3://BUCKET/PREFIX"),
        ({"data_root": "gs://bucket/x"}, "kubeflow-store", "object stores are not read yet"),
    ],
)
def test_a_setting_that_the_cluster_would_choke_on_is_refused(values: dict[str, Any], name: str, told: str) -> None:
    with pytest.raises(Refused, match=re.escape(told)) as refused:
        emit(GOOD, **values)
    assert refused.value.name == name
    assert "kubeflow 2.17" in refused.value.message


# --- references --------------------------------------------------------------------------------------------------------


def _broken() -> list[tuple[str, Any, str]]:
    group = ("components", "comp-steps", "dag", "tasks")
    second = (*group, "custom-second")
    read = ("components", "comp-custom-second", "inputDefinitions", "artifacts", "in_1")
    status = ("root", "dag", "tasks", "finish", "inputs", "parameters", "status")
    origin = (*second, "inputs", "artifacts", "in_1", "taskOutputArtifact")
    return [
        ("component", ((*second, "componentRef", "name"), "nope"), "no component nope"),
        ("executor", (("components", "comp-custom-first", "executorLabel"), "nope"), "no executor nope"),
        ("producer", ((*origin, "producerTask"), "nope"), "no task here"),
        ("output", ((*origin, "outputArtifactKey"), "nope"), "no output nope"),
        ("type", ((*read, "artifactType", "schemaTitle"), "system.Model"), "another type"),
        ("dependency", ((*second, "dependentTasks"), ["nope"]), "which is no other task"),
        ("no dependency", ((*second, "dependentTasks"), []), "does not depend on it"),
        ("cycle", ((*group, "custom-first", "dependentTasks"), ["custom-second"]), "wait for each other"),
        ("parameter", ((*second, "inputs", "parameters", "p"), {"componentInputParameter": "nope"}), "no input here"),
        ("unknown parameter", ((*second, "inputs", "parameters", "z"), {"componentInputParameter": "p"}),
         "takes no parameter z"),
        ("status", (status, {"taskFinalStatus": {"producerTask": "x"}}), "the status of x"),
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), [(c, t) for _, c, t in _broken()], ids=[n for n, _, _ in _broken()])
def test_a_reference_that_leads_nowhere_is_found(change: tuple[tuple[str, ...], Any], told: str) -> None:
    """Such as pass the protobufs and the SDK's loader."""
    found = plan(*GOOD.pipelines[0].steps, params=(Param(name="p", type="int", default=1, where=HERE),))
    spec = documents(emit(found, image="x"))[0]
    assert references.dangling(spec) == []
    bad = copy.deepcopy(spec)
    path, value = change
    at = bad
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    json_format.ParseDict(bad, pipeline_spec_pb2.PipelineSpec())
    assert any(told in sentence for sentence in references.dangling(bad)), references.dangling(bad)


def test_an_input_that_nobody_gives_and_an_executor_that_nobody_uses_are_found() -> None:
    spec = documents(emit(GOOD, image="x"))[0]
    del spec["components"]["comp-steps"]["dag"]["tasks"]["custom-second"]["inputs"]["artifacts"]["in_1"]
    del spec["components"]["comp-steps"]["dag"]["tasks"]["custom-second"]["inputs"]["parameters"]["step"]
    spec["deploymentSpec"]["executors"]["idle"] = {"container": {"image": "x"}}
    told = "\n".join(references.dangling(spec))
    assert "artifact in_1 is not given" in told
    assert "parameter step is not given" in told
    assert "executor idle is used by no component" in told


# --- paths of artifacts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Artifact", "Dataset", "Model", "Metrics", "ClassificationMetrics", "HTML"])
@pytest.mark.parametrize(
    "uri",
    [
        "minio://mlpipeline/v2/a b/x",
        "s3://b/k/x",
        "gs://b/k",
        "oci://quay.io/org/m:1",
        "/tmp/x/y",
        "file:///x",
        "s3://b",
    ],
)
def test_paths_of_artifacts_are_the_sdks(kind: str, uri: str) -> None:
    for metadata_ in ({}, {"_kfp_workspace": True}):
        theirs = getattr(artifact_types, kind)(name="x", uri=uri, metadata=dict(metadata_)).path
        ours = {"name": "x", "uri": uri, "metadata": dict(metadata_), "type": {"schemaTitle": f"system.{kind}"}}
        assert message.path_of(ours) == theirs


@pytest.mark.parametrize("text", ["clean:{{$.inputs}}", "{{$.inputs.artifacts['x'].uri}}", "/kfp-workspace", "plain"])
def test_metadata_comes_back_to_the_next_task_as_it_was_and_no_placeholder(tmp_path: Path, text: str) -> None:
    """kfp.local replaces what it takes for a placeholder in a task's whole input, metadata of artifacts included."""
    found = message.Message(
        {
            "inputs": {"parameterValues": {"plan": slices.encode({"plan": {}, "pipeline": "p", "params": {}}),
                                           "step": slices.encode({"finish": True, "steps": []})}},
            "outputs": {"outputFile": str(tmp_path / "out.json"),
                        "artifacts": {"o": {"artifacts": [{"name": "o", "uri": str(tmp_path / "o")}]}}},
        }
    )  # fmt: skip
    (tmp_path / "file").write_text("x")
    found.output("o", tmp_path / "file", {"step": text, "in": [{"name": text}], "number": 0.5})
    found.close()
    (artifact,) = json.loads((tmp_path / "out.json").read_bytes())["artifacts"]["o"]["artifacts"]
    given = {"inputs": {"artifacts": {"in": {"artifacts": [artifact]}}}, "outputs": {"outputFile": "x"}}
    names = ("pipeline_resource_name", "task_resource_name", "pipeline_root")
    (word,) = placeholder_utils.replace_placeholders(["{{$}}"], given, *names, "unique")
    assert json.loads(word) == given
    assert "{{" not in word
    assert artifact["metadata"]["step"] == message.carried(text)
    assert message._plain(message._text(artifact["metadata"]["step"])) == text
    assert artifact["metadata"]["number"] == 0.5
