"""`mlopsc graph`: the steps and their data."""

from __future__ import annotations

import argparse
import sys

from mlopsc.cli import options

EXAMPLE = "  mlopsc graph churn.mlops --format svg > churn.svg"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_spec(parser)
    parser.add_argument(
        "--format", choices=["mermaid", "dot", "svg", "text"], default="text", help="how it is drawn (default: text)"
    )
    options.add_profile(parser)
    options.add_set(parser)


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.planning import plan_or_code
    from mlopsc.driver.graph.model import graphs
    from mlopsc.driver.graph.svg import svg
    from mlopsc.driver.graph.words import dot, mermaid, text

    plan = plan_or_code(args)
    if isinstance(plan, int):
        return plan
    sys.stdout.write({"mermaid": mermaid, "dot": dot, "svg": svg, "text": text}[args.format](graphs(plan)))
    return 0
