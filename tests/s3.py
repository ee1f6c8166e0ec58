"""The S3 server of a test session, started when the first test wants it and stopped with the session."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 60  # to wait for the server at most


@dataclass
class ObjectStore:
    """`environment` is what a client needs to reach it."""

    process: subprocess.Popen[str]
    port: int
    _made: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls) -> ObjectStore:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("s3_server.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _SECONDS)
        line = process.stdout.readline() if ready else ""
        if not line.strip().isdigit():
            process.kill()
            process.wait(10)
            raise AssertionError("the S3 server did not start")
        found = cls(process, int(line))
        found.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{found.port}",
            "AWS_ACCESS_KEY_ID": "planted-key-id",
            "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for bucket in ("store", "deaf", "closed"):
            made = urllib.request.Request(f"http://127.0.0.1:{found.port}/{bucket}", method="PUT")
            made.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request")
            urllib.request.urlopen(made, timeout=_SECONDS).close()
        return found

    def url(self, bucket: str = "store") -> str:
        """The address of a store that no other test has."""
        self._made += 1
        return f"s3://{bucket}/tests/{os.getpid()}-{self._made}"

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
