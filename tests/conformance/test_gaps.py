"""Capability tables tell the truth: what a target declares to lack is refused by name, what it declares to have is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LATER, support

from mlopsc.target import registry
from mlopsc.target.capability import FEATURES

BASE = """\
edition 2026

pipeline p {{
  about = "x"
  {pipeline}
}}

data d {{
  source = {source}
  columns {{
    x : float
    y : bool
  }}
}}

features f from d {{
  x
}}

model m from f {{
  target    = y
  split     = random(test = 20%)
  algorithm = logistic_regression()
  {model}
}}

gate g on m {{
  require roc_auc >= 0.5
  {gate}
}}

{more}
"""
DEPLOY = """deploy api from m {{
  after   = [g]
  serve   = rest(port = 8080)
  {rest}
}}
"""
BATCH = 'batch(d, parquet("out.parquet"), schedule = every(1d))'
MONITOR = """monitor w on api {
  schedule  = every(1d)
  window    = 7d
  reference = training
  when drift(f) > 0.2 then alert(c)
}
channel c = webhook(secret("C"))
"""
# feature -> what a spec says to use it
USES: dict[str, dict[str, str]] = {
    "schedule.cron": {"pipeline": 'schedule = cron("0 3 * * *")'},
    "schedule.every": {"pipeline": "schedule = every(1d)"},
    "trigger.new_data": {"pipeline": "when new_data(d) then run"},
    "params": {"more": "param seed : int = 3", "model": "seed = seed"},
    "retries": {"pipeline": "retries = 2"},
    "timeout": {"pipeline": "timeout = 1h"},
    "resources": {"model": "cpu = 2"},
    "gpu": {"model": "gpu = 1"},
    "source.file": {},
    "source.object-store": {"source": 'csv("s3://bucket/rows.csv")'},
    "source.database": {"source": 'table(db, "rows")', "more": 'connection db = sqlite(path = "x.db")'},
    "source.python": {"source": 'python("mine:rows")'},
    "secrets": {
        "source": 'table(db, "rows")',
        "more": 'connection db = postgres(host = "h", database = "d", user = "u", password = secret("P"))',
    },
    "notify": {"pipeline": "notify = [c]", "more": 'channel c = webhook(secret("C"))'},
    "approval": {"gate": 'approval = manual(by = ["a"])'},
    "approval.within": {"gate": 'approval = manual(by = ["a"], within = 2d)'},
    "custom": {"more": 'step s {\n  run = python("mine:work")\n}'},
    "registry": {},
    "deploy": {"more": DEPLOY.format(rest="")},
    "rollout.canary": {"more": DEPLOY.format(rest="rollout = canary([5%, 100%], every = 10min)")},
    "rollout.blue_green": {"more": DEPLOY.format(rest="rollout = blue_green()")},
    "rollout.shadow": {"more": DEPLOY.format(rest="rollout = shadow(1d)")},
    "rollback.rule": {"more": DEPLOY.format(rest="when error_rate > 2% then rollback")},
    "batch": {"more": DEPLOY.format(rest="").replace("rest(port = 8080)", BATCH)},
    "monitor": {"more": DEPLOY.format(rest="") + MONITOR},
}


def write(folder: Path, feature: str) -> Path:
    parts = {"pipeline": "", "source": 'csv("rows.csv")', "model": "", "gate": "", "more": ""} | USES[feature]
    (folder / "mine.py").write_text("def work():\n    return {}\n\n\ndef rows():\n    return None\n")
    (folder / "p.mlops").write_text(BASE.format(**parts))
    return folder / "p.mlops"


def test_the_support_matrix_in_the_docs_is_what_the_tables_say(root: Path) -> None:
    done = subprocess.run([sys.executable, root / "scripts" / "support_matrix.py", "--check"], check=False)
    assert done.returncode == 0, "run scripts/support_matrix.py"


def test_every_feature_has_a_spec_that_uses_it() -> None:
    assert USES.keys() == FEATURES.keys()


@pytest.mark.parametrize("feature", sorted(USES))
def test_what_a_target_declares_to_lack_is_told_and_nothing_else_is(feature: str, tmp_path: Path) -> None:
    spec = write(tmp_path, feature)
    rows = {row["feature"]: row["targets"] for row in support(spec)}
    assert feature in rows, "the spec does not use it"
    for target in registry.names():
        words = ["check", spec.name, "--target", target]
        told = subprocess.run(
            [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", *words],
            capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
        ).stdout  # fmt: skip
        lacks = rows[feature][target]["support"] == "unsupported"
        named = f"({feature}: " in told
        waits = feature.startswith(LATER) and "MLC7005 idle-on-target" in told.replace("] ", " ").replace("[", "")
        assert (named or waits) is lacks, f"{target}: {told}"
