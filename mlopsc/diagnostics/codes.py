"""Every diagnostic: readable name -> (code, severity). Codes are never reused or renumbered.

Each has a page `pages/CODE.md` and a case in `tests/cases/check`; a test fails for a code without either.
MLC00xx reading and syntax, 10xx names and structure, 20xx types and expressions, 30xx data and features, 40xx models,
50xx gates, 60xx deploy and monitor, 70xx targets, 80xx the real data, 90xx running.
"""

from __future__ import annotations

ERROR, WARNING = "error", "warning"

CODES: dict[str, tuple[str, str]] = {
    # reading and syntax
    "unreadable-file": ("MLC0001", ERROR),
    "syntax-error": ("MLC0002", ERROR),
    "unterminated-string": ("MLC0003", ERROR),
    "bad-character": ("MLC0004", ERROR),
    "bad-encoding": ("MLC0005", ERROR),
    "file-too-large": ("MLC0006", ERROR),
    "too-deep": ("MLC0007", ERROR),
    "bad-number": ("MLC0008", ERROR),
    "bad-escape": ("MLC0009", ERROR),
    "chained-comparison": ("MLC0010", ERROR),
    "empty-spec": ("MLC0011", ERROR),
    "bare-call": ("MLC0012", ERROR),
    # names and structure
    "unknown-block": ("MLC1001", ERROR),
    "unknown-setting": ("MLC1002", ERROR),
    "unknown-column": ("MLC1003", ERROR),
    "unknown-name": ("MLC1004", ERROR),
    "unknown-function": ("MLC1005", ERROR),
    "unknown-argument": ("MLC1006", ERROR),
    "unknown-rule": ("MLC1007", ERROR),
    "duplicate-name": ("MLC1008", ERROR),
    "duplicate-setting": ("MLC1009", ERROR),
    "missing-setting": ("MLC1010", ERROR),
    "missing-edition": ("MLC1011", WARNING),
    "unknown-edition": ("MLC1012", ERROR),
    "no-pipeline": ("MLC1013", ERROR),
    "wrong-kind": ("MLC1014", ERROR),
    "unused-data": ("MLC1020", WARNING),
}
