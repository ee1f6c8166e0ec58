"""From a checked program to a Plan, and from a Plan to a target's folder."""

from __future__ import annotations

import os
from pathlib import Path

from mlopsc import __version__
from mlopsc.driver.check import Checked
from mlopsc.driver.failure import Failure
from mlopsc.driver.spec import read_import, reason
from mlopsc.ir.plan import Plan as Plan
from mlopsc.ir.text import plan_text as plan_text
from mlopsc.passes.lower import lower
from mlopsc.target import writer
from mlopsc.target.load import backend
from mlopsc.target.protocol import EmitOptions, Files, Refused
from mlopsc.target.registry import UnknownTarget


def plan_of(checked: Checked) -> Plan:
    """The Plan of a program without errors."""
    assert checked.program is not None
    assert not checked.has_errors
    return lower(checked.program, compiler=__version__, spec_name=checked.spec.name)


def emitted(plan: Plan, checked: Checked, target: str, output: str) -> Files:
    """The files of `target`, for the folder `output`. `target` may end in @VERSION. Raises Failure, for what the back end
    refuses with its code."""
    name, _, version = target.partition("@")
    try:
        found = backend(name)
    except UnknownTarget as unknown:
        raise Failure(str(unknown)) from unknown
    if version and version not in found.capabilities.versions:
        raise Failure(f"target {name} has no version {version}; it has {', '.join(found.capabilities.versions)}")
    modules = {path: read_import(checked.spec.folder, path) for path in plan.modules}
    folder = os.path.relpath(os.path.realpath(checked.spec.folder), os.path.realpath(output)).replace(os.sep, "/")
    options = EmitOptions(plan.targets.get(name, {}), folder, modules, version or None)
    try:
        return found.emit(plan, options)
    except Refused as refused:
        told = f"error[{refused.code}] {refused.name}: {refused.message}"
        raise Failure(f"{told}; help: {refused.help}" if refused.help else told, code=1) from refused


def owner(plan: Plan, target: str) -> writer.Owner:
    """Whose files the target's are in an output folder. UnknownTarget is told by `emitted`, which comes first."""
    found = backend(target.partition("@")[0]).capabilities
    if found.scope is None:
        return writer.ALONE
    return writer.Owner(found.scope(plan.pipelines[0].name), plan.spec, found.shared)


def differences(output: str, files: Files, whose: writer.Owner = writer.ALONE) -> list[writer.Difference]:
    return writer.compare(Path(output), files, whose)


def write(output: str, files: Files, whose: writer.Owner = writer.ALONE, *, force: bool = False) -> None:
    """Make the folder hold the files. Raises Failure where it cannot and, without `force`, where it would replace a file
    that no compilation wrote or that another spec was compiled to."""
    try:
        theirs = None if force else writer.foreign(Path(output), files, whose)
        if theirs is not None:
            place = os.path.join(output, theirs.path)
            told = (
                f"{place} exists and was not written by compile, so nothing is written; choose a new folder with -o, or "
                "replace it with --force"
            )
            if theirs.spec is not None:
                told = (
                    f"{place} was compiled from {theirs.spec or 'a spec for another target'}, so nothing is written; give "
                    "the pipeline another name, choose another folder with -o, or replace it with --force"
                )
            raise Failure(told)
        writer.write(Path(output), files, whose)
    except OSError as error:
        raise Failure(f"cannot write {output}: {reason(error)}") from error


def namesakes(output: str, whose: writer.Owner) -> list[str]:
    """What else in the folder may be this spec's, under a name that its pipeline had before."""
    return writer.namesakes(Path(output), whose)
