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


SMALL = """edition 2026
pipeline small { about = "A few rows." }
data d {
  source = csv("d.csv")
  key    = id
  columns {
    id : int
    a  : float
    c  : category("x", "y")
    y  : bool
  }
}
features f from d {
  a |> standardize()
  c |> onehot()
}
model m from f {
  target    = y
  split     = random(test = 30%)
  algorithm = logistic_regression()
}
gate g on m { require accuracy >= 0.01 }
"""


def test_a_run_loads_what_its_models_need_and_an_unchanged_run_nothing_of_that(tmp_path: Path) -> None:
    """The parent of a first run loads the compiler, then the libraries that its children share: for a linear model neither
    pandas nor skops.io, which would load all of scikit-learn. An unchanged run finds its Plan and its results."""
    rows = "".join(f"{i},{i % 17},{'xy'[i % 2]},{int(i % 3 == 0)}\n" for i in range(90))
    (tmp_path / "d.csv").write_text("id,a,c,y\n" + rows)
    (tmp_path / "small.mlops").write_text(SMALL)
    command = ("run", str(tmp_path / "small.mlops"), "--store", str(tmp_path / "store"), "--quiet")
    code, first = loaded(*command)
    assert code == 0
    assert {"sklearn.linear_model", "duckdb", "mlopsc.ir.plan"} <= first
    assert not first & {
        "pandas",
        "pyarrow",
        "skops.io",
        "sklearn.cluster",
        "sklearn.ensemble",
        "optuna",
        "jinja2",
        "lark",
    }
    code, again = loaded(*command)
    assert code == 0
    numeric = {"numpy", "scipy", "sklearn", "duckdb", "skops", "pandas"}
    assert not {
        name for name in again if name.split(".")[0] in numeric | {"pydantic", "pydantic_core", "jinja2", "lark"}
    }
    assert not any(
        name.startswith(("mlopsc.syntax", "mlopsc.semantics", "mlopsc.passes", "mlopsc.ir")) for name in again
    )
    assert "mlopsc.runtime.fork" not in again
    assert len(again) <= 160, sorted(again)
