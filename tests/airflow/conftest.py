"""Compiled DAGs inside real releases of Airflow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["3", "2"], scope="session")
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all parallel workers of this test run see."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent
