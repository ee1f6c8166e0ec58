"""A virtual environment with the packages of requirements.txt, made by the first task of a worker that needs it: a
convenience, which installs at start and needs a package index then. The same list gives the same environment again."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path


class Failed(Exception):  # noqa: N818 - told as a crash, which a retry may help
    """`final`: no retry helps."""

    def __init__(self, told: str, final: bool) -> None:
        super().__init__(told)
        self.final = final


def python_with(requirements: Path, base: str, die: Callable[[], None]) -> str:
    """The interpreter of an environment with these packages, made from the interpreter `base`. Failed, with what the
    installer said. `die`: called in each child before it starts."""
    listed = requirements.read_bytes()
    name = hashlib.sha256(listed + b"\0" + os.fsencode(os.path.realpath(base))).hexdigest()[:24]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlopsc" / "environments"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = cache / name
    python = place / "bin" / "python"
    with open(cache / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            print(f"making {place} from {requirements}: the packages are installed now", flush=True)
            _make(place, python, requirements, base, die)
            (place / "complete").touch()
    return str(python)


def _make(place: Path, python: Path, requirements: Path, base: str, die: Callable[[], None]) -> None:
    """By uv where the worker has it, which may find no index where pip finds one; else by pip."""
    listed = ["--quiet", "--requirement", str(requirements)]
    uv = shutil.which("uv")
    ways = [[[base, "-m", "venv", str(place)], [str(python), "-m", "pip", "install", *listed]]]
    if uv is not None:
        bare = [base, "-m", "venv", "--without-pip", str(place)]
        ways.insert(0, [bare, [uv, "pip", "install", "--python", str(python), *listed]])
    failed, hopeless = "", False
    for make, install in ways:
        shutil.rmtree(place, ignore_errors=True)
        failed = _failure(make, die)
        hopeless = bool(failed)  # the interpreter makes no environment; what an index has not, it may have later
        failed = failed or _failure(install, die)
        if not failed:
            return
    raise Failed(f"error[MLC9073] environment-not-made: {failed}", hopeless)


def _failure(command: list[str], die: Callable[[], None]) -> str:
    """What a command said that failed; empty where it did not."""
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", check=False, preexec_fn=die,
        )  # fmt: skip
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    told = "\n".join(done.stdout.splitlines()[-10:])
    return f"{' '.join(command[:4])} ended with {done.returncode}\n{told}" if done.returncode else ""
