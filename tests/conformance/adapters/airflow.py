"""Airflow 3: its own loader, its own schema of serialized DAGs, and dag.test(), all in one Airflow process a test session."""

from __future__ import annotations

import atexit
import functools
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from target import NOTHING, RESULTS, Ran, Task, result_of

sys.path.insert(0, str(Path(__file__).parents[2] / "airflow"))

from releases import HERE, environment, python_of

PATIENCE = 300  # seconds for one answer


class Session:
    """An Airflow process that answers requests. It ends when its input does, and so never outlives this one."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="airflow-"))
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(python_of("3")), str(HERE / "inside.py"), "-"], env=environment(self.home), cwd=self.home,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.close)

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(PATIENCE) else ""
        if not line:
            told = (self.home / "log").read_text(errors="replace")[-6000:]
            self.close()
            raise AssertionError(told)
        found: dict[str, Any] = json.loads(line)
        return found

    def alone(self, folder: Path) -> str:
        """Airflow's DAGs folder, with a copy of this folder and nothing else in it."""
        dags = self.home / "dags"
        shutil.rmtree(dags, ignore_errors=True)
        shutil.copytree(folder, dags)
        return str(dags)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


@functools.cache
def session() -> Session:
    return Session()


class Airflow:
    def parse(self, folder: Path) -> None:
        """Airflow's serializer holds what it writes against its own JSON schema."""
        found = session().ask(do="load", dags=str(folder))
        assert found["errors"] == {}
        (dag,) = found["serialized"]
        assert folder / f"{dag}.py" in folder.iterdir()

    def load(self, folder: Path) -> list[str]:
        """The step that each task's documentation names, in backquotes after the line of the spec."""
        (dag,) = session().ask(do="load", dags=str(folder))["dags"].values()
        docs = [task["doc"] for name, task in dag["tasks"].items() if not name.startswith("write_result")]
        return [doc.partition("`")[2].rpartition("`")[0] for doc in docs]

    def run(
        self,
        folder: Path,
        work: Path,
        *,
        store: Path,
        data: Path,
        params: Mapping[str, Any],
        break_step: str | None = None,
        answers: Mapping[str, str] = NOTHING,
        env: Mapping[str, str] = NOTHING,
    ) -> Ran:
        (file,) = folder.glob("*.py")
        dags = session().alone(folder)
        request = {"dags": dags, "id": file.stem, "conf": dict(params), "python": sys.executable, "break": break_step}
        given = {**env, "MLOPSC_STORE": str(store), "MLOPSC_DATA": str(data)}
        before = set(store.glob(RESULTS))
        found = session().ask(do="run", env=given, answers=dict(answers), **request)
        result = result_of(store, before, found["log"])
        # The task that writes result.json is no step: it has no id.
        tasks = [Task(h["id"], h["pid"], h["status"] == "cached") for h in found["handed"] if "id" in h]
        ok = found["state"].rpartition(".")[2].lower() == "success"
        return Ran(ok, result, tasks, found["log"], {"states": found["tasks"]})


ADAPTER = Airflow()
