"""An S3 server on loopback: moto's, in a process of its own. Prints its port, and ends when its standard input does.

Some buckets are odd: `deaf` writes whatever `If-None-Match` says, `closed` refuses everything.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKETS = ("store", "deaf", "closed")
_DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'


def odd(app: Any) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        bucket = environ["PATH_INFO"].split("/")[1]
        if bucket == "deaf":
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if bucket == "closed" and environ["REQUEST_METHOD"] != "DELETE" and environ["PATH_INFO"].strip("/") != "closed":
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [_DENIED]
        found: Iterable[bytes] = app(environ, start_response)
        return found

    return answer


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, odd(DomainDispatcherApplication(create_backend_app)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
