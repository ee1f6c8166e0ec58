"""Breaks a run at its Nth operation on the bucket, for every STRIDEth N until the run completes; prints what was found.

`python breaking_s3.py FOLDER URL HOW STRIDE`, a process of its own with one thread. HOW as in tests/faults/breaking.py:
machine (runner and child are killed), EIO (the operation fails), and lost: the connection breaks. Operations that write count
twice: before they are sent, and done but not answered yet.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "faults"), str(HERE.parent / "unit"), str(HERE.parent.parent)]

import breaking  # noqa: E402

from mlopsc.runtime.runner import run_plan  # noqa: E402
from mlopsc.runtime.store.bucket import Bucket  # noqa: E402
from mlopsc.runtime.store.objects import Store  # noqa: E402


class Trap(breaking.Trap):
    def __call__(self, operation: str, path: str) -> None:
        if not operation.startswith("s3-"):
            return
        if self.how == "lost" and self.count + 1 == self.at:
            self.at = 0
            super().__call__(operation, path)
            raise ConnectionResetError("broken on purpose")
        super().__call__(operation, path)


def run(folder: Path, url: str, case: breaking.Case) -> dict[str, Any]:
    return run_plan(case.plan, store=url, data_root=folder, modules_root=folder, jobs=1, table=case.table)


def _run_at(url: str, folder: Path, case: breaking.Case) -> dict[str, Any]:
    return run(folder, url, case)


def facts(url: str, case: breaking.Case, result: dict[str, Any]) -> dict[str, Any]:
    versions = [(v.version, v.digest, v.previous) for v in Store.open(url).registry().versions(case.model)]
    return {"status": result["status"], "models": result["models"], "gates": result["gates"], "versions": versions}


def copied(old: Bucket, new: Bucket) -> None:
    names = list(old.find(""))
    for name, data in zip(names, old.get_all(names), strict=True):
        assert data is not None
        new.put(name, data)


def problems(folder: Path, url: str, case: breaking.Case, wanted: dict[str, Any]) -> list[str]:
    store = Store.open(url, create=False)
    found = [f"before the next run: {p}" for p in store.journal().verify()]
    first = store.registry().version(case.model, 1)
    assert first is not None
    for digest in first.artifacts.values():
        store.prove(digest)
    again = facts(url, case, run(folder, url, case))
    if json.dumps(again) != json.dumps(wanted):
        found.append(f"the next run gave {again} instead of {wanted}")
    return found + [f"after the next run: {p}" for p in Store.open(url).journal().verify()]


def main(folder: Path, url: str, how: str, stride: int) -> None:
    case = breaking.toy_case()
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    stores = {name: Bucket(bucket, f"{prefix}/{name}") for name in ("base", "whole")}
    (folder / case.file).write_text(case.before)
    run(folder, stores["base"].url(), case)
    (folder / case.file).write_text(case.after)
    copied(stores["base"], stores["whole"])
    wanted = facts(stores["whole"].url(), case, run(folder, stores["whole"].url(), case))
    report: dict[str, Any] = {"wanted": wanted, "operations": 0, "problems": {}}
    at = 1
    while True:
        broken = Bucket(bucket, f"{prefix}/{at}")
        copied(stores["base"], broken)
        trap = Trap(how, at)
        breaking.run = functools.partial(_run_at, broken.url())
        status = breaking.broken_run(folder, case, trap)
        found = problems(folder, broken.url(), case, wanted)
        if found:
            report["problems"][at] = found
        if trap.count < at:
            if status != 0:
                report["problems"][at] = [f"an undisturbed run ended with {status}"]
            break
        report["operations"] = at
        at += stride
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
