"""Writes docs/targets.md: which target does what, from the back ends' own tables.

python scripts/support_matrix.py [--check]
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from mlopsc.cli.main import main
from mlopsc.driver.support import installed

TARGET = Path(__file__).resolve().parent.parent / "docs" / "targets.md"


def text() -> str:
    """What `mlopsc targets --format markdown` prints, and the notes of each target."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(["targets", "--format", "markdown"])
    lines = ["# Targets", "", "Written by `scripts/support_matrix.py` from the back ends' tables.", "", out.getvalue()]
    for target in installed():
        lines += [f"## {target.name}: {target.title}, {', '.join(target.versions)}", ""]
        lines += [f"- `{feature}` {level.value}: {note}" for feature, (level, note) in target.levels.items() if note]
        if target.options:
            lines += ["", "| option | value | meaning |", "| --- | --- | --- |"]
            kinds = [option.kind.replace("|", "\\|") for option in target.options]
            lines += [f"| `{o.name}` | {kind} | {o.doc} |" for o, kind in zip(target.options, kinds, strict=True)]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    found = text()
    if "--check" in sys.argv:
        sys.exit(int(TARGET.read_text(encoding="utf-8") != found))
    TARGET.write_text(found, encoding="utf-8")
