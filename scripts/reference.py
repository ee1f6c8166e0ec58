"""Writes docs/reference/BLOCK.md, one page a kind of block, from the tables of mlopsc.catalog.

python scripts/reference.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlopsc.catalog.reference import pages

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> int:
    found = pages()
    if "--check" in sys.argv:
        written = {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*.md")}
        return int(written != found)
    TARGET.mkdir(exist_ok=True)
    for name, text in found.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
