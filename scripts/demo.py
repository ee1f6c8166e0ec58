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
BUILD = Path("build") / "demo"

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The spec is proved without touching data, then held against the real file.", ("check", SPEC, "--data")),
    ("Its feature tests run.", ("test", SPEC)),
    ("The steps that it stands for.", ("graph", SPEC)),
    ("It compiles to a folder of plain Python that needs no mlopsc.", ("compile", SPEC, "--target", "local", "-o", "{build}/local")),
    ("It runs: data, features, tuning, training, evaluation, gates, registration.", ("run", SPEC, "--store", "{build}/store", "--verbose")),
    ("Run again with nothing changed, every step is taken from the store.", ("run", SPEC, "--store", "{build}/store", "--verbose")),
    ("The versions, and where each comes from.", ("models", "--store", "{build}/store")),
    ("Every decision, in a chain that can be verified.", ("journal", "--verify", "--store", "{build}/store")),
)  # fmt: skip


def main(command: str) -> int:
    shutil.rmtree(ROOT / BUILD, ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPSC_")}
    for about, words in STEPS:
        filled = [word.format(build=BUILD.as_posix()) for word in words]
        print(f"\n# {about}\n$ mlopsc {' '.join(filled)}", flush=True)
        code = subprocess.run([command, *filled], cwd=ROOT, env=environment, check=False).returncode
        if code:
            print(f"\nmlopsc {filled[0]} ended with {code}", file=sys.stderr)
            return code
    print(f"\nEverything it wrote is in {BUILD.as_posix()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).absolute()) if len(sys.argv) > 1 else "mlopsc"))
