"""As much of the KFP API server (v2beta1) as its client talks to in submit.py: it keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

API = "/apis/v2beta1"


@dataclass
class Server:
    """`calls`: every request as (method, path, query). What is kept stands by kind, oldest first."""

    url: str = ""
    calls: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    recurring: list[dict[str, Any]] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)

    def get(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if path == "/healthz":
            return {"multi_user": False}
        if path == "/experiments":
            return _page("experiments", _named(self.experiments, query))
        if path == "/pipelines":
            return _page("pipelines", _named(self.pipelines, query))
        if path.endswith("/versions"):
            assert query["sort_by"] == ["created_at desc"]
            mine = [v for v in self.versions if v["pipeline_id"] == path.split("/")[2]]
            return _page("pipeline_versions", mine[::-1][: int(query["page_size"][0])])
        assert path == "/recurringruns", path
        return _page("recurringRuns", [r for r in self.recurring if r["experiment_id"] == query["experiment_id"][0]])

    def post(self, path: str, query: dict[str, list[str]], body: bytes) -> dict[str, Any]:
        if path.startswith("/pipelines/upload"):
            package = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
            if path.endswith("_version"):
                return self._version(query["pipelineid"][0], query["name"][0], package)
            made = _add(self.pipelines, "pipeline_id", {"display_name": query["name"][0]})
            self._version(made["pipeline_id"], query["name"][0], package)
            return made
        if path.startswith("/runs/"):
            self.retried.append(path.removeprefix("/runs/").removesuffix(":retry"))
            return {}
        kinds = {
            "/experiments": (self.experiments, "experiment_id"),
            "/runs": (self.runs, "run_id"),
            "/recurringruns": (self.recurring, "recurring_run_id"),
        }
        where, key = kinds[path]
        return _add(where, key, json.loads(body))

    def _version(self, pipeline: str, name: str, package: bytes) -> dict[str, Any]:
        given = {"pipeline_id": pipeline, "display_name": name, "package": package.decode()}
        made = _add(self.versions, "pipeline_version_id", given)
        return {k: v for k, v in made.items() if k != "package"}

    def delete(self, path: str) -> dict[str, Any]:
        gone = path.removeprefix("/recurringruns/")
        self.recurring[:] = [r for r in self.recurring if r["recurring_run_id"] != gone]
        return {}


def _add(where: list[dict[str, Any]], key: str, given: dict[str, Any]) -> dict[str, Any]:
    where.append({**given, key: f"{key}-{len(where) + 1}"})
    return where[-1]


def _named(found: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    (predicate,) = json.loads(query["filter"][0])["predicates"]
    wanted = predicate.get("stringValue", predicate.get("string_value"))
    return [item for item in found if item[predicate["key"]] == wanted]


def _page(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {kind: items, "total_size": len(items)} if items else {}


@contextmanager
def serving() -> Iterator[Server]:
    """The server on a free port of loopback, until the block ends."""
    kept = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda path, query: kept.get(path, query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(lambda path, query: kept.post(path, query, body))

        def do_DELETE(self) -> None:
            self._answer(lambda path, query: kept.delete(path))

        def _answer(self, of: Any) -> None:
            parts = urlparse(self.path)
            assert parts.path.startswith(API), parts.path
            path, query = parts.path.removeprefix(API), parse_qs(parts.query)
            kept.calls.append((self.command, path, query))
            data = json.dumps(of(path, query)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
