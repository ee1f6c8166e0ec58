"""How text looks in a terminal: columns taken by characters, and characters that must not reach one."""

from __future__ import annotations

from unicodedata import category, east_asian_width

TAB = 4

# A stranger's spec must not move the cursor, hide text or turn its direction in a reviewer's terminal or log.
_UNSAFE_CATEGORIES = ("Cc", "Cf", "Zl", "Zp", "Cs")


def safe(text: str) -> str:
    """`text` with every control, format and direction character shown as \\u{…}. Tabs and line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\t\n" or not _unsafe(c) else f"\\u{{{ord(c):x}}}" for c in text)


def _unsafe(char: str) -> bool:
    return not char.isprintable() and category(char) in _UNSAFE_CATEGORIES


def expanded(text: str) -> tuple[str, list[int]]:
    """One line as it is shown (tabs as blanks, unsafe characters escaped), and the column, from 0, at which each
    character of `text` begins, with one more entry for the end."""
    shown: list[str] = []
    starts: list[int] = []
    at = 0
    for char in text:
        starts.append(at)
        if char == "\t":
            piece = " " * (TAB - at % TAB)
        elif _unsafe(char):
            piece = f"\\u{{{ord(char):x}}}"
        else:
            piece = char
        shown.append(piece)
        at += len(piece) if len(piece) > 1 or piece.isascii() else columns(piece)
    starts.append(at)
    return "".join(shown), starts


def columns(char: str) -> int:
    """0 for combining marks, 2 for wide characters (Unicode's East Asian Width W and F), else 1."""
    if category(char) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(char) in ("W", "F") else 1
