"""Which way things may depend, read from the sources with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMPILER = ROOT / "mlopsc"
BACKENDS = ROOT / "backends"
LONGEST = 500

# layer -> the layers that it may import, besides itself
ALLOWED: dict[str, set[str]] = {
    "source": set(),
    "diagnostics": {"source"},
    "syntax": {"source", "diagnostics"},
    "ir": {"source", "diagnostics"},
    "catalog": {"source", "diagnostics", "syntax"},
    "semantics": {"source", "diagnostics", "syntax", "catalog"},
    "passes": {"source", "diagnostics", "syntax", "catalog", "semantics", "ir"},
    "target": {"source", "diagnostics", "ir"},
    "driver": {"source", "diagnostics", "syntax", "catalog", "semantics", "passes", "ir", "target", "runtime"},
    "cli": {"source", "diagnostics", "driver", "runtime"},
    "runtime": set(),
    "backend": {"source", "diagnostics", "ir", "target"},
}


def modules() -> list[Path]:
    found = sorted(COMPILER.rglob("*.py")) + sorted((ROOT / "grammar").rglob("*.py"))
    return found + sorted(path for path in BACKENDS.rglob("*.py") if "templates" not in path.parts)


def layer(path: Path) -> str:
    if path.is_relative_to(BACKENDS):
        return "backend"
    if path.is_relative_to(COMPILER):
        first = path.relative_to(COMPILER).parts[0]
        return first.removesuffix(".py")
    return "grammar"


def name_of(path: Path) -> str:
    """The dotted module name of a source file."""
    for base in (BACKENDS, ROOT / "grammar", ROOT):
        if path.is_relative_to(base):
            parts = path.relative_to(base).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise AssertionError(path)


def imports(path: Path, tree: ast.AST, *, typing_only: bool = True) -> Iterator[tuple[str, int]]:
    """(dotted module, line) of every import; without `typing_only`, those under `if TYPE_CHECKING:` are left out."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    hidden: set[int] = set()
    if not typing_only:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                hidden |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{stem}.{alias.name}", node.lineno


def parsed() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in modules()]


@pytest.fixture(scope="module")
def trees() -> list[tuple[Path, ast.Module]]:
    return parsed()


def test_dependencies_point_in_the_one_direction(trees: list[tuple[Path, ast.Module]]) -> None:
    """A layer imports only the layers below it, and nobody imports a back end."""
    wrong = []
    for path, tree in trees:
        here = layer(path)
        for module, line in imports(path, tree):
            parts = module.split(".")
            if parts[0] == "mlopsc" and len(parts) > 1 and parts[1] not in ("__version__", "EDITION"):
                bad = parts[1] != here and parts[1] not in ALLOWED.get(here, set())
            elif parts[0].startswith("mlopsc_") and parts[0] not in ("mlopsc_grammar", "mlopsc_runtime"):
                bad = here != "backend" or not path.is_relative_to(BACKENDS / parts[0])
            else:
                bad = False
            if bad:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert wrong == []


def test_the_runtime_imports_nothing_of_the_compiler(trees: list[tuple[Path, ast.Module]]) -> None:
    """It is copied into outputs under another name: only relative imports that stay inside it."""
    wrong = []
    for path, tree in trees:
        if layer(path) != "runtime":
            continue
        for node in ast.walk(tree):
            absolute = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                absolute = [node.module or ""]
            if any(name.split(".")[0].startswith("mlopsc") for name in absolute):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
        depth = len(path.relative_to(COMPILER / "runtime").parts)
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno} leaves the runtime"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level > depth
        ]
    assert wrong == []


def test_no_import_stands_inside_a_function_of_the_core(trees: list[tuple[Path, ast.Module]]) -> None:
    """All but the runtime's heavy libraries and the laziness of the command line's commands."""
    wrong = []
    for path, tree in trees:
        if layer(path) in ("runtime", "cli") or "task" in path.parts:  # a back end's task side is a part of its runtime
            continue
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                wrong += [
                    f"{path.relative_to(ROOT)}:{node.lineno}"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert wrong == []


def test_there_is_no_import_cycle(trees: list[tuple[Path, ast.Module]]) -> None:
    names = {name_of(path) for path, _ in trees}
    graph: dict[str, set[str]] = {}
    for path, tree in trees:
        top = ast.Module(
            body=[n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)], type_ignores=[]
        )
        wanted = set()
        for module, _ in imports(path, top, typing_only=False):
            wanted.add(module if module in names else module.rpartition(".")[0])
        graph[name_of(path)] = (wanted & names) - {name_of(path)}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    assert len(done) == len(names)


def test_modules_are_short_and_named_for_what_they_hold() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in modules()
        if path.name != "tables.py" and (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    ]
    assert long == []
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
    assert [str(path) for path in modules() if vague & set(path.with_suffix("").parts[len(ROOT.parts) :])] == []


def test_functions_fit_on_a_screen(trees: list[tuple[Path, ast.Module]]) -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    ]
    assert long == []
