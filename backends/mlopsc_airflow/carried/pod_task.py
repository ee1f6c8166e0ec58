"""What a task does whose steps run in a pod: tells the pod what to run, and Airflow how it ended.

Copied into the folder of each pipeline and read from there by path, as task.py is. The pod reads its own copy of the folder,
in the image; both must be of one compilation.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"mlopsc_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


task: Any = _beside("task")


class PodTask(task.Task):  # type: ignore[misc]
    """`pods`: the DAG's operator that runs a pod; `more`: what it takes where a person is asked. `note` is what the last
    pod's container left: its exit code, the object that its step printed, the lines of its error."""

    def __init__(
        self, folder: Path, settings: dict[str, Any], context: Any, pods: Any, more: dict[str, Any] | None = None
    ) -> None:
        super().__init__(folder, settings, context)
        self.pods = pods
        self.more = more or {}
        self.note: tuple[int | None, dict[str, Any], str] = (None, {}, "")

    def pod(self, operator: Any, execute: Callable[[Any], Any]) -> dict[str, Any]:
        """Run the operator's steps in its pod: a reference to what they left in the store."""
        step = operator.step
        command = {None: "finish", "*": "run"}.get(step if not isinstance(step, list) else "", "step")
        steps = [] if step in (None, "*") else step if isinstance(step, list) else [step]
        found = self._run(operator, [command, *steps, "--"], execute)
        self.context["ti"].xcom_push(key="return_value", value=found)
        return found

    def ended(self, pod: Any) -> None:
        """Read what the pod's container came to. AirflowFailException for a verdict, Waiting for a decision that nobody took
        yet; any other end is for the caller to judge."""
        states = getattr(getattr(pod, "status", None), "container_statuses", None) or ()
        ended = next((s.state.terminated for s in states if s.name == "base" and s.state), None)
        if ended is None:
            return
        try:
            found = json.loads(ended.message or "")
            self.note = (ended.exit_code, dict(found["answer"]), str(found["told"]))
        except (ValueError, KeyError, TypeError):
            # An exit code without a note says nothing about the step: a crash, which the provider tells of and retries.
            self.note = (ended.exit_code, {}, ended.message or "")
            return
        code, answer, told = self.note
        if code == task.WAITING:
            self._ask(answer)
            raise task.Waiting(answer.get("message") or "the step waits")
        if code in task.VERDICTS:
            raise task.sdk().AirflowFailException(told or "the step failed")

    def _call(self, command: str, *words: str, needed: set[str]) -> dict[str, Any]:
        """What a worker would run as a process of its own, in a pod of its own: for a task that asks a person."""
        operator = self.pods(task_id="ask", step=None, **self.more)
        operator.running = self
        begin = [command, words[0], "--", *words[1:]] if command == "step" else [command, "--", *words]
        return self._run(operator, begin, operator.execute_sync)

    def _run(self, operator: Any, begin: list[str], execute: Callable[[Any], Any]) -> dict[str, Any]:
        digest = hashlib.sha256((self.folder / "plan.json").read_bytes()).hexdigest()
        operator.arguments = [digest, *begin, *self._common(begin[0])]
        airflow = task.sdk()
        try:
            execute(self.context)
        except BaseException as error:
            # The provider cleans up after a time-out as well, and may raise in its place.
            if isinstance(error, airflow.AirflowTaskTimeout) or isinstance(
                error.__context__, airflow.AirflowTaskTimeout
            ):
                operator.on_kill()
                what = " ".join(begin[:2])
                raise airflow.AirflowFailException(
                    f"MLC9033 step-timeout: {what} took longer than its timeout"
                ) from None
            raise
        answer = self.note[1]
        self._changed(answer)
        kept: dict[str, Any] = {name: answer[name] for name in ("id", "status", "outputs") if name in answer}
        return {"run": answer.get("run", self.run), **kept}

    def _common(self, command: str) -> list[str]:
        """The folder's own files are where the image has them: pod_step.py names them."""
        words = ["--store", self._place("store", "MLOPSC_STORE"), "--run", self.run]
        if command != "approve":
            words += ["--data", self._place("data", "MLOPSC_DATA"), "--params", json.dumps(self._params())]
        return words

    def _from(self, place: str) -> str:
        return place  # a path in the pod
