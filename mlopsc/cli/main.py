"""`mlopsc`: finds the command, loads only its module, and turns whatever happens into an exit code.

0 done · 1 findings, a failed gate or run · 2 wrong usage, unreadable input or internal error · 3 waiting for an approval.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

from mlopsc import __version__
from mlopsc.cli.table import COMMANDS, EXAMPLE, MODULES
from mlopsc.driver.failure import Failure

DONE, USAGE = 0, 2
INTERRUPTED = 130  # 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE: what a shell shows for any program whose reader went away


def entry() -> None:
    """The console script. Ends the process with the command's exit code."""
    gc.disable()  # a command is over before garbage counts; `run`, which is not, turns the collector on again
    if sys.stderr is None:  # closed: the first file that is opened would get its number
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
    if sys.stdout is None:
        code = _unwritten("it is closed")
    else:
        sys.stdout = _watched(sys.stdout)
        code = _flushed(guarded(sys.argv[1:]))
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)  # all is flushed and closed; taking a thousand modules apart would cost up to 0.3 s of CPU


def guarded(argv: list[str]) -> int:
    """Run a command line; no exception leaves but SystemExit of argparse turned into its code."""
    _lenient(sys.stdout)
    _lenient(sys.stderr)
    try:
        return main(argv)
    except Failure as failure:
        print(f"mlopsc: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print("mlopsc: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return BROKEN_PIPE
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else (DONE if stop.code is None else USAGE)
    except _Unwritable as error:
        return _unwritten(error.strerror)
    except Exception as error:  # noqa: BLE001 - the last net: a traceback shown to a user is a bug
        import_module("mlopsc.cli.crash").report(argv, error)
        return USAGE


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        return _help(argv)
    if argv[0] in ("-V", "--version"):
        print(f"mlopsc {__version__}")
        return DONE
    flags = argv[:1] if argv[0] in ("--quiet", "-q", "--verbose", "-v") else []
    command, rest = argv[len(flags)] if len(argv) > len(flags) else "", argv[len(flags) + 1 :]
    if command not in MODULES:
        return _unknown(command)
    module = import_module(f"mlopsc.cli.{MODULES[command]}")
    parser = import_module("mlopsc.cli.options").build(command, module)
    args = parser.parse([*flags, *rest])
    code: int = module.run(args)
    return code


def _help(argv: list[str]) -> int:
    if len(argv) > 1 and argv[0] == "help" and argv[1] in MODULES:
        return main([argv[1], "--help"])
    width = max(len(name) for name in COMMANDS)
    listed = "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    text = (
        "usage: mlopsc [--version] [--quiet] [--verbose] COMMAND …\n\n"
        "One file describes a whole machine learning system; mlopsc checks it, compiles it and runs it.\n\n"
        f"commands:\n{listed}\n\nexample:\n{EXAMPLE}\n\n'mlopsc COMMAND --help' tells about one command.\n"
    )
    if argv:
        sys.stdout.write(text)
        return DONE
    sys.stderr.write(text)
    return USAGE


def _unknown(command: str) -> int:
    if not command:
        return _help([])
    best = import_module("mlopsc.diagnostics.suggest").nearest(command, COMMANDS)
    what = "option" if command.startswith("-") else "command"
    tip = f"did you mean {best}?" if best else "'mlopsc --help' lists the commands"
    raise Failure(f"unknown {what} {command!r}; {tip}")


def _lenient(stream: object) -> None:
    """A terminal that cannot show a character gets its escape instead of an exception."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and str(getattr(stream, "encoding", "")).lower().replace("-", "") != "utf8":
        reconfigure(errors="backslashreplace")


class _Unwritable(OSError):  # noqa: N818 - the field's own word
    """Standard output, and no other file, cannot be written."""


class _Output(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _Unwritable(error.errno, error.strerror) from None


def _watched(stream: TextIO) -> TextIO:
    """The same standard output; that it cannot be written is told apart from every other error."""
    raw = _Output(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=stream.isatty(), write_through=False
    )


def _flushed(code: int) -> int:
    """The exit code once all is written: `code`, unless standard output cannot take it."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        _silence()
        return BROKEN_PIPE
    except _Unwritable as error:
        return _unwritten(error.strerror)
    return code


def _unwritten(why: str | None) -> int:
    with suppress(OSError):
        print(f"mlopsc: standard output cannot be written: {why}", file=sys.stderr)
    _silence()
    return USAGE


def _silence() -> None:
    """Nobody reads any more: let the interpreter's own flush at exit go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())
