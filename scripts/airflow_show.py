"""Shows a compiled example in a live Airflow 3: triggered through REST, watched to its end, its graph photographed.

`airflow_show.py SPEC PICTURE.png` starts API server, scheduler and dag-processor on loopback (as tests/airflow does, with
PostgreSQL over a Unix socket), and Debian's chromium with chromedriver. Prints the tasks' states and compares the `models`
and `gates` of result.json with those of `mlopsc run`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pgserver

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "airflow")]

from live import Airflow  # noqa: E402 - found by the path above

USER, PASSWORD = "viewer", "of-this-run-only"


class Browser:
    """One window of a headless chromium, spoken to in the W3C WebDriver protocol."""

    def __init__(self, port: int, profile: str) -> None:
        self.base = f"http://127.0.0.1:{port}/session"
        words = ["headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"]
        words += ["disable-background-networking", "disable-component-update", "window-size=1500,1000"]
        options = {"args": [f"--{word}" for word in [*words, f"user-data-dir={profile}"]]}
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self.base = f"{self.base}/{self.ask('', asked)['sessionId']}"

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self.ask("/url", {"url": url})

    def script(self, text: str, *values: Any) -> Any:
        return self.ask("/execute/sync", {"script": text, "args": list(values)})

    def fill(self, selector: str, text: str) -> None:
        found = self.until(lambda: self.ask("/elements", {"using": "css selector", "value": selector}))
        self.ask(f"/element/{next(iter(found[0].values()))}/value", {"text": text})

    def until(self, ready: Any, seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            time.sleep(0.5)
        text = self.script("return document.body.innerText")
        raise SystemExit(f"the page did not come to that within {seconds} s: {text}")

    def picture(self) -> bytes:
        return base64.b64decode(self.ask("/screenshot"))


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    browser = None
    try:
        for _ in range(60):
            with contextlib.suppress(urllib.error.URLError):
                browser = Browser(port, str(folder / "profile"))
                break
            time.sleep(0.5)
        else:
            raise SystemExit("chromedriver does not answer")
        yield browser
    finally:
        if browser is not None:
            with contextlib.suppress(OSError):
                request = urllib.request.Request(browser.base, method="DELETE")
                urllib.request.urlopen(request, timeout=30).close()
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait(20)


def graph(airflow: Airflow, browser: Browser, dag: str, run: str) -> bytes:
    """The Graph view of a run, groups opened."""
    browser.open(f"{airflow.base}/auth/login")
    browser.fill("input[name=username]", USER)
    browser.fill("input[name=password]", PASSWORD + "\ue007")
    browser.until(lambda: browser.script("return location.pathname") == "/")
    groups = sorted({t.partition(".")[0] for t in airflow.states(dag, run) if "." in t})
    kept = {"default_dag_view": "graph", f"direction-{dag}": "RIGHT", f"{dag}/open-groups": groups}
    for key, value in kept.items():
        browser.script("localStorage.setItem(arguments[0], arguments[1])", key, json.dumps(value))
    browser.open(f"{airflow.base}/dags/{dag}/runs/{run}")
    browser.until(lambda: browser.script("return document.querySelectorAll('.react-flow__node').length") >= 3)
    time.sleep(3)
    return browser.picture()


def beside(spec: Path, folder: Path) -> Path:
    """A copy of the spec's folder, in which the spec names the interpreter of the steps, which is never Airflow's own, and
    has no schedule: Airflow would begin a scheduled run beside the one that is shown."""
    shutil.copytree(spec.parent, folder)
    text = re.sub(r"^ *schedule *=.*\n", "", spec.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    own = f"\ntarget airflow {{ python = {json.dumps(sys.executable)} }}\n"
    (folder / spec.name).write_text(text + own, encoding="utf-8")
    return folder / spec.name


def main(spec: str, picture: str) -> int:
    path = Path(spec).resolve()
    folder = Path(tempfile.mkdtemp(prefix="airflow-show-"))
    (folder / "home").mkdir()
    mlopsc = str(Path(sys.executable).with_name("mlopsc"))
    path = beside(path, folder / "spec")
    subprocess.run(
        [mlopsc, "compile", str(path), "--target", "airflow", "-o", str(folder / "home" / "dags")], check=True
    )
    dag = next((folder / "home" / "dags").glob("*.py")).stem
    local = json.loads(
        subprocess.run(
            [mlopsc, "run", str(path), "--store", str(folder / "local"), "--json"], check=True, stdout=subprocess.PIPE
        ).stdout
    )
    server = pgserver.get_server(str(folder / "pg"), cleanup_mode="stop")
    server.psql("create database airflow;")
    database = server.get_uri("airflow").replace("postgresql://", "postgresql+psycopg2://")
    env = {
        "MLOPSC_STORE": str(folder / "store"),
        "MLOPSC_DATA": str(path.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    try:
        with Airflow(folder / "home", database, {USER: PASSWORD}, **env) as airflow:
            run = airflow.trigger(dag)
            print(f"{dag} {run}: {airflow.ended(dag, run, 300)}")
            for task, state in airflow.states(dag, run).items():
                print(f"  {task:40} {state}")
            with chromium(folder) as browser:
                Path(picture).write_bytes(graph(airflow, browser, dag, run))
    finally:
        server.cleanup()
    (result,) = (folder / "store").glob("runs/*/result.json")
    theirs = json.loads(result.read_bytes())
    print("models equal:", theirs["models"] == local["models"], json.dumps(theirs["models"]))
    return 0 if theirs["models"] == local["models"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
