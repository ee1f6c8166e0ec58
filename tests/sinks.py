"""Servers on loopback that keep what channels send them: HTTP and mail."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Post:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Web:
    """`answers`: status codes to give, one a request; 200 when they are used up. A 302 leads to `/elsewhere`."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def bodies(self, path: str = "/hook") -> list[Any]:
        return [post.body for post in self.posts if post.path == path]


@contextlib.contextmanager
def web() -> Iterator[Web]:
    sink = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.posts.append(Post(self.path, dict(self.headers), json.loads(body)))
            code = sink.answers.pop(0) if sink.answers else 200
            self.send_response(code)
            if code == 302:
                self.send_header("Location", sink.url("/elsewhere"))
            self.end_headers()

        def do_GET(self) -> None:
            sink.posts.append(Post(self.path, dict(self.headers), None))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as sink.port:
        yield sink


@dataclass
class Mail:
    """`mails`: the text of each; `commands`: what was said before. `refuse`: answer to RCPT."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    refuse: str = ""


@contextlib.contextmanager
def mail() -> Iterator[Mail]:
    sink = Mail()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            while line := self.rfile.readline().decode().strip():
                sink.commands.append(line)
                word = line.split()[0].upper()
                if word == "EHLO":
                    self._say("250-sink\r\n250 AUTH PLAIN")
                elif word == "AUTH":
                    self._say("235 welcome")
                elif word == "RCPT" and sink.refuse:
                    self._say(sink.refuse)
                elif word == "DATA":
                    self._say("354 go on")
                    sink.mails.append(self._text())
                    self._say("250 kept")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def _text(self) -> str:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.decode())
            return "".join(lines)

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as sink.port:
        yield sink


@contextlib.contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
