"""Cache keys: what a step's result depends on, gathered without importing any library that computes it."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .store.objects import canonical, digest_bytes

KEY_FORMAT = 1
# Parts of the runtime that say when steps run and how it is told, but not what they compute.
_NOT_COMPUTING = (
    "cli.py", "__main__.py", "packages.py", "front.py", "render.py", "gc.py",
    "store/index.py", "store/bucket.py", "store/remote.py", "store/leases.py", "store/address.py",
)  # fmt: skip
# What BLAS kernels and compiled libraries choose their code by: OpenBLAS dispatches on vendor, family and these flags.
_FLAGS = re.compile(r"sse4_2|avx\w*|fma|amx\w*|asimd\w*|sve\w*")


def digest_of(value: Any) -> str:
    return digest_bytes(canonical(value))


@functools.cache
def runtime_digest() -> str:
    """Digest of this package's own sources, the same wherever the package was copied to."""
    root = Path(__file__).parent
    found = hashlib.sha256()
    for path in sorted(_sources(root)):
        with open(os.path.join(root, path), "rb", buffering=0) as handle:
            found.update(f"{path}\0".encode() + hashlib.sha256(handle.read()).digest())
    return "sha256:" + found.hexdigest()


def _sources(root: Path, under: str = "") -> Iterable[str]:
    for entry in os.scandir(root / under):
        name = under + entry.name
        if entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
            yield from _sources(root, name + "/")
        elif entry.name.endswith(".py") and entry.name not in _NOT_COMPUTING:
            yield name


@functools.cache
def _installed() -> dict[str, str]:
    """Versions of installed distributions by normalised name. importlib.metadata costs 20 ms; folder names say the same."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and "-" in name:
                package, _, version = name.rpartition(".")[0].partition("-")
                found.setdefault(re.sub(r"[-_.]+", "-", package).lower(), version.split("-")[0])
    return found


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Installed versions, None for what is absent."""
    installed = _installed()
    return {name: installed.get(name) for name in sorted(packages)}


@functools.cache
def cpu_fingerprint() -> dict[str, Any]:
    """What decides the last bits of floating-point results on this machine."""
    found: dict[str, Any] = {"machine": platform.machine()}
    try:
        with open("/proc/cpuinfo", "rb") as handle:
            text = handle.read(16384).partition(b"\n\n")[0].decode("ascii", "replace")
    except OSError:
        return found
    facts = dict(re.findall(r"^([^\t:]+?)\s*: (.*)$", text, re.MULTILINE))
    for name in ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part"):
        if name in facts:
            found[name] = facts[name]
    flags = str(facts.get("flags", facts.get("Features", ""))).split()
    found["flags"] = sorted({flag for flag in flags if _FLAGS.fullmatch(flag)})
    return found


def environment(packages: Iterable[str]) -> dict[str, Any]:
    """The fingerprint that stands in result.json: digests are promised equal where it is equal."""
    return {
        "python": platform.python_version(),
        "runtime": runtime_digest(),
        "packages": {name: version for name, version in versions(packages).items() if version},
        "cpu": digest_of(cpu_fingerprint()),
        "machine": platform.machine(),
    }


def module_digests(paths: Iterable[str], root: Path) -> dict[str, str | None]:
    """Digests of local modules as they are now; None for one that is missing (running the step will say so)."""
    found: dict[str, str | None] = {}
    for path in sorted(paths):
        try:
            found[path] = digest_bytes((root / path).read_bytes())
        except OSError:
            found[path] = None
    return found


def without_places(value: Any) -> Any:
    """Settings without the lines they stand on: moving a rule in the file changes nothing that is computed."""
    if isinstance(value, dict):
        return {k: without_places(v) for k, v in value.items() if k != "where" or not _is_place(v)}
    if isinstance(value, (list, tuple)):
        return [without_places(v) for v in value]
    return value


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"file", "line", "column"}


def step_key(
    step: dict[str, Any],
    *,
    inputs: dict[str, str],
    packages: Iterable[str],
    numeric: bool,
    modules_root: Path,
    identity: Any = None,
    champion: str | None = None,
) -> str:
    """The cache key of a step whose settings have their params replaced. `identity` is of what it reads from outside,
    `champion` the digest of the version that it is compared with."""
    return digest_of(
        {
            "format": KEY_FORMAT,
            "kind": step["kind"],
            "settings": without_places(step["settings"]),
            "outputs": sorted(step["outputs"]),
            "inputs": inputs,
            "runtime": runtime_digest(),
            "python": sys.version_info[:2],
            "packages": versions(packages),
            "cpu": cpu_fingerprint() if numeric else None,
            "modules": module_digests(step.get("modules", ()), modules_root),
            "identity": identity,
            "champion": champion,
        }
    )
