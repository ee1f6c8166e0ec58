"""What cache keys see, and what they do not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from mlopsc.runtime import fingerprint as fp
from mlopsc.runtime import keys
from mlopsc.runtime.errors import UsageError
from mlopsc.runtime.plan import bind, bind_params


def key(tmp_path: Path, **given: Any) -> str:
    step = {
        "kind": "custom",
        "settings": {"a": 1, "where": {"file": "f", "line": 1, "column": 1}},
        "outputs": {"r": "json"},
    }
    step |= given.pop("step", {})
    known: dict[str, Any] = {"inputs": {}, "packages": ["numpy"], "numeric": True, "modules_root": tmp_path}
    return keys.step_key(step, **(known | given))


def test_a_key_changes_with_all_that_a_result_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = key(tmp_path)
    assert key(tmp_path) == plain
    changed = [
        key(tmp_path, step={"settings": {"a": 2}}),
        key(tmp_path, inputs={"rows": "sha256:1"}),
        key(tmp_path, identity=["a"]),
        key(tmp_path, champion="1 sha256:2"),
        key(tmp_path, packages=["duckdb"]),
        key(tmp_path, step={"modules": ["absent.py"]}),
    ]
    monkeypatch.setattr(keys, "cpu_fingerprint", lambda: {"machine": "another"})
    changed.append(key(tmp_path))
    monkeypatch.setattr(keys, "runtime_digest", lambda: "sha256:other")
    changed.append(key(tmp_path, numeric=False))
    assert len({plain, *changed}) == len(changed) + 1


def test_a_key_does_not_see_lines(tmp_path: Path) -> None:
    moved = {"settings": {"a": 1, "where": {"file": "f", "line": 9, "column": 1}}}
    assert key(tmp_path, step=moved) == key(tmp_path)


def test_package_versions_are_those_of_the_installed_distributions() -> None:
    from importlib.metadata import version

    found = keys.versions(["numpy", "scikit-learn", "duckdb", "no-such-package"])
    assert found["no-such-package"] is None
    for name in ("numpy", "scikit-learn", "duckdb"):
        assert found[name] == version(name)


def test_the_runtimes_digest_is_the_same_wherever_it_is_copied_to(tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    shutil.copytree(Path(keys.__file__).parent, tmp_path / "mlopsc_runtime")
    code = "from mlopsc_runtime.keys import runtime_digest; print(runtime_digest())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == keys.runtime_digest()


def test_a_file_is_read_again_only_when_it_may_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, known = tmp_path / "a.csv", {}  # type: ignore[var-annotated]
    file.write_text("a")
    first = fp.fingerprint([file], known)
    reads: list[Path] = []
    plain = fp.digest_file
    monkeypatch.setattr(fp, "digest_file", lambda path: reads.append(path) or plain(path))
    assert fp.fingerprint([file], known) == first
    assert reads == [file], "a file that changed moments before it was hashed may have changed since"
    known[str(file)]["taken"] = time.time_ns() + 10 * 10**9
    assert fp.fingerprint([file], known) == first
    assert len(reads) == 1
    stamp = file.stat()
    file.write_text("b")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert fp.fingerprint([file], known) != first


def test_params_replace_numbers_and_literals_wherever_they_stand() -> None:
    settings = {"n": {"param": "k"}, "e": [{"op": "param", "name": "k", "type": "int"}], "text": "k"}
    assert bind(settings, {"k": 3}) == {"n": 3, "e": [{"op": "literal", "value": 3, "type": "int"}], "text": "k"}


def test_a_duration_param_holds_seconds_and_stands_in_expressions_as_microseconds() -> None:
    node = {"op": "param", "name": "horizon", "type": "duration"}
    assert bind(node, {"horizon": 1.5}) == {"op": "literal", "value": 1_500_000, "type": "duration"}
    assert bind({"within": {"param": "horizon"}}, {"horizon": 1.5}) == {"within": 1.5}


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("share", "30%", 0.3), ("share", "0.3", 0.3), ("int", "-1_000", -1000), ("float", "1e-3", 0.001),
        ("bool", "true", True), ("duration", "1.5h", 5400.0), ("size", "512MiB", 512 * 2**20), ("string", " x ", " x "),
        ("date", "2026-01-31", "2026-01-31"),
    ],
)  # fmt: skip
def test_a_params_text_is_read_by_its_type(type_: str, text: str, value: Any) -> None:
    plan = {"params": [{"name": "p", "type": type_, "default": None, "lo": None, "hi": None}]}
    assert bind_params(plan, {"p": text}) == {"p": value}


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [("int", 3.0, 3), ("size", 1e9, 10**9), ("share", 0, 0.0), ("duration", 60, 60.0), ("float", 2, 2.0), ("bool", False, False)],
)  # fmt: skip
def test_a_params_value_as_json_has_it_becomes_one_of_its_type(type_: str, given: Any, value: Any) -> None:
    plan = {"params": [{"name": "p", "type": type_, "default": None}]}
    bound = bind_params(plan, {"p": given})["p"]
    assert (bound, type(bound)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("int", 3.5), ("int", None), ("int", True), ("int", "3.5"), ("float", float("nan")), ("float", "1e999"),
        ("bool", 1), ("string", 3), ("category", None), ("date", 20260131), ("share", [0.1]), ("share", 1.5),
    ],
)  # fmt: skip
def test_a_params_value_of_another_type_is_refused_wherever_it_comes_from(type_: str, given: Any) -> None:
    param = {"name": "p", "type": type_, "default": "a", "lo": None, "hi": 1.0 if type_ == "share" else None}
    with pytest.raises(UsageError) as refused:
        bind_params({"params": [param]}, {"p": given})
    assert refused.value.code == "MLC9016"


def test_a_category_param_takes_its_levels_only() -> None:
    plan = {"params": [{"name": "p", "type": "category", "default": "free", "levels": ["free", "paid"]}]}
    assert bind_params(plan, {"p": "paid"}) == {"p": "paid"}
    with pytest.raises(UsageError, match="'nonsense' is not a level of param p") as refused:
        bind_params(plan, {"p": "nonsense"})
    assert (refused.value.code, refused.value.help) == ("MLC9016", "its levels are free, paid")
    with pytest.raises(UsageError) as near:
        bind_params(plan, {"p": "piad"})
    assert near.value.help == "did you mean paid?"
