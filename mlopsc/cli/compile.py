"""`mlopsc compile`: a target's folder, complete and reviewable."""

from __future__ import annotations

import argparse
import os

from mlopsc.cli import options

EXAMPLE = (
    "  mlopsc compile churn.mlops --target local -o build/local\n  mlopsc compile churn.mlops --target local --check"
)

MOST = 10  # differences that --check prints


def configure(parser: argparse.ArgumentParser, command: str) -> None:
    options.add_spec(parser)
    parser.add_argument(
        "--target", metavar="T[@VERSION]", required=True, help="what to compile for: see 'mlopsc targets'"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="the folder to write (default: build/TARGET)")
    options.add_profile(parser)
    options.add_set(parser)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the folder would change")
    parser.add_argument("--force", action="store_true", help="replace files that compile did not write")


def _compared(output: str, found: list[tuple[str, str]], files: int, args: argparse.Namespace) -> int:
    """Tell how the folder differs, by path and what is wrong there; the exit code."""
    if not found:
        if not args.quiet:
            print(f"{output} is what would be written")
        return 0
    if len(found) == files and all(what == "missing" for _, what in found):
        print(f"{output} holds nothing of this pipeline")
        return 1
    shown = found if args.verbose else found[:MOST]
    for path, what in shown:
        print(f"{output}/{path}: {what}")
    if len(found) > len(shown):
        print(f"+{len(found) - len(shown)} more, all of them with --verbose")
    return 1


def run(args: argparse.Namespace) -> int:
    from mlopsc.cli.planning import checked_or_code
    from mlopsc.driver.compiling import differences, emitted, namesakes, owner, plan_of, write

    checked = checked_or_code(args, target=args.target)
    if isinstance(checked, int):
        return checked
    output = args.output or os.path.join("build", args.target.partition("@")[0])
    plan = plan_of(checked)
    files = emitted(plan, checked, args.target, output)
    whose = owner(plan, args.target)
    if args.check:
        return _compared(output, [(d.path, d.what) for d in differences(output, files, whose)], len(files), args)
    write(output, files, whose, force=args.force)
    if not args.quiet:
        readme = f"; {output}/README.md says how to run it" if "README.md" in files else ""
        print(f"wrote {len(files)} files to {output}{readme}")
        for name in namesakes(output, whose):
            print(f"{output} also holds {name}, from a {whose.spec} too: if the pipeline was renamed, remove {name}*")
    if args.verbose:
        print("\n".join(f"  {path}" for path in sorted(files)))
    return 0
