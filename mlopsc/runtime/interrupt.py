"""Signals as facts to look at: a run stops its children and closes its record, then ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def signals(noticed: list[int]) -> Iterator[int | None]:
    """Within, SIGINT and SIGTERM are written down in `noticed` and make the yielded descriptor readable."""
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = {n: signal.signal(n, lambda number, _: noticed.append(number)) for n in (signal.SIGINT, signal.SIGTERM)}
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
