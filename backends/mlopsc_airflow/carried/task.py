"""What a task of a compiled DAG does when it runs: starts a step in a Python of its own and says how it ended.

Copied into the folder of each pipeline and read from there by path, so that pipelines of several releases stand side by
side. Nothing of it runs when Airflow parses the DAG file.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import urllib.parse
from pathlib import Path
from typing import Any

VERDICTS = (1, 2)  # of the data, the model or the set-up: no retry changes them
WAITING = 3
_ASKED = "answer it among Airflow's required actions"  # for the channels of `notify`


_GRACE = 30.0  # seconds that the runner of all steps gets to close its run before it is killed


def beside(name: str) -> Any:
    """A module of this folder, by path: several pipelines' folders are read in one process."""
    spec = importlib.util.spec_from_file_location(f"mlopsc_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


step_process: Any = beside("step_process")


class Waiting(Exception):  # noqa: N818 - a step that waits for a person's decision
    pass


class Task:
    """One task's way to the step that it runs. `settings`: python, store, data of the DAG file, each None where it names
    none. `process` is what runs now, for `stop`."""

    def __init__(self, folder: Path, settings: dict[str, Any], context: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.context = context
        self.plan: dict[str, Any] = json.loads((folder / "plan.json").read_bytes())
        self.run = f"{context['dag'].dag_id}.{context['run_id']}"
        self.process: Any = None
        self._secrets: dict[str, str] = {}
        self._patience = 0.0

    def step(self, name: str | list[str] | None) -> dict[str, Any]:
        """Run a step, or take its finished work from the store: a reference to what it left there. Several run one after
        the other, each in a process of its own; "*" is all steps, as `mlopsc run` does them; None writes result.json of the
        run. AirflowFailException for a verdict, AirflowException for a crash, Waiting for a decision that nobody took yet."""
        if isinstance(name, list):
            return [self.step(one) for one in name][-1]
        if name is None:
            return self._call("finish", needed=self._channels())
        if name == "*":
            return self._call("run", needed=_names(self._steps()) | self._channels())
        step = self._step(name)
        if step["kind"] != "approve":
            return self._call("step", name, needed=_names(step))
        asked = [] if isinstance(self.context["task"], sdk().BaseSensorOperator) else [f"--decide={_ASKED}"]
        return self._call("step", name, *asked, needed=_names(step) | self._channels())

    def decided(self, name: str) -> dict[str, Any] | None:
        """What a decided approval left; None while nobody has decided. A rejection fails the task."""
        try:
            return self.step(name)
        except Waiting as waiting:
            print(waiting, flush=True)
            return None

    def _changed(self, found: dict[str, Any]) -> None:
        """Where the model was the champion before this run, nobody who waits for a new one is told: the task writes no asset.
        A step's summary may come from the cache, so it names the run; in the store's own spelling."""
        by = found.get("summary", {}).get("promoted_by")
        if by is not None and urllib.parse.unquote(by) != self.run:
            print("the champion is the one that it was: its asset is not updated", flush=True)
            self.context["task"].outlets = []

    def _ask(self, answer: dict[str, Any]) -> None:
        """What is decided on, in the form of Airflow's required actions: as plain text, in a block of code."""
        shown = answer.get("shown")
        if shown:
            lines = "".join(f"    {' '.join(str(line).split())}\n" for line in shown)
            self.context["task"].body = f"To be decided, as recorded in run {self.run}:\n\n{lines}"

    def answered(self, name: str, by: list[str], event: dict[str, Any]) -> dict[str, Any] | None:
        """Write a person's answer into the store, which is what counts; None where it has to be asked again, because the
        person is none of `by`."""
        if "error" in event:
            if self.decided(name) is None:
                raise sdk().AirflowFailException(f"{name}: nobody decided in time")
            return self.decided(name)
        user = event["responded_by_user"] or {}
        known = [user[key] for key in ("name", "id") if user.get(key) in by]
        if not known:
            print(f"{user.get('name') or 'somebody unknown'} may not decide on {name}; one of {', '.join(by)} may")
            return self.decided(name)
        reason = str((event.get("params_input") or {}).get(self._reason()) or "").strip() or "decided in Airflow"
        reject = ["--reject"] if "Reject" in event["chosen_options"] else []
        words = [name.partition(":")[2], f"--by={known[0]}", f"--reason={reason}", *reject]
        self._call("approve", *words, needed=set())
        return self.step(name)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop(self._patience)

    def _reason(self) -> str:
        """The form's field, whose name no param of the spec has: Airflow would take the one for the other."""
        found = "reason"
        while any(param["name"] == found for param in self.plan["params"]):
            found += "_"
        return found

    def _steps(self) -> list[dict[str, Any]]:
        return list(self.plan["pipelines"][0]["steps"])

    def _channels(self) -> set[str]:
        """What the channels of `notify` are reached with."""
        told = self.plan["pipelines"][0]["notify"]
        return _names([channel for channel in self.plan["channels"] if channel["name"] in told])

    def _call(self, command: str, *words: str, needed: set[str]) -> dict[str, Any]:
        """What the command answered decides; without an answer it crashed. `finish` has done its work once it answers with
        a result, whatever the run came to."""
        environment = self._environment(needed)
        self._patience = _GRACE if command == "run" else 0.0
        limit = self._step(words[0]).get("timeout") if command == "step" else None
        airflow = sdk()
        try:
            ended = self._child([command, *words, *self._common(command)], environment, limit)
        except (step_process.Late, airflow.AirflowTaskTimeout):
            raise airflow.AirflowFailException(self._late(command, words, environment)) from None
        if ended.how:
            raise airflow.AirflowException(self._lost(command, words, environment, ended.how))
        if ended.code == 0 or (command == "finish" and ended.answer):
            self._changed(ended.answer)
            return self._reference(ended.answer)
        told = "\n".join(ended.told)
        if ended.code == WAITING:
            self._ask(ended.answer)
            raise Waiting(ended.hide(ended.answer.get("message") or f"{' '.join([command, *words[:1]])} waits"))
        if ended.code in VERDICTS:
            raise airflow.AirflowFailException(told or f"{command} failed")
        raise airflow.AirflowException(told or f"{command} crashed")

    def _step(self, name: str) -> dict[str, Any]:
        return next(step for step in self._steps() if step["id"] == name)

    def _late(self, command: str, words: tuple[str, ...], environment: dict[str, str]) -> str:
        """The error of a step that took too long, which the store then has, too."""
        if command != "step":
            return f"error[MLC9033] step-timeout: {command} took longer than its timeout"
        given = getattr(self.context["task"], "execution_timeout", None)
        limit = self._step(words[0]).get("timeout") or (given.total_seconds() if given else 0.0)
        told = f"error[MLC9033] step-timeout: {words[0]} took longer than its timeout of {limit:g} s"
        return self._recorded(words[0], environment, "--how=late", f"--limit={limit}") or told

    def _lost(self, command: str, words: tuple[str, ...], environment: dict[str, str], how: str) -> str:
        """The error of a process that gave no answer; a step's is left in the store for the tasks that follow."""
        what = words[0] if command == "step" else command
        told = f"error[MLC9010] step-crashed: {what} crashed: {how}"
        return (self._recorded(what, environment, f"--how={how}") if command == "step" else "") or told

    def _recorded(self, step: str, environment: dict[str, str], *words: str) -> str:
        """Have the store told how a step ended that could not; the lines of its error, empty where that failed."""
        try:
            ended = self._child(["lost", step, *words, *self._common("lost")], environment, _GRACE)
        except (step_process.Late, sdk().AirflowTaskTimeout):
            return ""
        return "\n".join(ended.told) if ended.code == 0 else ""

    def _common(self, command: str) -> list[str]:
        words = ["--store", self._place("store", "MLOPSC_STORE"), "--run", self.run]
        if command != "approve":
            words += ["--plan", str(self.folder / "plan.json"), "--modules", str(self.folder / "modules")]
            words += ["--data", self._place("data", "MLOPSC_DATA"), "--params", json.dumps(self._params())]
            words += ["--packages", str(self.folder / "requirements.txt")]
        return words

    def _place(self, name: str, variable: str) -> str:
        """A folder or an object store's URL: of the environment, else the DAG file's."""
        found = os.environ.get(variable) or self.settings[name]
        if found:
            return found if "://" in found else self._from(found)
        if name == "data" and not any(_reads_files(step) for step in self._steps()):
            return str(self.folder)
        option, code = {"store": ("store", "MLC9001 no-store"), "data": ("data_root", "MLC9074 no-data-folder")}[name]
        raise sdk().AirflowFailException(
            f"error[{code}]: no place of the {name} is known: set {variable} for the workers, or {option} in the spec's "
            "target airflow"
        )

    def _from(self, place: str) -> str:
        """A relative path starts where the DAG file is."""
        return str(self.folder.parent / place)

    def _python(self) -> str:
        named = self.settings["python"] or sys.executable
        base = shutil.which(os.path.expanduser(named))
        if base is None:
            raise sdk().AirflowFailException(
                f"error[MLC9075] no-interpreter: this worker has no program {named}: correct `python` in the spec's target "
                "airflow, or install it there"
            )
        if not self.settings.get("virtualenv"):
            return base
        module = beside("task_environment")
        try:
            return str(module.python_with(self.folder / "requirements.txt", base, _die_with_parent))
        except module.Failed as failed:
            kind = sdk().AirflowFailException if failed.final else sdk().AirflowException
            raise kind(str(failed)) from None

    def _params(self) -> dict[str, Any]:
        """The run's params, and what else it was configured with: the runtime refuses a name that it does not know."""
        given = dict(self.context["params"])
        declared = {p["name"]: given[p["name"]] for p in self.plan["params"] if p["name"] in given}
        configured = getattr(self.context.get("dag_run"), "conf", None) or {}
        return {**configured, **declared}

    def _environment(self, needed: set[str]) -> dict[str, str]:
        """The worker's environment without Airflow's own settings, and what the step's `secret` and `env` name."""
        found = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW__")}
        secrets = _named(self.plan, "secret")
        for name in sorted(needed):
            value = _lookup(name, connections=name in secrets)
            if value is None:
                continue
            found[name] = value
            if name in secrets and value:
                self._secrets[name] = value
        for name in secrets & found.keys():
            self._secrets[name] = found[name]
        return found

    def _child(self, words: list[str], environment: dict[str, str], limit: float | None) -> Any:
        """The process of step.py with these words, once it has ended."""
        command = [self._python(), str(self.folder / "step.py"), *words]
        self.process = step_process.StepProcess(
            command, self._secrets.values(), env=environment, preexec_fn=_die_with_parent
        )
        try:
            self.process.run(limit, self._patience)
        except OSError as error:
            told = f"error[MLC9075] no-interpreter: {command[0]} cannot be started: {error.strerror}"
            raise sdk().AirflowFailException(told) from None
        answer = self.process.answer
        shown = " ".join(str(answer[key]) for key in ("id", "run", "status", "summary") if answer.get(key))
        if shown and words[0] != "lost":
            print(self.process.hide(shown), flush=True)
        return self.process

    def _reference(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What goes into XCom: names, digests and the process that did the work, never content."""
        kept: dict[str, Any] = {name: answer[name] for name in ("id", "status", "outputs") if name in answer}
        return {"run": answer.get("run", self.run), "pid": self.process.process.pid, **kept}


def _die_with_parent() -> None:
    """A worker that is killed takes its step along; the retry then starts with nobody at work (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _lookup(name: str, *, connections: bool) -> str | None:
    """The Airflow variable of that name, else the password of the connection of that name; None where there is neither."""
    airflow = sdk()
    found = _variable(airflow, name)
    if found is None and connections:
        try:
            found = airflow.BaseHook.get_connection(name).password
        except Exception:  # noqa: BLE001 - which error says that there is none differs between releases of Airflow
            return None
    return found


def _variable(sdk: Any, name: str) -> str | None:
    try:
        found = sdk.Variable.get(name)
    except Exception:  # noqa: BLE001 - as above
        return None
    return None if found is None else str(found)


def _reads_files(step: dict[str, Any]) -> bool:
    """Whether a step may read a file by a path that is relative to the data folder."""
    source = step["settings"].get("source") or {}
    return bool(source.get("path") or (source.get("connection") or {}).get("kind") in ("sqlite", "duckdb"))


def _names(value: Any) -> set[str]:
    return _named(value, "secret") | _named(value, "env")


def _named(value: Any, what: str) -> set[str]:
    """Every NAME of a {"secret": NAME} or {"env": NAME} in it."""
    if isinstance(value, dict):
        if value.keys() == {what} and isinstance(value[what], str):
            return {value[what]}
        return set().union(*(_named(item, what) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_named(item, what) for item in value))
    return set()


def sdk() -> Any:
    """Airflow's classes, by the names that 2 and 3 share; read only in a worker."""
    return importlib.import_module("airflow.providers.common.compat.sdk")
