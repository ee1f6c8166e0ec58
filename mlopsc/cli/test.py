"""`mlopsc test`: the test blocks of specs."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mlopsc.cli import options
from mlopsc.driver.spec import find, read

EXAMPLE = "  mlopsc test churn.mlops"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_specs(parser)
    options.add_profile(parser)
    options.add_set(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.planning import checked_or_code, plan_of
    from mlopsc.runtime.cli import feature_tests
    from mlopsc.runtime.plan import bind, bind_params

    results: list[dict[str, Any]] = []
    worst = 0
    for word in find(args.specs):
        checked = checked_or_code(args, read(word))
        if isinstance(checked, int):
            worst = max(worst, checked)
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
    if not args.quiet:
        print(f"{passed} of {len(results)} expectations hold" if results else "there are no test blocks")
    return worst


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
