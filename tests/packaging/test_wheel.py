"""The built wheel, with the sources away and nothing but what it declares: check, fmt and compile work, and what needs an
extra says which."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import environments
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHURN = ROOT / "examples" / "churn"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that holds the wheel and links to its declared dependencies, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "env"
    environments.make(environment)
    python = environment / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    (about,) = environments.site_of(environment).glob("mlopsc-*.dist-info/METADATA")
    text = about.read_text(encoding="utf-8")
    declared = [
        environments.name_of(line.removeprefix("Requires-Dist: "))
        for line in text.splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]
    assert sorted(declared) == ["jinja2", "lark", "pydantic"]
    environments.link(environment, declared)
    return environment


def run(bare: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(bare / "bin" / "mlopsc"), *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "churn.mlops").write_bytes((CHURN / "churn.mlops").read_bytes())
    (tmp_path / "data").symlink_to(CHURN / "data")
    return tmp_path


def test_the_wheel_imports_none_of_the_sources(bare: Path, here: Path) -> None:
    program = "import mlopsc, mlopsc_local, mlopsc_grammar, json; print(json.dumps([m.__file__ for m in (mlopsc, mlopsc_local)]))"
    done = subprocess.run(
        [str(bare / "bin" / "python"), "-c", program], cwd=here, capture_output=True, text=True, check=True
    )
    assert all(Path(place).is_relative_to(bare) for place in json.loads(done.stdout))


def test_check_fmt_and_explain_work_bare(bare: Path, here: Path) -> None:
    assert run(bare, "--version", cwd=here).stdout.startswith("mlopsc ")
    checked = run(bare, "check", "churn.mlops", cwd=here)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert run(bare, "fmt", "churn.mlops", cwd=here).returncode == 0
    assert run(bare, "fmt", "--check", "churn.mlops", cwd=here).returncode == 0
    assert run(bare, "explain", "MLC1003", cwd=here).stdout.startswith("# MLC1003")
    assert run(bare, "test", "churn.mlops", cwd=here).returncode == 0


def test_compile_works_bare_and_gives_the_same_bytes_as_here(bare: Path, here: Path) -> None:
    assert "\nlocal: " in run(bare, "targets", cwd=here).stdout
    assert run(bare, "compile", "churn.mlops", "--target", "local", cwd=here).returncode == 0
    program = "from mlopsc.cli.main import entry; entry()"
    again = [sys.executable, "-c", program, "compile", "churn.mlops", "--target", "local", "--check"]
    assert subprocess.run(again, cwd=here, capture_output=True, text=True, check=False).stdout == (
        "build/local is what would be written\n"
    )


@pytest.mark.parametrize(
    "words",
    [("run", "churn.mlops"), ("init", "data/Telco-Customer-Churn.csv"), ("check", "churn.mlops", "--data")],
    ids=["run", "init", "check --data"],
)
def test_what_needs_the_run_extra_says_so(bare: Path, here: Path, words: tuple[str, ...]) -> None:
    done = run(bare, *words, cwd=here)
    assert done.returncode == 2
    assert re.search(r"pip install ['\"]mlopsc\[run\]", done.stdout + done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1
