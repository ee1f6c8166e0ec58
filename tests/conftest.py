"""What all tests share: the `--rewrite` flag for goldens and a way to run the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import conformance_summary
import pytest
from workbench import Bench, Server

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write goldens anew instead of comparing with them")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here, because the process that shows what parallel workers did reads no other conftest."""
    conformance_summary.show(terminalreporter)


@pytest.fixture(scope="session")
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Goldens are to be written: `--rewrite`, or MLOPSC_REWRITE=1 (which also reaches parallel workers)."""
    return bool(request.config.getoption("--rewrite")) or os.environ.get("MLOPSC_REWRITE") == "1"


@pytest.fixture(scope="session")
def golden(rewrite: bool) -> Callable[[Path, str], None]:
    """golden(path, text): `text` is what the file at `path` holds; with --rewrite, makes it so."""

    def compare(path: Path, text: str) -> None:
        if rewrite:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden {path}; write it with pytest --rewrite"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def mlopsc(tmp_path: Path) -> Run:
    """mlopsc("check", "a.mlops", stdin="…", cwd=…, env={…}): the finished process, run in `tmp_path` unless told otherwise."""

    def run(
        *words: str, stdin: str = "", cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", *words],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd or tmp_path,
            env={k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")} | (env or {}),
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def warm_cli() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def bench(tmp_path: Path, warm_cli: Server) -> Bench:
    """The command line in `tmp_path`, quickly: for tests that run it often."""
    return Bench(tmp_path, warm_cli)
