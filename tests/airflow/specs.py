"""Small specs and data for the Airflow tests: a few hundred rows, seconds to train."""

from __future__ import annotations

import random
import sys
from pathlib import Path

TOKEN = "planted-token-1f9c"  # a secret that must be found nowhere
OTHER = "planted-password-7d2e"  # another, in an Airflow connection

PEOPLE = """
data people {
  source = csv("people.csv")
  key    = id
  columns {
    id   : int
    age  : int in 0..120
    paid : float?
    left : bool("Yes", "No")
  }
  expect rows >= ROWS
}
features inputs from people {
  age  |> standardize()
  paid |> impute(median)
}
model risk from inputs {
  target    = left
  split     = random(test = test_share, stratify = left)
  algorithm = logistic_regression(C = tune(0.1..10, log = true))
  tuning { trials = 2; maximize = roc_auc; folds = 2 }
}
gate release on risk {
  require roc_auc >= LEAST
  APPROVAL
}
param test_share : share = 25%
"""


def training(
    name: str, *, rows: int = 100, least: str = "0.55", approval: str = "", options: str = "", notify: str = ""
) -> str:
    body = PEOPLE.replace("ROWS", str(rows)).replace("LEAST", least).replace("APPROVAL", approval)
    head = f'edition 2026\npipeline {name} {{ about = "Who leaves?"; owner = "ml"; retries = 1; retry_delay = 1s }}\n'
    if notify:
        head = head.replace("retries = 1", "notify = [oncall]; retries = 1") + f"channel oncall = {notify}\n"
    return f'{head}target airflow {{ python = "{sys.executable}"; {options} }}\n{body}'


CUSTOM = """
edition 2026
pipeline NAME { about = "Own steps."; retries = 1; retry_delay = 1s }
connection crm = postgres(host = env("CRM_HOST"), database = "crm", user = "ml", password = secret("CRM_PASSWORD"))
param rows : int = 3
step first { run = python("mine:first") }
step second { run = python("mine:FUNCTION"); inputs = [first] }
step third { run = python("mine:third"); inputs = [second] }
"""

MINE = """
import json, os, pathlib, sys

def first():
    import mlopsc_runtime
    return {"python": sys.executable, "marker": getattr(mlopsc_runtime, "MARKER", None)}

def second(first):
    return json.load(open(first))

def crashing(first):
    mark = pathlib.Path(os.environ["MLOPSC_DATA"]) / "crashed"
    if not mark.exists():
        mark.write_text("once")
        print("about to crash", flush=True)
        os.kill(os.getpid(), 9)
    return json.load(open(first))

def broken(first):
    raise ValueError("no luck")

def third(second):
    return json.load(open(second))
"""


def custom(name: str, function: str = "second") -> str:
    lines = [line for line in CUSTOM.splitlines() if not line.startswith("connection")]
    return "\n".join(lines).replace("NAME", name).replace("FUNCTION", function)


def people(path: Path, rows: int = 300) -> None:
    """Rows in which age tells something about who leaves."""
    rng = random.Random(4)
    lines = ["id,age,paid,left"]
    for i in range(rows):
        age = rng.randrange(18, 90)
        paid = "" if rng.random() < 0.1 else f"{rng.random() * 100:.2f}"
        lines.append(f"{i},{age},{paid},{'Yes' if rng.random() < age / 100 else 'No'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
