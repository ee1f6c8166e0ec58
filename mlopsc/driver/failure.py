"""The one way in which the driver or a command gives up without a finding."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - shown to the user as a sentence, never as an exception
    """Printed as one line after `mlopsc: `; the process ends with `code`."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
