"""A whole Airflow on this machine: API server, scheduler and dag-processor on loopback, LocalExecutor, PostgreSQL over its
Unix socket; started and stopped by process id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from releases import environment, python_of

SECRET = "live-test-secret-0123456789-0123456789-0123456789-0123456789-0123"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Airflow:
    def __init__(self, home: Path, database: str, users: dict[str, str], **env: str) -> None:
        self.home = home
        self.port = _free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.users = users
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.tokens: dict[str, str] = {}
        self.answers: dict[tuple[str, str, str], int] = {}  # how often a task was answered
        (home / "passwords.json").write_text(json.dumps(users))
        section = {
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "2",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.base}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:admin" for name in users),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "DATABASE__SQL_ALCHEMY_CONN": database,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.base,
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": SECRET,
            "API__SECRET_KEY": SECRET,
            "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "1",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        }
        self.env = environment(home, **{f"AIRFLOW__{name}": value for name, value in section.items()}, **env)

    def __enter__(self) -> Airflow:
        binary = str(python_of("3").with_name("airflow"))
        done = subprocess.run(
            [binary, "db", "migrate"], env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        try:
            # Without --skip-serve-logs the scheduler would listen on every interface.
            self._spawn("api", binary, "api-server", "--host", "127.0.0.1", "--port", str(self.port))
            self._spawn("scheduler", binary, "scheduler", "--skip-serve-logs")
            self._spawn("processor", binary, "dag-processor")
            self.until(self._healthy, 120, "Airflow is up")
            for name, password in self.users.items():
                found = self.call("POST", "/auth/token", {"username": name, "password": password}, user=None)
                self.tokens[name] = found["access_token"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def _spawn(self, name: str, *words: str) -> None:
        with open(self.home / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                words, env=self.env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, cwd=self.home,
            )  # fmt: skip

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _healthy(self) -> bool:
        dead = {name: p.returncode for name, p in self.processes.items() if p.poll() is not None}
        assert not dead, f"{dead}: {self.logs()}"
        try:
            found = self.call("GET", "/api/v2/monitor/health", user=None)
        except (OSError, AssertionError):
            return False
        return all(found[part]["status"] == "healthy" for part in ("scheduler", "dag_processor"))

    def logs(self) -> str:
        return "\n".join((self.home / f"{name}.log").read_text(errors="replace")[-2000:] for name in self.processes)

    def call(
        self, method: str, path: str, body: Any = None, user: str | None = "", codes: tuple[int, ...] = (200, 201)
    ) -> Any:
        """`user`: who asks (the first one); None: nobody."""
        url = path if path.startswith(("/auth", "/api", "/ui")) else f"/api/v2{path}"
        request = urllib.request.Request(
            self.base + url, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        if user is not None:
            request.add_header("Authorization", f"Bearer {self.tokens[user or next(iter(self.users))]}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                code, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read()
        assert code in codes, f"{method} {path}: {code} {text[:500]!r}"
        return json.loads(text) if text else None

    def until(self, ready: Any, seconds: float, what: str) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            time.sleep(0.3)
        raise AssertionError(f"not within {seconds} s: {what}\n{self.logs()}")

    def _settled(self, dag: str, run: str, task: str) -> None:
        """The scheduler has taken in how every process of the task ended that waited. Airflow 3.3 takes a task for failed whose
        process's end it learns of after the task was queued again: no person answers that fast, a test on a busy machine does.
        """
        key = (dag, run, task)
        self.answers[key] = self.answers.get(key, 0) + 1
        told = f"Received executor event with state success for task instance TaskInstanceKey(dag_id='{dag}', "
        told += f"task_id='{task}', run_id='{run}'"

        def ends() -> int:
            return (self.home / "scheduler.log").read_text(errors="replace").count(told)

        self.until(lambda: ends() >= self.answers[key], 60, f"the scheduler knows of {self.answers[key]} ends of {task}")

    def trigger(self, dag: str, conf: dict[str, Any] | None = None) -> str:
        self.until(lambda: any(d["dag_id"] == dag for d in self.call("GET", "/dags")["dags"]), 60, f"{dag} is seen")
        self.call("PATCH", f"/dags/{dag}", {"is_paused": False})
        run: str = self.call("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"]
        return run

    def states(self, dag: str, run: str) -> dict[str, str | None]:
        found = self.call("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {t["task_id"]: t["state"] for t in found}

    def ended(self, dag: str, run: str, seconds: float = 120) -> str:
        def state() -> Any:
            now = self.call("GET", f"/dags/{dag}/dagRuns/{run}")["state"]
            return now if now in ("success", "failed") else None

        return str(self.until(state, seconds, f"{dag} {run} ends: {self.states(dag, run)}"))

    def reached(self, dag: str, run: str, task: str, *states: str, seconds: float = 120) -> None:
        self.until(lambda: self.states(dag, run).get(task) in states, seconds, f"{task} in {states}")

    def answer(self, dag: str, run: str, task: str, choice: str, user: str, reason: str) -> None:
        self._settled(dag, run, task)
        body = {"chosen_options": [choice], "params_input": {"reason": reason}}
        self.call("PATCH", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails", body, user=user)
