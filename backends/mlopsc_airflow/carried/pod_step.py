"""What the pod of a task runs: `pod_step.py PLAN_DIGEST COMMAND [STEP …] -- WORDS` calls step.py once for each step, in their
order, each in a process of its own.

Exits as the step answered, with 75 (a crash, to be tried again) where its process ended without an answer. Values of
secrets do not get into the log. What is left for Airflow, in the container's termination message:
{"answer": …, "told": …}, at most 4 KiB.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

step_process: Any = importlib.import_module("step_process")  # beside this program

FOLDER = Path(__file__).resolve().parent
GRACE = 20.0  # seconds, of the 30 that Kubernetes gives, for the runner of all steps to close its run
LONGEST = 3500  # bytes of a termination message; Kubernetes keeps 4096
NOTE = Path(os.environ.get("MLOPSC_TERMINATION_LOG", "/dev/termination-log"))


def main(argv: list[str]) -> int:
    digest, command, *rest = argv
    steps, words = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    plan = (FOLDER / "plan.json").read_bytes()
    found = hashlib.sha256(plan).hexdigest()
    if found != digest:
        told = f"MLC9072 other-image: the image was built from plan {found[:12]}, the DAG runs {digest[:12]}; build it again"
        print(f"error[{told}", flush=True)
        return _left(2, {}, [told])
    secrets = [os.environ[name] for name in named(json.loads(plan), "secret") if os.environ.get(name)]
    common = ["--plan", str(FOLDER / "plan.json"), "--modules", str(FOLDER / "modules")]
    common += ["--packages", str(FOLDER / "requirements.txt")]
    code, answer, told_lines = step_process.CRASHED, dict[str, Any](), list[str]()
    for step in [[step] for step in steps] or [[]]:
        own = [*words, *([] if command == "approve" else common)]
        ended = _child([command, *step, *own], secrets)
        code, answer, told_lines = ended.code, ended.answer, ended.told
        if ended.how:
            told_lines = _lost(command, step, own, secrets, ended.how)
        if code != 0:
            break
    if command == "finish" and answer:
        code = 0  # result.json is written, whatever the run came to
    return _left(code, answer, told_lines)


def _child(words: list[str], secrets: list[str]) -> Any:
    process = step_process.StepProcess([sys.executable, str(FOLDER / "step.py"), *words], secrets)
    # Process 1 of a pod has no handler for it, and Kubernetes would wait before it ends the pod.
    signal.signal(signal.SIGTERM, lambda *_: process.stop(GRACE if words[0] == "run" else 0.0))
    process.run()
    return process


def _lost(command: str, step: list[str], own: list[str], secrets: list[str], how: str) -> list[str]:
    """The lines of the error of a process that gave no answer; a step's is left in the store for what follows."""
    if command == "step":
        recorded = _child(
            ["lost", *step, f"--how={how}", *[word for word in own if not word.startswith("--decide")]], secrets
        )
        if recorded.code == 0:
            return list(recorded.told)
    told = [f"error[MLC9010] step-crashed: {' '.join(step) or command} crashed: {how}"]
    print(told[0], flush=True)
    return told


def _left(code: int, answer: dict[str, Any], told: list[str]) -> int:
    kept = {
        name: answer[name]
        for name in ("id", "run", "status", "outputs", "summary", "message", "shown")
        if name in answer
    }
    note = json.dumps({"answer": kept, "told": "\n".join(told)[-1500:]})
    for name in ("shown", "outputs", "summary", "message"):
        if len(note) > LONGEST:
            kept.pop(name, None)
            note = json.dumps({"answer": kept, "told": "\n".join(told)[-500:]})
    with contextlib.suppress(OSError):
        NOTE.write_text(note, encoding="ascii")
    return code


def named(value: Any, what: str) -> set[str]:
    """Every NAME of a {"secret": NAME} or {"env": NAME} in it."""
    if isinstance(value, dict):
        if value.keys() == {what} and isinstance(value[what], str):
            return {value[what]}
        return set().union(*(named(item, what) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(named(item, what) for item in value))
    return set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
