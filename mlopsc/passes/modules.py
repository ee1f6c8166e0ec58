"""Local modules that travel with a Plan: those that the spec names, and the local ones that they import."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable

Read = Callable[[str], bytes]


def closure(refs: list[str], read: Read | None) -> dict[str, str]:
    """path -> SHA-256 of every local file that the references (`module:function`) lead to, in order of path. A module
    without a file beside the spec is somebody's package, and stays out."""
    found: dict[str, str] = {}
    if read is None:
        return found
    todo = [ref.partition(":")[0] for ref in refs]
    seen: set[str] = set()
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        opened = _open(module, read)
        if opened is None:
            continue
        path, content = opened
        found[path] = "sha256:" + hashlib.sha256(content).hexdigest()
        parent = module.rpartition(".")[0]
        if parent:
            todo.append(parent)
        todo += _imports(module, path.endswith("/__init__.py"), content)
    return dict(sorted(found.items()))


def _open(module: str, read: Read) -> tuple[str, bytes] | None:
    base = module.replace(".", "/")
    for path in (f"{base}.py", f"{base}/__init__.py"):
        try:
            return path, read(path)
        except (OSError, ValueError):
            continue
    return None


def _imports(module: str, is_package: bool, content: bytes) -> list[str]:
    """Every module that a text may import, relative ones resolved; none where it is no Python (a run says so)."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return []
    package = module if is_package else module.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            found += [base] if base else []
            found += [f"{base}.{alias.name}" if base else alias.name for alias in node.names if alias.name != "*"]
    return found


def _base(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])
