"""Capability tables tell the truth: what a target declares to lack is refused by name, what it declares to have is not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LATER

from mlopsc.diagnostics.located import Located
from mlopsc.driver import support as support_of
from mlopsc.driver.check import Checked, check_file
from mlopsc.driver.compiling import emitted, plan_of
from mlopsc.driver.spec import read
from mlopsc.driver.support import lacking, used
from mlopsc.target import registry
from mlopsc.target.capability import FEATURES, Level

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


# What a trial cannot go without, on the local target too; the rest waits there, with a warning.
BROKEN_LOCALLY = ("gpu", "source.object-store")


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


def everywhere() -> list[str]:
    """Every target, and each further version of one as TARGET@VERSION."""
    return [
        name if at == 0 else f"{name}@{version}"
        for name in registry.names()
        for at, version in enumerate(registry.capabilities(name).versions)
    ]


def told(spec: Path, target: str) -> tuple[Checked, list[Located]]:
    """The checked spec, and what is wrong with it on the target and nowhere else."""
    checked = check_file(read(str(spec)), target=target)
    assert not checked.has_errors, checked.findings
    return checked, list(lacking(checked, target))


def named(findings: list[Located], feature: str) -> list[str]:
    """Codes of the findings that name the feature; those on blocks that wait for a later release name none."""
    if feature.startswith(LATER):
        return [found.code for found in findings if found.name in ("idle-on-target", "beyond-target")]
    return [found.code for found in findings if f"({feature}: " in found.message]


@pytest.mark.parametrize("target", everywhere())
@pytest.mark.parametrize("feature", sorted(USES))
def test_a_declared_gap_is_told_and_what_is_declared_to_be_there_compiles(
    feature: str, target: str, tmp_path: Path
) -> None:
    spec = write(tmp_path, feature)
    name, _, version = target.partition("@")
    level, _ = registry.capabilities(name).level(feature, version or None)
    checked, findings = told(spec, target)
    assert feature in [use.feature for use in used(checked.program)], "the spec does not use it"
    if not level.usable:
        waits = name == "local" or (feature.startswith(LATER) and level is Level.NOT_IMPLEMENTED)
        (code,) = named(findings, feature)
        assert code == ("MLC7004" if not waits or feature in BROKEN_LOCALLY else "MLC7005")
    else:
        assert named(findings, feature) == []
    if not any(found.severity == "error" for found in findings):
        assert emitted(plan_of(checked), checked, target, str(tmp_path / "out"))


@pytest.mark.parametrize("target", registry.names())
@pytest.mark.parametrize("feature", sorted(USES))
def test_what_the_table_says_decides_and_a_feature_without_a_line_is_refused(
    feature: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same spec against a table that has all else and this one line turned: there, not there, missing."""
    spec = write(tmp_path, feature)
    table = registry.capabilities(target)

    def turned(line: dict[str, tuple[Level, str]]) -> list[str]:
        others = {name: (Level.FULL, "") for name in FEATURES if name != feature}
        changed = dataclasses.replace(table, levels=others | line)
        monkeypatch.setattr(support_of, "capabilities", lambda _: changed)
        return named(told(spec, target)[1], feature)

    assert turned({feature: (Level.FULL, "")}) == []
    assert turned({feature: (Level.EMULATED, "by other means")}) == []
    assert len(turned({feature: (Level.UNSUPPORTED, "")})) == 1
    assert len(turned({})) == 1
