"""`make demo`: the churn example on the real data, from spec to a registered model, each command shown with what it says.

python scripts/demo.py MLOPSC        (the path of the mlopsc command)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEC = "examples/churn/churn.mlops"
BUILD = "build/demo"

STEPS = (
    ("The spec is proved without touching data, then held against the real file.", f"check {SPEC} --data"),
    ("Its feature tests run.", f"test {SPEC}"),
    ("The steps that it stands for.", f"graph {SPEC}"),
    (
        "It compiles to a folder of plain Python that needs no mlopsc.",
        f"compile {SPEC} --target local -o {BUILD}/local",
    ),
    (
        "It runs: data, features, tuning, training, evaluation, gates, registration.",
        f"run {SPEC} --store {BUILD}/store -v",
    ),
    ("Run again with nothing changed, every step is taken from the store.", f"run {SPEC} --store {BUILD}/store -v"),
    ("The versions, and where each comes from.", f"models --store {BUILD}/store"),
    ("Every decision, in a chain that can be verified.", f"journal --verify --store {BUILD}/store"),
)


def main(command: str) -> int:
    shutil.rmtree(ROOT / BUILD, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPSC_")}
    for about, words in STEPS:
        print(f"\n# {about}\n$ mlopsc {words}", flush=True)
        code = subprocess.run([command, *words.split()], cwd=ROOT, env=environment, check=False).returncode
        if code:
            print(f"\nmlopsc {words} ended with {code}", file=sys.stderr)
            return code
    print(f"\nEverything it wrote is in {BUILD}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).absolute()) if len(sys.argv) > 1 else "mlopsc"))
