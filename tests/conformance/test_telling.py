"""Every target tells a channel of a failed run, once, and the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import compiled
from pieces import people, spec, to_csv
from sinks import web
from target import adapter

from mlopsc.target import registry


@pytest.mark.parametrize("target", registry.names())
def test_a_failed_gate_is_told_by_every_target_alike(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "d.csv").write_text(to_csv(people(60)))
    with web() as sink:
        text = spec(
            gate="require accuracy >= 99.9%", pipeline="notify = [c]", more=f'channel c = webhook("{sink.url()}")'
        )
        (tmp_path / "s.mlops").write_text(text)
        done = compiled(tmp_path / "s.mlops", target, tmp_path / "out")
        assert done.returncode == 0, done.stdout + done.stderr
        ran = adapter(target).run(tmp_path / "out", tmp_path, store=tmp_path / "store", data=tmp_path, params={})
    assert (ran.ok, ran.result["status"]) == (False, "failed")
    (told,) = sink.bodies()
    rule = ran.result["gates"]["g"]["rules"][0]
    assert (told["version"], told["pipeline"], told["run"], told["status"]) == (1, "p", ran.result["run"], "failed")
    expected: dict[str, Any] = {
        "step": "gate:g", "code": "MLC9050", "name": "gate-failed", "file": "s.mlops", "line": rule["line"],
        "rule": rule["rule"], "value": rule["value"], "threshold": 0.999, "help": None,
    }  # fmt: skip
    (failure,) = told["failures"]
    assert {name: failure[name] for name in expected} == expected
    assert failure["message"].startswith("gate g: accuracy >= 99.9% does not hold")
