"""What the light commands load, counted in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "examples" / "churn" / "churn.mlops"

HEAVY = {
    "pydantic", "pydantic_core", "jinja2", "pandas", "numpy", "sklearn", "scipy", "duckdb", "rich", "lark", "optuna",
    "skops", "pyarrow", "yaml", "importlib.metadata", "asyncio", "subprocess", "tempfile", "email", "inspect", "socket",
    "urllib.request", "http.client", "mlopsc.ir", "mlopsc.target", "mlopsc.runtime",
}  # fmt: skip

PROGRAM = """
import sys
before = set(sys.modules)
from mlopsc.cli.main import guarded
import contextlib, io
out = io.StringIO()
with contextlib.redirect_stdout(out):
    code = guarded(sys.argv[1:])
print(code)
print("\\n".join(sorted(set(sys.modules) - before)))
"""


def loaded(*words: str) -> tuple[int, set[str]]:
    """(exit code, modules that the command loaded)."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=ROOT, check=True, timeout=120
    )
    code, *names = done.stdout.splitlines()
    return int(code), set(names)


@pytest.mark.parametrize(
    ("words", "most"),
    [(("check", str(SPEC)), 145), (("fmt", "--check", str(SPEC)), 90), (("explain", "MLC1003"), 60)],
    ids=["check", "fmt", "explain"],
)
def test_light_commands_load_no_heavy_library(words: tuple[str, ...], most: int) -> None:
    """check, fmt and explain load the standard library and the front of the compiler, and not too much of either."""
    code, names = loaded(*words)
    assert code == 0
    assert {name for name in names if name in HEAVY or name.split(".")[0] in HEAVY} == set()
    assert len(names) <= most, sorted(names)


def test_version_loads_no_command() -> None:
    code, names = loaded("--version")
    assert code == 0
    assert not any(name.startswith(("mlopsc.syntax", "mlopsc.semantics", "mlopsc.catalog")) for name in names)
    assert "argparse" not in names
