"""`mlopsc init`: a first spec, from a data file if one is given."""

from __future__ import annotations

import argparse
import os
import sys

from mlopsc.driver.failure import Failure
from mlopsc.driver.layout import laid_out
from mlopsc.driver.starter.naming import snake
from mlopsc.driver.starter.text import EMPTY

EXAMPLE = "  mlopsc init data/customers.csv --target-column Churn -o churn.mlops"


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("data", metavar="DATA_FILE", nargs="?", help="a csv, parquet or JSON lines file to look at")
    parser.add_argument("--target-column", metavar="C", help="the column to predict (default: a likely one)")
    parser.add_argument(
        "-o", "--output", metavar="SPEC", help="the file to write, or - (default: named after the data)"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def run(args: argparse.Namespace) -> int:
    if args.data is None and args.target_column is not None:
        raise Failure("--target-column needs a DATA_FILE")
    output = args.output or _default_name(args.data)
    if output != "-" and os.path.exists(output) and not args.force:
        raise Failure(f"{output} exists; --force replaces it, -o writes another file")
    folder = os.getcwd() if output == "-" else os.path.dirname(os.path.abspath(output))
    text = EMPTY if args.data is None else _look(args.data, folder, args.target_column)
    text = laid_out(text, output)
    if output == "-":
        print(text, end="")
        return 0
    try:
        with open(output, "w" if args.force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"cannot write {output}: {error.strerror or error}") from error
    if not args.quiet:
        check = f"mlopsc check {output}{' --data' if args.data else ''}"
        print(f"wrote {output}; next: {check}", file=sys.stderr)
    return 0


def _default_name(data: str | None) -> str:
    stem = "first" if data is None else snake(os.path.basename(data).split(".", 1)[0], "first")
    return f"{stem}.mlops"


def _look(data: str, folder: str, target: str | None) -> str:
    if not os.path.isfile(data):
        raise Failure(f"cannot read {data}: " + ("it is a folder" if os.path.isdir(data) else "there is no such file"))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # before numpy loads: two OpenMP threads on a busy machine are far slower
    try:
        from mlopsc.driver.starter.make import make
    except ModuleNotFoundError as error:
        raise Failure(f"looking at data needs {error.name}: pip install 'mlopsc[run]'") from error
    return make(data, folder, target)
