"""Breaks a run at its Nth change of the store, for every N until the run completes; prints what was found, as JSON.

A process of its own with one thread, so that runs can be forked: `python breaking.py FOLDER HOW [PLAN CSV STRIDE]`, where
PLAN is a real plan over the first rows of CSV, broken at every STRIDEth operation only. HOW is one of
  step     the process at work is killed: a step's child, or the runner itself
  machine  the runner and its child are killed together
  ENOSPC   the operation fails: no space is left
  EIO      the operation fails: the disk is broken
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import shutil
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "unit"), str(HERE.parent.parent)]

import toys  # noqa: E402

from mlopsc.runtime.runner import run_plan  # noqa: E402
from mlopsc.runtime.steps import STEPS  # noqa: E402
from mlopsc.runtime.store import io  # noqa: E402
from mlopsc.runtime.store.objects import Store  # noqa: E402
from mlopsc.runtime.work import single_threaded  # noqa: E402


@dataclass
class Case:
    """What is run: before the break with `before` in `file`, then with `after`."""

    plan: dict[str, Any]
    table: Any
    model: str
    file: str
    before: str
    after: str
    stride: int


def toy_case() -> Case:
    return Case(toys.training(at_least=0), toys.TOYS, "m", "rows.json", "[1, 2, 3]", "[4, 5, 6, 7]", 1)


def real_case(plan: Path, data: Path, stride: int) -> Case:
    """Imports what the steps need, so that each run forks with it."""
    single_threaded()
    found = json.loads(plan.read_text())
    for step in found["pipelines"][0]["steps"]:
        if step["kind"] in STEPS and (warm := STEPS[step["kind"]].warm) is not None:
            warm(step["settings"])
    lines = data.read_text().splitlines(keepends=True)
    return Case(found, STEPS, "leaver", "rows.csv", "".join(lines[:301]), "".join(lines[:401]), stride)


class Trap:
    """Counts operations over all processes of a run, and springs at one of them."""

    def __init__(self, how: str, at: int) -> None:
        self.how, self.at, self.runner = how, at, 0
        self._count = mmap.mmap(-1, 8)

    @property
    def count(self) -> int:
        return int(struct.unpack("q", self._count[:8])[0])

    def __call__(self, operation: str, path: str) -> None:
        now = self.count + 1
        self._count[:8] = struct.pack("q", now)
        if now != self.at:
            return
        if self.how in errno.__dict__:
            raise OSError(getattr(errno, self.how), "broken on purpose", path)
        if self.how == "machine" and os.getpid() != self.runner:
            os.kill(self.runner, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def run(folder: Path, case: Case) -> dict[str, Any]:
    return run_plan(case.plan, store=folder / "store", data_root=folder, modules_root=folder, jobs=1, table=case.table)


def facts(folder: Path, case: Case, result: dict[str, Any]) -> dict[str, Any]:
    """What has to be equal however a run was disturbed."""
    store = Store.open(folder / "store", create=False)
    versions = [(v.version, v.digest, v.previous) for v in store.registry().versions(case.model)]
    return {"status": result["status"], "models": result["models"], "gates": result["gates"], "versions": versions}


def broken_run(folder: Path, case: Case, trap: Trap) -> int:
    """Run in a child with the trap set; its wait status."""
    pid = os.fork()
    if pid == 0:
        trap.runner = os.getpid()
        io.probe = trap
        try:
            status = 0 if run(folder, case)["status"] == "succeeded" else 1
        except BaseException:  # any end is allowed here; what it leaves behind is what counts
            status = 1
        os._exit(status)
    return os.waitpid(pid, 0)[1]


def problems(folder: Path, case: Case, wanted: dict[str, Any]) -> list[str]:
    """What is wrong with a store that a broken run left, and with the next run in it."""
    store = Store.open(folder / "store", create=False)
    found = [f"before the next run: {p}" for p in store.journal().verify()]
    first = store.registry().version(case.model, 1)
    assert first is not None
    for digest in first.artifacts.values():
        store.path(digest)
    again = facts(folder, case, run(folder, case))
    if json.dumps(again) != json.dumps(wanted):
        found.append(f"the next run gave {again} instead of {wanted}")
    store = Store.open(folder / "store", create=False)
    found += [f"after the next run: {p}" for p in store.journal().verify()]
    if left := os.listdir(folder / "store" / "tmp"):
        # A file whose writer was killed may stay until gc; a folder of a step may not.
        found += [f"{name} was left in tmp" for name in left if (folder / "store" / "tmp" / name).is_dir()]
    return found


def main(root: Path, how: str, case: Case) -> None:
    base = root / "base"
    base.mkdir()
    (base / case.file).write_text(case.before)
    run(base, case)
    (base / case.file).write_text(case.after)
    whole = root / "whole"
    shutil.copytree(base, whole)
    wanted = facts(whole, case, run(whole, case))
    report: dict[str, Any] = {"wanted": wanted, "operations": 0, "problems": {}}
    at = 1
    while True:
        folder = root / "broken"
        shutil.copytree(base, folder)
        trap = Trap(how, at)
        status = broken_run(folder, case, trap)
        found = problems(folder, case, wanted)
        if found:
            report["problems"][at] = found
        shutil.rmtree(folder)
        if trap.count < at:
            if status != 0:
                report["problems"][at] = [f"an undisturbed run ended with {status}"]
            break
        report["operations"] = at
        at += case.stride
    print(json.dumps(report))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        real_case(Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])) if len(sys.argv) > 3 else toy_case(),
    )
