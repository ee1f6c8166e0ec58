"""Commands that are promised for a later release: refused by name, so that a script cannot take silence for success."""

from __future__ import annotations

import argparse

from mlopsc import __version__
from mlopsc.cli import options
from mlopsc.driver.failure import Failure

EXAMPLE = {
    "rollback": '  mlopsc rollback churn_api --to 3 --reason "version 4 misprices new customers"',
    "serve": "  mlopsc serve churn_api",
    "monitor": "  mlopsc monitor churn.mlops churn_watch",
}


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.set_defaults(command=command)
    if command == "monitor":
        options.add_spec(parser)
        parser.add_argument("monitor", metavar="MONITOR", help="a monitor block of the spec")
    else:
        parser.add_argument("deploy", metavar="DEPLOY", help="a deploy block's name")
    if command == "rollback":
        parser.add_argument("--to", metavar="VERSION", help="the version to restore (default: the one before)")
        parser.add_argument("--reason", metavar="TEXT", help="why; kept in the journal")
    options.add_store(parser)
    parser.description = f"{parser.description} Not in this release ({__version__}): the command exits with 2."


def run(args: argparse.Namespace) -> int:
    raise Failure(
        f"'{args.command}' is not in this release ({__version__}); the spec's block is checked and compiled only"
    )
