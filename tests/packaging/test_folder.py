"""A compiled local folder, run where nothing is installed but what its requirements.txt lists."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import environments
import pytest

from mlopsc.cli.main import guarded

SPEC = """\
edition 2026

pipeline small { }

data d {
  source = csv("d.csv")

  columns {
    a : float
    g : category
    t : string?
    b : bool
  }

  expect rows >= 100
}

features f from d {
  a |> standardize()
  g |> onehot()
  t |> tfidf(max_features = 5)
}

model m from f {
  target    = b
  algorithm = best_of(
    logistic_regression(C = tune(0.1..10, log = true)),
    gradient_boosting(max_iter = 5),
    xgboost(n_estimators = 3),
    lightgbm(n_estimators = 3),
  )
  tuning { trials = 5; folds = 2 }
}

gate g1 on m {
  require roc_auc >= 0.6
  require latency(p99) <= 10s
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("compiled")
    (here / "s.mlops").write_text(SPEC, encoding="utf-8")
    rows = "".join(f"{i % 17}.5,g{i % 3},word{i % 5} and,{'true' if i % 17 > 8 else 'false'}\n" for i in range(200))
    (here / "d.csv").write_text("a,g,t,b\n" + rows, encoding="utf-8")
    assert guarded(["compile", str(here / "s.mlops"), "--target", "local", "-o", str(here / "out"), "-q"]) == 0
    return here / "out"


@pytest.fixture(scope="module")
def python(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment with the listed packages and what those need."""
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [environments.name_of(line) for line in lines if line and not line.startswith("#")]
    assert {"xgboost-cpu", "lightgbm", "duckdb"} <= set(listed)
    environment = tmp_path_factory.mktemp("listed") / "env"
    environments.make(environment)
    environments.link(environment, listed)
    return environment / "bin" / "python"


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_listed_packages_are_enough_and_the_compiler_is_not_needed(python: Path, folder: Path) -> None:
    """Every kind of estimator is tried and stored, so every library that the folder's plan may load is loaded."""
    assert "ModuleNotFoundError: No module named 'mlopsc'" in run(python, folder, "-c", "import mlopsc").stderr
    done = run(python, folder, "run.py", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["models"]["m"]["promoted"]) == ("succeeded", True)
    report = next((folder.parent / ".mlopsc").glob("runs/*/run.json"))
    assert json.loads(report.read_text(encoding="utf-8"))["status"] == "succeeded"
    assert json.loads(run(python, folder, "run.py", "models", "--json").stdout)["models"]["m"]["champion"] == 1
