"""Every installed back end is held to the same: its folder is deterministic, valid to the real thing, and gives what the
local runner gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import Case, names
from conformance_summary import PROPERTY, Note
from conftest import compiled
from runs import Reference, outputs
from target import Ran, adapter

from mlopsc.target import registry

TARGETS = registry.names()
CASES = names()
PLANTED = "odd"
MEASURED = ("latency", "train_time")

Gaps = Callable[[str, str], list[str]]


def beyond(gaps: Gaps, case: Case, target: str) -> bool:
    """Whether the target declares to lack something of the spec: compiling for it is then refused by each feature's name.
    `local` is where specs are tried out: it runs them without."""
    lacks = [] if target == "local" else gaps(case.name, target)
    if lacks:
        done = compiled(case.spec, target, case.spec.parent / "refused")
        assert done.returncode == 1
        assert not (case.spec.parent / "refused").exists()
        for feature in lacks:
            assert f"({feature}: " in done.stdout + done.stderr
        assert "MLC7004" in done.stdout + done.stderr
    return bool(lacks)


@pytest.fixture
def note(request: pytest.FixtureRequest, record_property: Callable[[str, Any], None]) -> Iterator[Note]:
    """note(tasks=…): what this test of a spec on a target came to, for the summary. It is told however the test ends."""
    told = {"spec": request.node.callspec.params["name"], "target": request.node.callspec.params["target"]}
    record_property(PROPERTY, told)
    return told.update


every_target = pytest.mark.parametrize("target", TARGETS)
# The local target's artifacts never leave its store, and it is the reference.
every_orchestrator = pytest.mark.parametrize("target", [name for name in TARGETS if name != "local"])


@every_target
@pytest.mark.parametrize("name", CASES)
def test_the_same_spec_gives_the_same_bytes_wherever_it_is_compiled(
    target: str,
    name: str,
    case: Callable[[str], Case],
    gaps: Gaps,
    emitted: Callable[[str, str], Path],
    tmp_path: Path,
    note: Note,
) -> None:
    """Twice, with other hash seeds and from other folders."""
    if beyond(gaps, case(name), target):
        note(gaps=gaps(name, target))
        return
    first = emitted(name, target)
    spec = case(name).spec
    other = first.with_name(f"{target}-again")
    done = compiled(spec, target, other, PYTHONHASHSEED="4711", HOME=str(tmp_path), LC_ALL="C", TZ="Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    assert contents(other) == contents(first)
    paths = [p for p, data in contents(first).items() if str(spec.parent).encode() in data]
    assert paths == [], "an absolute path stands in a file"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@every_target
@pytest.mark.parametrize("name", CASES)
def test_the_folder_is_valid_and_the_real_software_loads_it(
    target: str, name: str, case: Callable[[str], Case], gaps: Gaps, emitted: Callable[[str, str], Path], note: Note
) -> None:
    if beyond(gaps, case(name), target):
        note(gaps=gaps(name, target))
        return
    folder = emitted(name, target)
    adapter(target).parse(folder)
    assert sorted(adapter(target).load(folder)) == sorted(steps_of(folder))


@every_target
@pytest.mark.parametrize("name", CASES)
def test_a_run_gives_what_the_local_runner_gives(
    target: str,
    name: str,
    case: Callable[[str], Case],
    emitted: Callable[[str, str], Path],
    reference: Callable[[str], Reference],
    gaps: Gaps,
    tmp_path: Path,
    note: Note,
) -> None:
    """Digests included, of every artifact; and each step ran in a process of its own, nothing taken from a cache."""
    if beyond(gaps, case(name), target):
        note(gaps=gaps(name, target))
        return
    found = case(name)
    folder, expected = emitted(name, target), reference(name)
    store = expected.store(tmp_path)
    ran = adapter(target).run(
        folder, tmp_path, store=store, data=found.spec.parent, params=found.params, answers=found.answers, env=found.env
    )
    assert comparable(ran.result) == comparable(expected.result), ran.log[-3000:]
    assert ran.ok is (expected.result["status"] == "succeeded")
    own_processes(ran)
    theirs, ours = steady(outputs(store, ran.result["run"])), steady(expected.outputs)
    assert theirs == ours
    note(tasks=len(ran.tasks or ()), artifacts=len(ours))


def steady(digests: dict[str, str]) -> dict[str, str]:
    """Without the report of validation: `freshness` is a time since now."""
    return {artifact: digest for artifact, digest in digests.items() if not artifact.startswith("validate:")}


def own_processes(ran: Ran) -> None:
    if ran.tasks is None:
        return
    done = [s["id"] for s in ran.result["steps"] if s["status"] == "done"]
    assert sorted(task.step for task in ran.tasks) == sorted(done)
    assert len({task.pid for task in ran.tasks}) == len(done)
    assert not any(task.cached for task in ran.tasks)


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """All of a result but run id, seconds, and rules over measured times."""
    steps = [(s["id"], s["status"], (s["error"] or {}).get("code")) for s in result["steps"]]
    gates = {}
    for gate, verdict in result["gates"].items():
        rules = [r for r in verdict["rules"] if not r["rule"].startswith(MEASURED)]
        gates[gate] = {**verdict, "rules": rules}
    same = {k: v for k, v in result.items() if k not in ("run", "seconds", "steps", "gates")}
    return {**same, "steps": steps, "gates": gates}


@every_orchestrator
def test_a_planted_change_to_one_steps_output_is_found(
    target: str, case: Callable[[str], Case], emitted: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """It is no damage that a reader would meet: a report with another number in it, still JSON. Only its digest tells."""
    name = PLANTED
    step = next(s for s in steps_of(emitted(name, target)) if s.startswith("ingest:"))
    found = case(name)
    ran = adapter(target).run(
        emitted(name, target), tmp_path, store=tmp_path / "store", data=found.spec.parent, params={}, break_step=step
    )
    assert not ran.ok
    assert ran.result["status"] == "failed"
    judged = next(s for s in ran.result["steps"] if s["id"] == step.replace("ingest:", "validate:"))
    assert judged["status"] in ("failed", "skipped")
    assert not any(m["promoted"] for m in ran.result["models"].values())


def steps_of(folder: Path) -> list[str]:
    (plan,) = folder.rglob("plan.json")
    return [s["id"] for s in json.loads(plan.read_bytes())["pipelines"][0]["steps"]]
