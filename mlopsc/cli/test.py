"""`mlopsc test`: the test blocks of specs."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from mlopsc.cli import options
from mlopsc.cli.printing import tell
from mlopsc.driver.check import Checked
from mlopsc.driver.overrides import pairs
from mlopsc.driver.several import check_several
from mlopsc.driver.spec import find, read

EXAMPLE = "  mlopsc test churn.mlops"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_specs(parser)
    options.add_profile(parser)
    options.add_set(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.planning import plan_of
    from mlopsc.runtime.cli import feature_tests
    from mlopsc.runtime.plan import bind, bind_params

    specs = [(read(found.word), found.named) for found in find(args.specs)]
    results: list[dict[str, Any]] = []
    worst = 0
    for checked in check_several(specs, profile=args.profile, sets=pairs(args.sets)):
        if checked.has_errors:
            tell(checked.findings)
            worst = max(worst, 1)
            continue
        tell(() if args.quiet else checked.findings)
        if checked.shared:
            _tell_of_idle(checked)
            continue
        plan = plan_of(checked).model_dump(mode="json")
        code, found = feature_tests({**plan, "tests": bind(plan["tests"], bind_params(plan, {}))})
        worst = max(worst, code)
        results += [{**result, "spec": checked.spec.label} for result in found["results"]]
    passed = sum(1 for result in results if result["passed"])
    if args.json:
        print(json.dumps({"version": 1, "passed": passed, "failed": len(results) - passed, "results": results}))
        return worst
    for result in results:
        if args.verbose or not result["passed"]:
            print(_line(result))
    if not args.quiet and (results or worst == 0):
        print(f"{passed} of {len(results)} expectations hold" if results else "there are no test blocks")
    return worst


def _tell_of_idle(checked: Checked) -> None:
    """Tests are run by a pipeline's Plan, which a file of shared declarations has none of."""
    if checked.program is not None and checked.program.tests:
        names = ", ".join(checked.program.tests)
        print(f"warning: {checked.spec.label}: {names}: run by testing a spec that imports this file", file=sys.stderr)


def _line(result: dict[str, Any]) -> str:
    place = f"{result['spec']}:{result['line']}"
    if result["passed"]:
        return f"passed {place} {result['test']}: {result['expect']}"
    row = f" (given row {result['row']})" if result["row"] > 1 else ""
    return f"failed {place} {result['test']}: {result['expect']}{row}: {result['reason']}{_actual(result)}"


def _actual(result: dict[str, Any]) -> str:
    if result["actual"] is None and result["expected"] is None:
        return ""
    against = "" if result["expected"] in (None, True) else f", against {result['expected']}"
    return f"; it is {result['actual']}{against}"
