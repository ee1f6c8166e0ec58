"""Command-line options that several commands share."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import NoReturn

from mlopsc.cli.table import COMMANDS


class _Help(argparse.RawDescriptionHelpFormatter):
    """Of a fixed width: argparse makes one for every argument, and asking for the terminal's width loads shutil and with it
    every compression module."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


class _Left(Exception):  # noqa: N818 - a turn of the parser, not an error
    """Words were left over: positional ones on both sides of an option look like that, too."""


class Parser(argparse.ArgumentParser):
    """argparse with our way of saying things: one line on standard error, exit code 2."""

    patient = False

    def parse(self, words: list[str]) -> argparse.Namespace:
        """Positional words may stand on both sides of options. argparse's own way to have that formats the usage first,
        which costs more than the rest, so it comes second."""
        self.patient = True
        try:
            return self.parse_args(words)
        except _Left:
            self.patient = False
            return self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        if self.patient and message.startswith("unrecognized arguments"):
            raise _Left
        self.exit(2, f"{self.prog}: {message} (see '{self.prog} --help')\n")


def build(command: str, module: ModuleType) -> Parser:
    """The parser of one command: `module` gives `EXAMPLE`, `configure(parser, command)` and `run(args)`."""
    parser = Parser(
        prog=f"mlopsc {command}",
        description=f"{COMMANDS[command][1][0].upper()}{COMMANDS[command][1][1:]}.",
        epilog=f"example:\n{example(command, module)}",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    module.configure(parser, command)
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="print results only, no summary or progress")
    volume.add_argument("-v", "--verbose", action="store_true", help="say more about what is done")
    return parser


def example(command: str, module: ModuleType) -> str:
    found: str | dict[str, str] = module.EXAMPLE
    return found if isinstance(found, str) else found[command]


def add_specs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "specs", metavar="SPEC", nargs="+", help="spec files, folders of *.mlops, or - for standard input"
    )


def add_spec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", metavar="SPEC", help="a spec file, or - for standard input")


def add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="P", help="the profile block whose overrides hold")


def add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="sets",
        help="override a param or a leaf setting, written as in a spec; may be repeated",
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="STORE",
        help="the store: a folder or s3://BUCKET/PREFIX (default: MLOPSC_STORE, else .mlopsc beside the spec)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
