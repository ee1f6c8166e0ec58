"""A step's process, as a task or its pod starts it: what it prints goes to the log at once, without the values of secrets;
how the step ended is what it *answered*, whatever its exit code is and whatever the user's code in it printed.

Copied into the folder of each pipeline, and into the image of its pods.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import select
import signal
import string
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CRASHED = 75
_LOOK = 0.1  # seconds between two looks at whether the process has ended while something keeps its output open
_LEFT = 1 << 20  # bytes of output that are still read after its end
_LEAST = 4  # characters of a line of a secret that are hidden by themselves
_PLAIN = string.ascii_letters + string.digits + "_.-~"


class Late(Exception):  # noqa: N818 - a limit, not a fault of this program
    """The process was still at work at its limit. It has been ended."""


class StepProcess:
    """`code` is the answer's, else CRASHED; `answer` the object that it gave; `told` the lines of its errors; `how` what
    its end looked like where it gave no answer, else empty."""

    def __init__(self, command: list[str], secrets: Iterable[str], **popen: Any) -> None:
        self.command = command
        self.secrets = terms(secrets)
        self.popen = popen
        self.process: subprocess.Popen[bytes] | None = None
        self.running = False
        self.answered = False
        self.code = CRASHED
        self.answer: dict[str, Any] = {}
        self.told: list[str] = []
        self.how = ""

    def run(self, limit: float | None = None, patience: float = 0.0) -> None:
        """Start it and wait for its end; Late after `limit` seconds, after `patience` more to end by itself. Nothing that it
        started in its own group is left behind. OSError where it cannot be started."""
        with tempfile.TemporaryDirectory(prefix="mlopsc-") as folder:
            place = Path(folder) / "answer.json"
            self.process = subprocess.Popen(  # noqa: S603 - the command is the folder's own
                [*self.command, "--answer", str(place)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True, **self.popen,
            )  # fmt: skip
            self.running = True
            try:
                code = self._watched(self.process, limit)
            except Late:
                self.stop(patience)
                self._read(place)
                if not self.answered:
                    raise
                code = self.code
            except BaseException:
                self.stop(patience)
                raise
            finally:
                self.stop()
                self.running = False
                self.process.wait()
                assert self.process.stdout is not None
                self.process.stdout.close()
                self._read(place)
        self.how = "" if self.answered else _ended(code)

    def stop(self, patience: float = 0.0) -> None:
        """End it and its group; first ask it to end, where it is given time for that. May be called by a signal's handler
        while `run` waits: nothing here waits for a lock."""
        if self.process is None or not self.running:
            return
        if patience and self.process.poll() is None:
            self.process.terminate()
            end = time.monotonic() + patience
            while self.process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def hide(self, text: str) -> str:
        for term in self.secrets:
            text = text.replace(term, "***")
        return text

    def _watched(self, process: subprocess.Popen[bytes], limit: float | None) -> int:
        """The exit code. A process that it left behind may hold its output open: nobody waits for that one."""
        assert process.stdout is not None
        out = process.stdout.fileno()
        end = None if limit is None else time.monotonic() + limit
        printer = _Printer(self.hide)
        opened, left = True, _LEFT
        while True:
            ended = process.poll() is not None
            ready = opened and select.select([out], [], [], 0.0 if ended else _LOOK)[0]
            found = os.read(out, 1 << 16) if ready else b""
            opened = opened and (bool(found) or not ready)
            printer.take(found)
            left -= len(found) if ended else 0
            if ended and (not found or left <= 0):
                break
            if end is not None and not ended and time.monotonic() >= end:
                printer.close()
                raise Late
            if not opened and not ended:
                time.sleep(0.01)
        printer.close()
        return int(process.returncode)

    def _read(self, place: Path) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(place.read_bytes())
            self.code, self.answer = int(found["code"]), dict(found["found"])
            self.told = self.hide("\n".join(map(str, found["told"]))).splitlines()
            self.answered = True


class _Printer:
    """Prints whole lines. Secrets are replaced before the text is cut into lines, and again in each line."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self.hide = hide
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""

    def take(self, data: bytes) -> None:
        text = self.rest + self.decoder.decode(data)
        whole, newline, self.rest = text.rpartition("\n")
        if len(self.rest) > _LEFT:
            whole, newline, self.rest = text, "\n", ""
        if newline:
            print(self.hide(whole), flush=True)

    def close(self) -> None:
        if self.rest:
            print(self.hide(self.rest), flush=True)
            self.rest = ""


def terms(secrets: Iterable[str]) -> list[str]:
    """What is hidden, longest first: values as they are, as Python, JSON and URLs write them, and the lines of one that has
    several."""
    found: set[str] = set()
    for value in filter(None, secrets):
        found |= {
            value,
            repr(value)[1:-1],
            json.dumps(value)[1:-1],
            _quoted(value, _PLAIN),
            _quoted(value, _PLAIN + "/"),
        }
        found |= {line for line in value.splitlines() if len(line.strip()) >= _LEAST}
    return sorted(found, key=len, reverse=True)


def _quoted(value: str, plain: str) -> str:
    return "".join(c if c in plain else "".join(f"%{byte:02X}" for byte in c.encode()) for c in value)


def _ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"its process was ended by signal {signal.Signals(-code).name}"
        return f"its process was ended by signal {-code}"
    return f"its process ended with exit code {code}, with no answer"
