"""`make test-containers`: the image of the generated Dockerfile, built and run by podman, as root on a Linux machine.

Needs podman, runc and debootstrap: no registry of images is asked, the base image is a Debian of its own, made once.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BASE = "localhost/mlopsc-test-base:1"
IMAGE = "localhost/mlopsc-test-churn:1"
HERE = Path(__file__).parent
TARGET = f'\ntarget kubeflow {{ image = "{IMAGE}"; store = "/mnt/store/s"; data_root = "/mnt/data" }}\n'


def call(*words: str | Path, **given: Any) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False, **given)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def mlopsc(folder: Path, *words: str) -> str:
    return call(sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", *words, cwd=folder)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Python and pip, which takes packages from /wheels only."""
    found = subprocess.run(["podman", "image", "exists", BASE], check=False).returncode == 0
    if not found:
        root = tmp_path_factory.mktemp("base")
        call("debootstrap", "--variant=minbase", "--include=python3,python3-pip,ca-certificates", "bookworm", root)
        call("tar", "-C", root, "-cf", root.with_suffix(".tar"), ".")
        env = ("PIP_BREAK_SYSTEM_PACKAGES=1", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels")
        changes = [word for text in env for word in ("--change", f"ENV {text}")]
        call("podman", "--runtime", "runc", "import", *changes, root.with_suffix(".tar"), BASE)
        shutil.rmtree(root)
    return BASE


@pytest.fixture(scope="session")
def churn(tmp_path_factory: pytest.TempPathFactory, base: str) -> Path:
    """The churn example, compiled, and its image built from what was written, but for the name of the base image."""
    folder = tmp_path_factory.mktemp("spec") / "churn"
    shutil.copytree(HERE.parents[1] / "examples" / "churn", folder)
    (spec,) = folder.glob("*.mlops")
    spec.write_text(re.sub(r"trials = \d+", "trials = 2", spec.read_text()) + TARGET)
    mlopsc(folder, "compile", spec.name, "--target", "kubeflow", "-o", "out")
    wheels = folder / "wheels"
    call(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, "--requirement",
         folder / "out" / "requirements.txt")  # fmt: skip
    written = (folder / "out" / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(re.sub(r"^FROM .*$", f"FROM {base}", written, flags=re.MULTILINE))
    call("podman", "--runtime", "runc", "build", "--isolation=chroot", "--network", "host", "--volume",
         f"{wheels}:/wheels:ro", "--file", folder / "Dockerfile", "--tag", IMAGE, folder / "out")  # fmt: skip
    return folder


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """What another build of Python and of its libraries does not change: digests of models are promised for equal ones, those
    of predictions have nine digits."""
    (model,) = result["models"].values()
    rules = [(r["rule"], r["verdict"]) for gate in result["gates"].values() for r in gate["rules"]]
    same = {k: v for k, v in model.items() if k not in ("digest", "metrics")}
    steps = [(s["id"], s["status"]) for s in result["steps"]]
    return {"status": result["status"], "model": same, "rules": rules, "steps": steps}


def test_every_step_runs_in_a_container_and_the_result_is_the_local_runners(churn: Path, tmp_path: Path) -> None:
    """Not as root, without a network, without kfp and without mlopsc."""
    (spec,) = churn.glob("*.mlops")
    for name in ("root", "store"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    log = call(sys.executable, HERE / "run_in_podman.py", churn / "out" / "pipeline.yaml", tmp_path, churn)
    (found,) = (tmp_path / "store" / "s" / "runs").glob("*/result.json")
    local = json.loads(mlopsc(churn, "run", spec.name, "--json", "--store", str(tmp_path / "local")))
    result = json.loads(found.read_bytes())
    assert comparable(result) == comparable(local), log[-3000:]
    theirs, ours = (r["models"]["churn_model"]["metrics"] for r in (result, local))
    assert theirs == pytest.approx(ours, rel=1e-9)
    assert found.stat().st_uid == 65532
    told = call("podman", "--runtime", "runc", "run", "--rm", "--network", "none", "--ulimit", "nofile=1024:4096", "--ulimit",
                "nproc=1024:1024", IMAGE, "python3", "-c",
                "import importlib.util as u; print([u.find_spec(n) for n in ('kfp', 'mlopsc', 'jinja2')])")  # fmt: skip
    assert told == "[None, None, None]\n"
