"""Run as a child by `check --data`: makes every class outside the shipped tables with its arguments, so that a wrong name or
value is told now and not in the middle of a run.

`python -m mlopsc.driver.classes` reads {"classes": [{"ref", "args", "where"}, …]} and writes findings as a JSON list.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mlopsc.runtime.errors import StepError
from mlopsc.runtime.ml.references import find_class, instantiate, unavailable


def main() -> int:
    found: list[dict[str, Any]] = []
    for each in json.load(sys.stdin)["classes"]:
        try:
            _make(each)
        except StepError as error:
            facts = {"code": error.code, "name": error.name, "message": error.message, "help": error.help}
            found.append({**facts, "severity": "error", "where": error.where})
    print("\n" + json.dumps(found))
    return 0


def _make(each: dict[str, Any]) -> None:
    """StepError where the class is not there or refuses its arguments. A tuned argument is only known by its name."""
    given, where = each["args"], each["where"]
    fixed = {name: value for name, value in given.items() if not (isinstance(value, dict) and "tune" in value)}
    kind = find_class(each["ref"], where)
    instantiate(kind, dict.fromkeys(given), 0, 1, where)
    made = instantiate(kind, fixed, 0, 1, where)
    # scikit-learn looks at values only when it fits; this is what it calls then.
    validate = getattr(made, "_validate_params", None)
    try:
        if validate is not None:
            validate()
    except (TypeError, ValueError) as error:
        raise unavailable(each["ref"], " ".join(str(error).split()), where) from error


if __name__ == "__main__":
    sys.exit(main())
