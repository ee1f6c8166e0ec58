"""Environments that hold links to some of the distributions installed here and nothing else: no index is asked."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def name_of(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement.strip())[0]


def closure(names: Iterable[str]) -> set[str]:
    """The distributions of `names` and all that those need, without extras, as installed here."""
    found: set[str] = set()
    waiting = list(names)
    for name in waiting:
        if name.lower() in found:
            continue
        try:
            needed = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name.lower())
        waiting += [name_of(each) for each in needed if "extra ==" not in each]
    return found


def site_of(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))


def make(environment: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)


def link(environment: Path, names: Iterable[str]) -> None:
    """Put what `names` and their own dependencies installed here into the environment."""
    site = site_of(environment)
    for name in sorted(closure(names)):
        here = distribution(name)
        for top in {file.parts[0] for file in here.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(here.locate_file(top))))
