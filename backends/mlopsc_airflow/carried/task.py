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
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import Any

VERDICTS = (1, 2)  # of the data, the model or the set-up: no retry changes them
WAITING = 3
_ASKED = "answer it among Airflow's required actions"  # for the channels of `notify`


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
        self.process: subprocess.Popen[str] | None = None
        self._secrets: dict[str, str] = {}

    def step(self, name: str | list[str] | None) -> dict[str, Any]:
        """Run a step, or take its finished work from the store: a reference to what it left there. Several run one after
        the other, each in a process of its own; "*" is all steps, as `mlopsc run` does them; None writes result.json of the
        run. AirflowFailException for a verdict, AirflowException for a crash, Waiting for a decision that nobody took yet."""
        if isinstance(name, list):
            return [self.step(one) for one in name][-1]
        if name is None:
            return self._call("finish", needed=self._channels(), ok=(0, 1, 3))
        if name == "*":
            return self._call("run", needed=_names(self._steps()) | self._channels())
        step = next(s for s in self._steps() if s["id"] == name)
        if step["kind"] != "approve":
            return self._call("step", name, needed=_names(step))
        asked = [] if isinstance(self.context["task"], sdk().BaseSensorOperator) else ["--decide", _ASKED]
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
        reason = (event.get("params_input") or {}).get("reason") or "decided in Airflow"
        reject = ["--reject"] if "Reject" in event["chosen_options"] else []
        words = [name.partition(":")[2], "--by", known[0], "--reason", reason, *reject]
        self._call("approve", *words, needed=set())
        return self.step(name)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def _steps(self) -> list[dict[str, Any]]:
        return list(self.plan["pipelines"][0]["steps"])

    def _channels(self) -> set[str]:
        """What the channels of `notify` are reached with."""
        told = self.plan["pipelines"][0]["notify"]
        return _names([channel for channel in self.plan["channels"] if channel["name"] in told])

    def _call(self, command: str, *words: str, needed: set[str], ok: tuple[int, ...] = (0,)) -> dict[str, Any]:
        code, answer, told = self._child([command, *words, *self._common(command)], self._environment(needed))
        if code in ok:
            self._changed(answer)
            return self._reference(answer)
        what = " ".join([command, *words[:1]])
        airflow = sdk()
        if code == WAITING:
            self._ask(answer)
            raise Waiting(answer.get("message") or f"{what} waits")
        if code in VERDICTS:
            raise airflow.AirflowFailException("\n".join(told) or f"{what} failed")
        ended = f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise airflow.AirflowException("\n".join(told) or f"{what} {ended}")

    def _common(self, command: str) -> list[str]:
        words = ["--store", self._place("store", "MLOPSC_STORE")]
        if command != "run":
            words += ["--run", self.run]
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
        base: str = self.settings["python"] or sys.executable
        if not self.settings.get("virtualenv"):
            return base
        spec = importlib.util.spec_from_file_location("mlopsc_environment", self.folder / "task_environment.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        try:
            return str(module.python_with(self.folder / "requirements.txt", base, _die_with_parent))
        except module.Failed as failed:
            raise sdk().AirflowException(str(failed)) from None

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

    def _child(self, words: list[str], environment: dict[str, str]) -> tuple[int, dict[str, Any], list[str]]:
        """(exit code, the object that it printed, the lines of its error). Everything it prints goes to the task's log,
        with the values of secrets replaced."""
        command = [self._python(), str(self.folder / "step.py"), *words]
        self.process = subprocess.Popen(  # noqa: S603 - the command is the folder's own
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        answer: dict[str, Any] = {}
        told: list[str] = []
        try:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                line = self._hide(line.rstrip("\n"))
                found = _answer(line)
                if found is not None:
                    answer = found
                    print(
                        " ".join(str(found[key]) for key in ("id", "run", "status", "summary") if found.get(key)),
                        flush=True,
                    )
                    continue
                told.append(line)
                print(line, flush=True)
            return self.process.wait(), answer, told[-20:]
        except sdk().AirflowTaskTimeout:
            where = " ".join(words[:2]) if words[0] == "step" else words[0]
            raise sdk().AirflowFailException(f"MLC9033 step-timeout: {where} took longer than its timeout") from None
        finally:
            self.stop()

    def _hide(self, text: str) -> str:
        for value in sorted(filter(None, self._secrets.values()), key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def _reference(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What goes into XCom: names, digests and the process that did the work, never content."""
        kept: dict[str, Any] = {name: answer[name] for name in ("id", "status", "outputs") if name in answer}
        assert self.process is not None
        return {"run": answer.get("run", self.run), "pid": self.process.pid, **kept}


def _answer(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and ("id" in found or "version" in found) else None


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
