"""A planted change: a report that can be read as well as before, and does not say what its step wrote."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def falsified(content: bytes) -> bytes:
    """The JSON object with its last digit raised by one (9 to 0); what is no JSON object is left as it is."""
    try:
        if not isinstance(json.loads(content), dict):
            return content
    except ValueError:
        return content
    digits = list(re.finditer(rb"[0-9]", content))
    if not digits:
        return content
    at = digits[-1].start()
    changed = content[:at] + b"%d" % ((int(content[at : at + 1]) + 1) % 10) + content[at + 1 :]
    json.loads(changed)
    return changed


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.chmod(0o644)
        file.write_bytes(falsified(file.read_bytes()))
