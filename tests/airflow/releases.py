"""Real releases of Airflow, each in an environment of its own that `make test` makes, and how to ask them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlopsc.driver.check import check_file
from mlopsc.driver.compiling import emitted, owner, plan_of, write
from mlopsc.driver.spec import read
from mlopsc.driver.support import lacking

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
Ask = Callable[..., dict[str, Any]]


def python_of(version: str) -> Path:
    """The interpreter with Airflow `3` or `2`. Missing, the tests fail: it is `make test` that puts it there."""
    found = ROOT / f".venv-airflow{version}" / "bin" / "python"
    assert found.exists(), f"{found} is missing: run `make .venv-airflow{version}/.stamp`"
    return found


def environment(home: Path, **more: str) -> dict[str, str]:
    """Airflow that stays on this machine and keeps quiet."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "MLOPSC_", "PYTEST"))}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",
        "NO_PROXY": "127.0.0.1,localhost",
        **more,
    }


def compiled(text: str, output: Path, folder: Path, target: str = "airflow", name: str = "spec") -> None:
    """Compile a spec that lies in `folder` into the DAGs folder `output`."""
    spec = folder / f"{name}.mlops"
    spec.write_text(text, encoding="utf-8")
    checked = check_file(read(str(spec)), target=target)
    findings = [*checked.findings, *lacking(checked, target)]
    assert not [found for found in findings if found.severity == "error"], findings
    plan = plan_of(checked)
    write(str(output), emitted(plan, checked, target, str(output)), owner(plan, target))


def ask(version: str, home: Path, request: dict[str, Any], **env: str) -> dict[str, Any]:
    """The answer of inside.py, run in Airflow `version`."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "request.json").write_text(json.dumps(request))
    done = subprocess.run(
        ["timeout", "-k", "5", "240", str(python_of(version)), str(HERE / "inside.py"), str(home / "request.json")],
        env=environment(home, **env), capture_output=True, text=True, check=False, cwd=home, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["everything"] = done.stdout + done.stderr
    return found


def once(shared: Path, name: str, make: Callable[[Path], Any]) -> Any:
    """What `make(folder)` gives as JSON: made by whichever of pytest's parallel workers asks first."""
    kept = shared / f"{name}.json"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            (shared / name).mkdir()
            kept.write_text(json.dumps(make(shared / name)))
    return json.loads(kept.read_text())
