"""The part of Kubernetes' API that Airflow's provider speaks, on loopback. A pod's container is a process of this machine:
its command is run with the image's folder taken from IMAGES, its environment from the secrets and config maps given."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NOW = "2026-11-23T00:00:00Z"
STILL = "2999-01-01T00:00:00Z"  # when a container ended: the provider reads no log of one that ended long ago
PATIENCE = 120  # seconds that a pod may take


class Pod:
    def __init__(self, manifest: dict[str, Any], command: list[str], env: dict[str, str], home: Path) -> None:
        self.manifest = manifest
        self.note = home / f"{manifest['metadata']['name']}.note"
        self.log = home / f"{manifest['metadata']['name']}.log"
        env["MLOPSC_TERMINATION_LOG"] = str(self.note)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=home,
                start_new_session=True,
            )  # fmt: skip

    def shown(self) -> dict[str, Any]:
        code = self.process.poll()
        state: dict[str, Any] = {"running": {"startedAt": NOW}}
        phase = "Running"
        if code is not None:
            code = 128 - code if code < 0 else code
            note = self.note.read_text() if self.note.exists() else self.log.read_text()[-2000:] if code else ""
            state = {"terminated": {"exitCode": code, "message": note, "startedAt": NOW, "finishedAt": STILL}}
            phase = "Failed" if code else "Succeeded"
        status = {"name": "base", "state": state, "ready": False, "restartCount": 0, "image": "x", "imageID": "x"}
        return {**self.manifest, "status": {"phase": phase, "containerStatuses": [status]}}


class Cluster:
    """`images`: by image, the folder that its pods run. `secrets` and `config`: by object's name, its keys."""

    def __init__(self, images: dict[str, Path], secrets: dict[str, dict[str, str]], env: dict[str, str]) -> None:
        self.images = images
        self.secrets = secrets
        self.env = env
        self.pods: dict[str, Pod] = {}
        self.asked: list[dict[str, Any]] = []  # every manifest that was ever sent
        self.home = Path(tempfile.mkdtemp(prefix="cluster-"))
        cluster = self

        class Handler(_Handler):
            owner = cluster

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Cluster:
        self.thread.start()
        host = f"http://127.0.0.1:{self.server.server_address[1]}"
        named = {"name": "c", "cluster": {"server": host}}
        context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
        config = {
            "clusters": [named],
            "contexts": [context],
            "users": [{"name": "c", "user": {}}],
            "current-context": "c",
        }
        (self.home / "config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **config}))
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        for pod in self.pods.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pod.process.pid, 9)
            pod.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self, manifest: dict[str, Any]) -> Pod:
        self.asked.append(manifest)
        (container,) = manifest["spec"]["containers"]
        python, program = container["command"]
        assert (python, program.rpartition("/")[2]) == ("python3", "pod_step.py")
        env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")} | self.env
        for one in container.get("env") or ():
            ref = one["valueFrom"]["secretKeyRef"]
            env[one["name"]] = self.secrets[ref["name"]][ref["key"]]
        for one in container.get("envFrom") or ():
            env |= self.secrets[one["configMapRef"]["name"]]
        folder = self.images[container["image"]]
        command = [sys.executable, str(folder / "pod_step.py"), *container["args"]]
        found = self.pods[manifest["metadata"]["name"]] = Pod(manifest, command, env, self.home)
        return found

    def chosen(self, selector: str) -> list[dict[str, Any]]:
        def fits(labels: dict[str, str]) -> bool:
            for part in selector.split(","):
                key, sign, value = re.fullmatch(r"(!?[^=!]+)(!=|=|)(.*)", part).groups()  # type: ignore[union-attr]
                now = labels.get(key.lstrip("!"))
                if not (now == value if sign == "=" else now != value if sign else now is None):
                    return False
            return True

        return [p.shown() for p in self.pods.values() if fits(p.manifest["metadata"]["labels"])]


class _Handler(BaseHTTPRequestHandler):
    owner: Cluster
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: Any) -> None:
        pass

    def _pod(self) -> Pod | None:
        found = re.search(r"/pods/([^/]+)", urllib.parse.urlsplit(self.path).path)
        return self.owner.pods.get(found[1]) if found else None

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")

    def _answer(self, found: Any, code: int = 200) -> None:
        data = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _missing(self) -> None:
        self._answer({"kind": "Status", "status": "Failure", "code": 404}, 404)

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(path.query))
        pod = self._pod()
        if path.path.endswith("/pods"):
            self._answer({"kind": "PodList", "apiVersion": "v1", "items": self.owner.chosen(asked["labelSelector"])})
        elif path.path.endswith("/events"):
            self._answer({"kind": "EventList", "apiVersion": "v1", "items": []})
        elif pod is None:
            self._missing()
        elif path.path.endswith("/log"):
            self._log(pod)
        else:
            self._answer(pod.shown())

    def _log(self, pod: Pod) -> None:
        end = time.monotonic() + PATIENCE
        while pod.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        self.send_response(200)
        self.end_headers()
        for line in pod.log.read_bytes().splitlines():
            self.wfile.write(NOW.encode() + b" " + line + b"\n")

    def do_POST(self) -> None:
        self._answer(self.owner.start(self._body()).shown(), 201)

    def do_PATCH(self) -> None:
        pod, change = self._pod(), self._body()
        if pod is None:
            self._missing()
            return
        pod.manifest["metadata"]["labels"] |= change.get("metadata", {}).get("labels", {})
        self._answer(pod.shown())

    def do_DELETE(self) -> None:
        if "Content-Length" in self.headers:
            self._body()
        pod = self._pod()
        if pod is None:
            self._missing()
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pod.process.pid, 9)
        pod.process.wait()
        del self.owner.pods[pod.manifest["metadata"]["name"]]
        self._answer(pod.manifest)
