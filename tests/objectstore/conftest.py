"""A store in a bucket: an S3 server on loopback for the session, and a machine's folder for copies that is the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3 import ObjectStore

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "unit"), str(TESTS / "faults")]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ObjectStore]:
    server = ObjectStore.start()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The server, with this process set up as its client."""
    for name, value in {**s3_server.environment, "MLOPSC_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return s3_server
