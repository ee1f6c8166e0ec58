"""Local modules that a spec names, `package.module:function`: found beside the spec, read as text, never imported."""

from __future__ import annotations

import re

from mlopsc.semantics.constants import constant
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl
from mlopsc.source import Span
from mlopsc.syntax import ast


def module_files(module: str) -> tuple[str, str]:
    """The two files that a module may stand in, relative to the spec's folder."""
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def check_module_ref(ctx: Context, decl: Decl, node: ast.Value) -> str | None:
    """The reference as text, once its module was found; None after reporting."""
    value = constant(ctx, node, "module", what="The function")
    return value.value if value is not None and find_function(ctx, value.value, value.span) else None


def find_function(ctx: Context, ref: str, span: Span) -> bool:
    """Whether the module of a reference exists and seems to define the function; reports where it does not."""
    module, _, function = ref.partition(":")
    content = _content(ctx, module)
    if content is None:
        files = " or ".join(module_files(module))
        ctx.report("missing-module", span, f"The module {module} is not beside the spec: no {files}.")
        return False
    text = content.decode("utf-8", "replace")
    if not _defines(text, function):
        ctx.report("missing-function", span, f"The module {module} defines no {function}.")
        return False
    return True


def _content(ctx: Context, module: str) -> bytes | None:
    modules = ctx.program.modules
    for path in module_files(module):
        if path in modules:
            return modules[path]
        content = read_text(ctx, path)
        if content is not None:
            modules[path] = content
            return content
    return None


def read_text(ctx: Context, path: str) -> bytes | None:
    if ctx.read is None:
        return None
    try:
        return ctx.read(path)
    except (OSError, ValueError):
        return None


def _defines(text: str, function: str) -> bool:
    """Whether a module's text defines, assigns or imports a name at its top level, as far as text can tell."""
    name = re.escape(function)
    own = rf"(?:async\s+)?def\s+{name}\b|class\s+{name}\b|{name}\s*(?::[^=\n]+)?="
    brought = rf"(?:from|import)\s.*\b{name}\b|from\s.*import\s*(?:\(|\*)"
    pattern = rf"^(?:{own}|{brought})"
    return re.search(pattern, text, re.M) is not None
