"""The specs that the documents show are specs that check clean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BESIDE = {  # what the shown specs name and a document does not show
    "shared.mlops": "edition 2026\n\nmetric calls = mean(if predicted then 1 else 0)\n",
    "estimators.py": "def make_forest(**arguments):\n    return None\n",
    "reports.py": "def write(customers, buyers):\n    return None\n",
}


def shown(document: str) -> list[str]:
    """Whole specs among the fenced blocks of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [block for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) if block.startswith("edition ")]


@pytest.mark.parametrize("document", ["README.md", "grammar/README.md"])
def test_a_shown_spec_checks_clean(document: str, tmp_path: Path, mlopsc: Any) -> None:
    specs = shown(document)
    assert specs
    for name, text in BESIDE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for text in specs:
        (tmp_path / "shown.mlops").write_text(text, encoding="utf-8")
        done = mlopsc("check", "--strict", "shown.mlops")
        assert done.returncode == 0, done.stdout
