"""`algorithm = …`: candidates, with their arguments checked against the library's own constraints."""

from __future__ import annotations

from typing import Any

from mlopsc.catalog.algorithm_table import CLASSES
from mlopsc.catalog.algorithms import ALGORITHMS, OTHERS, SETTINGS_INSTEAD, Parameter, class_of, parameters
from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics.classes import say_unchecked
from mlopsc.semantics.constraints import check_argument
from mlopsc.semantics.context import Context
from mlopsc.semantics.modules import check_module_ref
from mlopsc.semantics.program import CandidateInfo, Decl
from mlopsc.semantics.solvers import check_together
from mlopsc.syntax import ast

_TASK_WORDS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}


def read_candidates(ctx: Context, decl: Decl, node: ast.Value, task: str) -> list[CandidateInfo] | None:
    """The candidates of a model; None where one of them could not be understood."""
    if isinstance(node, ast.Call) and node.func.text == "best_of":
        return _best_of(ctx, decl, node, task)
    found = _candidate(ctx, decl, node, task)
    return None if found is None else [found]


def _best_of(ctx: Context, decl: Decl, node: ast.Call, task: str) -> list[CandidateInfo] | None:
    if not node.args:
        ctx.report("bad-algorithm", node.span, "best_of needs at least one algorithm.")
        return None
    found: list[CandidateInfo | None] = []
    for arg in node.args:
        if arg.name is not None:
            ctx.unknown("unknown-argument", arg.name, "best_of takes algorithms and no named argument.", ())
            found.append(None)
        elif isinstance(arg.value, ast.Call) and arg.value.func.text == "best_of":
            ctx.report("bad-algorithm", arg.value.span, "A best_of cannot stand in another one.")
            found.append(None)
        else:
            found.append(_candidate(ctx, decl, arg.value, task))
    good = [candidate for candidate in found if candidate is not None]
    return good if len(good) == len(found) else None


def _candidate(ctx: Context, decl: Decl, node: ast.Value, task: str) -> CandidateInfo | None:
    if isinstance(node, ast.Name) and node.text in ALGORITHMS:
        edit = Edit(node.span, node.text + "()")
        ctx.report("bad-algorithm", node.span, f"{node.text} is a function.", help=f"Write {node.text}().", edit=edit)
        return None
    if not isinstance(node, ast.Call):
        ctx.report("bad-algorithm", node.span, "An algorithm is a call, as in gradient_boosting().")
        return None
    word = node.func.text
    if word == "sklearn":
        return _class(ctx, node, task)
    if word == "python":
        return _python(ctx, decl, node)
    algorithm = ALGORITHMS.get(word)
    if algorithm is None:
        options = [*ALGORITHMS, *OTHERS]
        ctx.unknown("unknown-algorithm", node.func, f"There is no algorithm {word}.", options)
        return None
    path = class_of(algorithm, task)
    if path is None:
        fits = [a.name for a in ALGORITHMS.values() if class_of(a, task) is not None]
        message = f"{word} does not do {_TASK_WORDS[task]}, and this model's task is {task}."
        ctx.report("algorithm-task", node.func.span, message, help=f"For {task} there are {', '.join(fits)}.")
        return None
    args = _arguments(ctx, node, node.args, word, parameters(path))
    if args is None or not check_together(ctx, node, word, args, task):
        return None
    return CandidateInfo(word, args, node.span)


def _arguments(
    ctx: Context, node: ast.Call, given: list[ast.Arg], word: str, known: dict[str, Parameter] | None
) -> dict[str, Any] | None:
    """The arguments by name; with `known` None they are taken as they are, literals of any kind."""
    args: dict[str, Any] = {}
    spans: dict[str, tuple[int, int]] = {}
    whole = True
    for arg in given:
        if arg.name is None:
            whole = False
            ctx.report("unknown-parameter", arg.span, f"The arguments of {word} are named.", help="Write NAME = VALUE.")
            continue
        name = arg.name.text
        if name in spans:
            whole = False
            related = (Related("first given here", spans[name]),)
            ctx.report("duplicate-argument", arg.span, f"{name} is given twice.", related=related)
            continue
        spans[name] = arg.span
        if name in SETTINGS_INSTEAD and (known is None or name not in known):
            whole = False
            setting = SETTINGS_INSTEAD[name]
            message = f"{name} is no argument of an algorithm here: the model's setting {setting} is."
            ctx.report("reserved-parameter", arg.name.span, message, help=f"Write {setting} = … in the model block.")
            continue
        if known is not None and name not in known:
            whole = False
            ctx.unknown("unknown-parameter", arg.name, f"{word} has no parameter {name}.", known)
            continue
        ok, value = check_argument(ctx, arg.value, f"{name} of {word}", known[name].constraint if known else None)
        whole = whole and ok
        args[name] = value
    return args if whole else None


def _class(ctx: Context, node: ast.Call, task: str) -> CandidateInfo | None:
    """sklearn("package.Class", …): checked against the shipped tables where the class stands in them."""
    path = class_path(ctx, node)
    if path is None:
        return None
    known = parameters(path) if path in CLASSES else None
    if known is None:
        say_unchecked(ctx, node.func.span, path)
    if (path.endswith(("Classifier", "SVC")) and task == "regression") or (
        path.endswith("Regressor") and task != "regression"
    ):
        ctx.report("algorithm-task", node.func.span, f"{path} does not do {task}.")
        return None
    args = _arguments(ctx, node, node.args[1:], path.rpartition(".")[2], known)
    return None if args is None else CandidateInfo("sklearn", args, node.span, path)


def class_path(ctx: Context, node: ast.Call) -> str | None:
    """The class that sklearn("package.Class", …) names; None after reporting."""
    first = node.args[0] if node.args else None
    text = first.value.value if first is not None and isinstance(first.value, ast.Literal) else None
    if first is None or first.name is not None or not isinstance(text, str) or not _is_path(text):
        ctx.report("bad-algorithm", node.span, 'sklearn needs a class: sklearn("package.Class", …).')
        return None
    return text


def _is_path(text: str) -> bool:
    return text.count(".") >= 1 and all(part.isidentifier() for part in text.split("."))


def _python(ctx: Context, decl: Decl, node: ast.Call) -> CandidateInfo | None:
    first = node.args[0] if node.args else None
    if first is None or first.name is not None:
        ctx.report("bad-algorithm", node.span, 'python needs a function: python("module:function").')
        return None
    ref = check_module_ref(ctx, decl, first.value)
    args = _arguments(ctx, node, node.args[1:], "python", None)
    return None if ref is None or args is None else CandidateInfo("python", args, node.span, ref)
