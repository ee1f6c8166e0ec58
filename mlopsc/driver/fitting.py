"""How a spec fits a target beyond features: its options, and the names that the target gives to what the spec declares."""

from __future__ import annotations

import re
from typing import Any

from mlopsc.diagnostics.model import Bag, Related
from mlopsc.semantics.program import Decl, Program
from mlopsc.target.capability import Capabilities, Option

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,250}")
_KINDS: dict[str, type | tuple[type, ...]] = {"string": str, "int": int, "float": (int, float), "bool": bool}


def check_fit(program: Program, found: Capabilities, bag: Bag) -> None:
    """Report options of the target's block that it has not or whose value is wrong, and names that the target cannot
    tell apart."""
    _options(program, found, bag)
    _names(program, found, bag)
    _tags(program, found, bag)


def _tags(program: Program, found: Capabilities, bag: Bag) -> None:
    tags = program.pipeline.settings.get("tags") if program.pipeline is not None else None
    if tags is not None and found.longest_tag is not None and any(len(t) > found.longest_tag for t in tags.value):
        bag.report(
            "beyond-target", tags.span, f"Target {found.name} takes tags of {found.longest_tag} characters at most."
        )


def _options(program: Program, found: Capabilities, bag: Bag) -> None:
    known = {option.name: option for option in found.options}
    for name, value in program.targets.get(found.name, {}).items():
        span = program.target_spans[found.name][name]
        option = known.get(name)
        if option is None:
            listed = ", ".join(known) or "none"
            bag.report(
                "unknown-target-option",
                span,
                f"Target {found.name} has no option {name}.",
                help=f"There are: {listed}.",
            )
        elif (told := _wrong(option, value)) is not None:
            bag.report("unknown-target-option", span, f"The option {name} of target {found.name} is {told}.")


def _wrong(option: Option, value: Any) -> str | None:
    """What the option's value has to be, where `value` is not that."""
    kind, _, choices = option.kind.partition(":")
    if kind == "choice":
        names = choices.split("|")
        return None if value in names else f"one of {', '.join(names)}"
    if kind == "name":
        return None if isinstance(value, str) and _NAME.fullmatch(value) else "letters, digits, `_`, `-` and `.`"
    wanted = _KINDS[kind]
    right = isinstance(value, wanted) and (kind == "bool" or not isinstance(value, bool))
    return None if right else f"a {kind}"


def _names(program: Program, found: Capabilities, bag: Bag) -> None:
    if found.identifier is None:
        return
    seen: dict[str, Decl] = {}
    for decl in sorted(program.decls.values(), key=lambda d: d.node.name.span):
        mine = found.identifier(decl.kind, decl.name)
        if mine is None:
            continue
        span = decl.node.name.span
        other = seen.setdefault(mine, decl)
        if other is not decl:
            message = f"Target {found.name} would name both {other.name} and {decl.name} {mine}."
            bag.report(
                "name-clash", span, message, help="Rename one of them.",
                related=(Related("the other one", other.node.name.span),),
            )  # fmt: skip
        elif len(mine) > found.longest:
            bag.report("name-clash", span, f"Target {found.name} takes names of {found.longest} characters at most.")
