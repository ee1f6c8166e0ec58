"""The pages of the codes: text that travels with the compiler, so that `explain` works offline."""

from __future__ import annotations

from os.path import dirname, join

from mlopsc.diagnostics.codes import CODES

_PAGES = join(dirname(__file__), "pages")


def page(code: str) -> str | None:
    """The page of a code, or None where there is none."""
    try:
        with open(join(_PAGES, f"{code}.md"), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def resolve(word: str) -> str | None:
    """The code that `word` names: `MLC1003`, `mlc1003`, `1003` or its readable name; None for anything else."""
    lowered = word.strip().lower()
    if lowered in CODES:
        return CODES[lowered][0]
    wanted = f"MLC{lowered.removeprefix('mlc')}"
    return wanted if any(code == wanted for code, _ in CODES.values()) else None


def name_of(code: str) -> str:
    return next(name for name, (other, _) in CODES.items() if other == code)


def listing() -> list[tuple[str, str, str, str]]:
    """(code, name, severity, what it is about) of every code, by code."""
    rows = sorted((code, name, severity) for name, (code, severity) in CODES.items())
    return [(code, name, severity, first_paragraph(code)) for code, name, severity in rows]


def first_paragraph(code: str) -> str:
    """The first sentence under `## What it does`, on one line; empty without a page."""
    text = page(code)
    if text is None or "## What it does" not in text:
        return ""
    body = text.split("## What it does", 1)[1].strip().split("\n\n", 1)[0]
    return " ".join(body.split())
