"""Reads a CSV file larger than its memory: prints the peak of each data step, run with 512 MiB.

    python bench/big_csv.py [MEGABYTES]      (default: 700; the file is written to a temporary folder and deleted)

Peaks are of PSS, sampled from /proc: pages that a child shares with its parent count in part."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import cost, mlopsc

MIB = 1 << 20
MEMORY = 512  # MiB that each step may use
STEPS = ("ingest:big", "clean:big", "validate:big", "split:m")
SPEC = """
edition 2026
pipeline large { }
data big {
  source = csv("big.csv")
  key    = id
  columns {
    id      : int
    city    : category("a", "b", "c")
    amount  : float   in 0..1_000_000
    day     : date
    note    : string
    comment : string?
    y       : bool
  }
  filter amount >= 1
  dedupe id
  expect rows >= 1_000
  expect unique(id)
  expect distinct(note) >= 100
  expect mean(amount) in 0..1_000_000
}
features f from big { amount }
model m from f { target = y; split = random(test = 20%, stratify = city); algorithm = dummy() }
gate g on m { require accuracy >= 1% }
"""


def write(path: Path, size: int) -> int:
    """About `size` MiB of rows with ids of their own; how many rows."""
    draw = random.Random(1)
    tails = [
        f"{draw.choice('abc')},{draw.uniform(0, 1e6):.3f},2026-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d},"
        f"{draw.getrandbits(256):x},{'' if draw.random() < 0.1 else 'x' * draw.randint(1, 40)},{draw.choice(['true', 'false'])}"
        for _ in range(5000)
    ]
    rows = 0
    with path.open("w", encoding="utf-8") as out:
        out.write("id,city,amount,day,note,comment,y\n")
        while out.tell() < size * MIB:
            out.write("".join(f"{rows + i},{tail}\n" for i, tail in enumerate(tails)))
            rows += len(tails)
    return rows


def main() -> int:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 700
    with tempfile.TemporaryDirectory(prefix="mlopsc-big-") as name:
        folder = Path(name)
        rows = write(folder / "big.csv", size)
        (folder / "big.mlops").write_text(SPEC)
        subprocess.run([mlopsc(), "compile", "big.mlops", "--target", "local", "-o", "out"], cwd=folder, check=True)
        plan = json.loads((folder / "out" / "plan.json").read_text())
        for step in plan["pipelines"][0]["steps"]:
            step["resources"]["memory"] = MEMORY * MIB
        (folder / "plan.json").write_text(json.dumps(plan))
        print(f"{rows:,} rows, {(folder / 'big.csv').stat().st_size / MIB:.0f} MiB, {MEMORY} MiB a step")
        print(f"{'step':<14}{'CPU s':>8}{'wall s':>8}{'peak MiB':>10}")
        for step in STEPS:
            given = ["--plan", "plan.json", "--run", "one", "--store", "store", "--data", str(folder)]
            found = cost([sys.executable, "-m", "mlopsc.runtime", "step", step, *given], cwd=folder, memory=True)
            print(f"{step:<14}{found.cpu:>8.1f}{found.wall:>8.1f}{found.peak:>10.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
