"""Internal errors: one line for the user, the traceback in a file."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback

from mlopsc import __version__


def report(argv: list[str], error: Exception) -> None:
    """Write a report file (readable by its owner only) and print one line that names it. Holds no values of variables and
    no value of `--set`, which may be private."""
    shown = ["NAME=…" if i and argv[i - 1] == "--set" else word for i, word in enumerate(argv)]
    text = (
        f"mlopsc {__version__}, Python {platform.python_version()} on {platform.system()}\n"
        f"command: mlopsc {' '.join(shown)}\n\n{''.join(traceback.format_exception(error))}"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="mlopsc-report-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
            where = f"the report is in {file.name}"
    except OSError as failed:
        where = f"no report could be written: {failed.strerror}"
    print(f"mlopsc: internal error ({type(error).__name__}); {where}", file=sys.stderr)
