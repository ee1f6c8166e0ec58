"""What the pod of a task runs: `pod_step.py PLAN_DIGEST COMMAND [STEP …] -- WORDS` calls step.py once for each step, in their
order, each in a process of its own.

Exits as step.py does, with 75 (a crash, to be tried again) where a signal ended the step. Values of secrets do not get into
the log. What is left for Airflow, in the container's termination message: {"answer": …, "told": …}, at most 4 KiB.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
CRASHED = 75
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
    code, answer, told_lines = CRASHED, dict[str, Any](), [""]
    for step in [[step] for step in steps] or [[]]:
        code, answer, told_lines = _child([command, *step, *words, *([] if command == "approve" else common)], secrets)
        if code != 0:
            break
    if command == "finish" and code in (1, 3):
        code = 0  # result.json is written, whatever the run came to
    return _left(code, answer, told_lines)


def _child(words: list[str], secrets: list[str]) -> tuple[int, dict[str, Any], list[str]]:
    process = subprocess.Popen(  # noqa: S603 - the command is the folder's own
        [sys.executable, str(FOLDER / "step.py"), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    # Process 1 of a pod has no handler for it, and Kubernetes would wait before it ends the pod.
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    answer: dict[str, Any] = {}
    told: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        for value in sorted(secrets, key=len, reverse=True):
            line = line.replace(value, "***")
        line = line.rstrip("\n")
        found = _object(line)
        if found is not None and ("id" in found or "version" in found):
            answer = found
        else:
            told.append(line)
        print(line, flush=True)
    code = process.wait()
    if code < 0:
        told.append(f"{' '.join(words[:2])} was ended by signal {signal.Signals(-code).name}")
    return (CRASHED if code < 0 else code), answer, told[-20:]


def _object(line: str) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        found = json.loads(line) if line.startswith("{") else None
        return found if isinstance(found, dict) else None
    return None


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
