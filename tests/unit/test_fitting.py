"""How a spec fits a target beyond features: options, names, tags, options that exclude a feature, files out of reach."""

from __future__ import annotations

import pytest

from mlopsc.driver.check import check_file
from mlopsc.driver.spec import SpecFile
from mlopsc.driver.support import lacking
from mlopsc.target import kubernetes

SPEC = """
edition 2026
pipeline p { about = "x"; tags = [TAGS] }
target airflow { OPTIONS }
data `a b` { source = csv("x.csv")
  columns { x : int; y : bool } }
data OTHER { source = csv("y.csv")
  columns { x : int } }
features f from `a b` { x }
model m from f { target = y; algorithm = logistic_regression() }
gate g on m { require roc_auc >= 0.6; approval = manual(by = ["lead"]) }
"""


def found(
    options: str = "", other: str = "c", tags: str = '"t"', target: str = "airflow"
) -> list[tuple[str, int, str]]:
    text = SPEC.replace("OPTIONS", options).replace("OTHER", other).replace("TAGS", tags)
    spec = SpecFile(label="s.mlops", folder=".", name="s.mlops", content=text.encode())
    told = lacking(check_file(spec, target=target), target)
    return [(item.code, item.place.start.line, item.message) for item in told]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("pol = 1", "Target airflow has no option pol."),
        ('tasks = "blocks"', "The option tasks of target airflow is one of step, block, one."),
        ('pool = "a b"', "The option pool of target airflow is letters, digits, `_`, `-` and `.`."),
        ("queue = 3", "The option queue of target airflow is a string."),
        ('python = ""', "The option python of target airflow is a text that is not empty; leave it out instead."),
        ('image = ""', "The option image of target airflow is a text that is not empty; leave it out instead."),
        ('store = ""', "The option store of target airflow is a folder or s3://BUCKET/PREFIX."),
        ('data_root = ""', "The option data_root of target airflow is a folder."),
        ('data_root = "s3://lake/in"', "The option data_root of target airflow is a folder."),
        ("namespace = ml", "The option namespace of target airflow is only for steps in pods, which `image` gives."),
    ],
)
def test_an_option_that_the_target_has_not_or_cannot_read_is_an_error(options: str, message: str) -> None:
    assert found(options) == [("MLC7006", 4, message)]


def test_two_names_that_become_one_id_are_an_error_naming_both() -> None:
    (clash,) = found(other="a_b")
    assert clash[:2] == ("MLC7101", 7)
    assert "both a b and a_b" in clash[2]
    assert found(other="a_b", target="local") == []


def test_a_name_or_a_tag_longer_than_the_target_takes_is_an_error() -> None:
    assert [f[0] for f in found(other="x" * 201)] == ["MLC7101"]
    assert [f[0] for f in found(tags=f'"{"x" * 101}"')] == ["MLC7004"]


def test_an_option_excludes_a_feature() -> None:
    ((code, line, message),) = found("tasks = one")
    assert (code, line) == ("MLC7004", 11)
    assert "approval" in message


def test_a_fitting_spec_has_no_findings() -> None:
    assert (
        found('pool = "ml"; queue = "q"; tasks = step; python = "/usr/bin/python3"; store = "/s"; data_root = "/d"')
        == []
    )


REMOTE = """
edition 2026
pipeline p { about = "x" }
OPTIONS
connection lite = sqlite(path = "x.db")
data a { source = csv("x.csv")
  columns { x : int; y : bool } }
data b { source = parquet("/mnt/y.parquet")
  columns { x : int } }
data c { source = table(lite, "t")
  columns { x : int } }
data d { source = python("mine:rows")
  columns { x : int } }
"""


def remote(options: str, target: str = "kubeflow") -> list[tuple[str, str, int]]:
    spec = SpecFile(label="s.mlops", folder=".", name="s.mlops", content=REMOTE.replace("OPTIONS", options).encode())
    told = lacking(check_file(spec, target=target), target)
    return [(item.code, item.severity, item.place.start.line) for item in told if item.code != "MLC7004"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [("MLC7008", "warning", 3), ("MLC7007", "warning", 6), ("MLC7007", "warning", 10)]),
        ('target kubeflow { image = "x"; store = "/s" }', [("MLC7007", "warning", 6), ("MLC7007", "warning", 10)]),
        ('target kubeflow { image = "x"; data_root = "/d" }', [("MLC7008", "warning", 4)]),
        ('target kubeflow { data_root = "/d"; store = "/s"; volumes = ["a:/d"]; approval_wait = 3d }', []),
    ],
)
def test_where_steps_run_in_pods_a_relative_file_and_an_unnamed_store_are_told(
    options: str, expected: list[tuple[str, str, int]]
) -> None:
    """Only where the target's block names neither; absolute paths, addresses and modules are no files of the spec's folder."""
    assert remote(options) == expected
    assert remote(options.replace("kubeflow", "local").replace('image = "x";', ""), "local") == [
        ("MLC7006", "error", 4) for word in ("volumes", "approval_wait") if word in options
    ]


WRONG = {
    'volumes = ["c"]': "CLAIM:/path",
    'volumes = ["C_x:/mnt"]': "a name that Kubernetes takes",
    'volumes = ["a:/mnt", "b:/mnt/"]': "each at a path of its own",
    'volumes = ["a:/opt"]': "at no path of the pod's own, as /opt/step is",
    'volumes = ["a:/opt/step/x"]': "at no path of the pod's own",
    'data_root = "rel"': "an absolute path in the pod",
    'data_root = "/a/../b"': "an absolute path in the pod",
    'data_root = "s3://bucket/x"': "is a folder",
    'store = "rel"': "an absolute path in the pod",
    'store = "s3://Bad_B/x"': "a folder or s3://BUCKET/PREFIX",
    'tolerations = ["x"]': "KEY[=VALUE]:EFFECT",
    'labels = ["a b=c"]': "KEY=VALUE",
    'labels = ["pipelines.kubeflow.org/x=1"]': "under no prefix of KFP's own",
    'node_selector = ["x"]': "KEY=VALUE",
    'secret = "Bad Name"': "a name that Kubernetes takes",
    'accelerator = "a b"': "the name of a resource",
    "approval_wait = 0s": "longer than 0s",
    "approval_wait = 7": "is a duration, and 7 has no unit",
    "approval_wait = 7.5": "is a duration, and 7.5 has no unit",
    'image = ""': "not empty",
    'image = "a b"': "the name of an image",
    'image = "a\\nb"': "the name of an image",
    'image = "r.example.com/Upper:1"': "the name of an image",
    'base_image = "python:{{x}}"': "the name of an image",
}


@pytest.mark.parametrize(("wrong", "told"), WRONG.items())
def test_what_compile_would_refuse_is_told_at_its_place_by_check(wrong: str, told: str) -> None:
    text = REMOTE.replace("OPTIONS", f"target kubeflow {{ {wrong} }}")
    spec = SpecFile(label="s.mlops", folder=".", name="s.mlops", content=text.encode())
    (item,) = [item for item in lacking(check_file(spec, target="kubeflow"), "kubeflow") if item.code == "MLC7006"]
    assert told in item.message
    assert item.place.start.line == 4


GOOD = [
    "a", "a/b:1", "localhost:5000/a", "registry.example.com:443/team/a__b-c.d:V1.2", "Registry.Example.com/a",
    "a@sha256:" + "0" * 64, "python:3.11.13-slim-bookworm", "ghcr.io/o/r:latest@sha256:" + "a" * 64,
]  # fmt: skip


@pytest.mark.parametrize("image", GOOD)
def test_an_image_is_named_as_registries_read_it(image: str) -> None:
    assert kubernetes.image("image", image) == image


@pytest.mark.parametrize("wrong", ["volumes = 3", "volumes = [3]", 'volumes = "a:/b"', 'approval_wait = "3d"'])
def test_an_option_of_a_list_or_a_duration_is_held_to_its_kind(wrong: str) -> None:
    assert ("MLC7006", "error", 4) in remote(f"target kubeflow {{ {wrong} }}")


@pytest.mark.parametrize(("length", "codes"), [(150, []), (151, [("MLC7004", 3)]), (260, [("MLC7004", 3)])])
def test_a_pipelines_name_has_room_beside_the_time_of_a_run(length: int, codes: list[tuple[str, int]]) -> None:
    text = SPEC.replace("OPTIONS", "").replace("OTHER", "c").replace("TAGS", '"t"')
    text = text.replace("pipeline p ", f"pipeline {'p' * length} ")
    spec = SpecFile(label="s.mlops", folder=".", name="s.mlops", content=text.encode())
    told = lacking(check_file(spec, target="airflow"), "airflow")
    assert [(item.code, item.place.start.line) for item in told if item.severity == "error"] == codes
