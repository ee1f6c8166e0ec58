"""Measuring whole processes: CPU seconds of a command and all its children, and the peak memory of its process tree."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Cost(NamedTuple):
    cpu: float  # seconds, user + system, of the whole process tree
    wall: float  # seconds
    peak: float  # MiB, largest sum of proportional set sizes seen; 0 where it was not asked for


def cost(command: Sequence[str], *, cwd: Path | None = None, memory: bool = False, ok: Sequence[int] = (0,)) -> Cost:
    """Run `command` to its end. Raises RuntimeError with its output when the exit code is not one of `ok`."""
    environment = os.environ | ONE_THREAD
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode; so has a checkout, then
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peak = [0.0]
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    if memory:
        watcher.start()
    output, _ = process.communicate()
    done.set()
    if memory:
        watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in ok:
        raise RuntimeError(f"{command} exited {process.returncode}:\n{output.decode(errors='replace')[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.perf_counter() - start, peak[0])


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.03):
        peak[0] = max(peak[0], sum(_pss(p) for p in _tree(pid)))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        found += [int(child) for child in children.split()]
    return found


def _pss(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        return 0.0
    return 0.0


def pairs(a: Sequence[str], b: Sequence[str], times: int, before_a: object = None) -> tuple[float, float, float]:
    """Median CPU of `a` and of `b`, run in turns, and the median of the ratios a/b turn by turn. `before_a` is called
    before each run of `a`, uncounted."""
    left, right = [], []
    for _ in range(times):
        if callable(before_a):
            before_a()
        left.append(cost(a).cpu)
        right.append(cost(b).cpu)
    ratios = [x / y for x, y in zip(left, right, strict=True)]
    return median(left), median(right), median(ratios)


def python() -> str:
    return sys.executable


def mlopsc() -> str:
    return str(Path(sys.executable).with_name("mlopsc"))
