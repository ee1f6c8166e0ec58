"""Which names of the catalogue a set of specs uses, in the place where each counts: the block that a setting stands in, the
set that a function belongs to. Everything is read from the syntax tree; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlopsc.catalog import algorithms, blocks, calls, functions, metrics, transforms
from mlopsc.catalog.schema import Argument, BlockSpec, CallSpec
from mlopsc.diagnostics.model import Bag
from mlopsc.semantics.bindings import PARAM_TYPES
from mlopsc.semantics.walk import nodes
from mlopsc.source import Source
from mlopsc.syntax import ast
from mlopsc.syntax.parser import parse

COLUMN_TYPES = ("int", "float", "bool", "string", "category", "date", "timestamp")
COLUMN_CLAUSES = ("from", "in", "missing", "matches")
OPERATORS = "or and not == != < <= > >= in not-in is-null is-not-null + - * / if".split()
STARS = ("numeric", "category", "bool")
VERSIONS = ("champion", "baseline")


def _argument(place: str, argument: Argument) -> Iterator[str]:
    yield f"{place} {argument.name}"
    yield from (f"{place} {argument.name} = {word}" for word in _choices(argument.kind))


def _choices(kind: str) -> list[str]:
    words = next((part.strip() for part in kind.split(" or ") if part.strip().startswith("choice:")), "choice:")
    return [word for word in words.removeprefix("choice:").split("|") if word]


def _call(group: str, spec: CallSpec) -> Iterator[str]:
    yield f"{group} {spec.name}"
    for argument in spec.arguments:
        yield from _argument(f"{group} {spec.name}", argument)


def _block(spec: BlockSpec) -> Iterator[str]:
    yield f"block {spec.kind}"
    for setting in spec.settings:
        yield f"setting {spec.kind}.{setting.name}"
        yield from (f"setting {spec.kind}.{setting.name} = {word}" for word in _choices(setting.kind))
    for rule in spec.rules:
        yield f"rule {spec.kind}.{rule.verb}"
        yield from (f"clause {spec.kind}.{rule.verb} {clause}" for clause in rule.clauses)
    for section in spec.sections:
        yield from _block(section)


def catalogue() -> set[str]:
    """Every name that a spec can use, with its place."""
    found = {f"binding {kind}" for kind in blocks.BINDINGS} | {"import", "profile override"}
    for spec in blocks.BLOCKS.values():
        found |= set(_block(spec))
    for group, table in calls.SETS.items():
        for call in table.values():
            found |= set(_call(group, call))
    for transform in transforms.TRANSFORMS.values():
        found |= set(_call("transform", transform.spec))
    found |= {f"function {name}" for name in functions.ROW_FUNCTIONS}
    found |= {f"dataset function {name}" for name in functions.DATASET_FUNCTIONS}
    found |= {f"aggregate {name}" for name in (*functions.AGGREGATES, "lookup")}
    found |= {f"metric {name}" for name in (*metrics.METRICS, *metrics.MEASURES)}
    found |= {f"latency {name}" for name in metrics.QUANTILES} | {f"compared with {name}" for name in VERSIONS}
    found |= {f"watched {name}" for name in metrics.WATCHED} | {
        f"drift method {name}" for name in metrics.DRIFT_METHODS
    }
    found |= {f"algorithm {name}" for name in (*algorithms.ALGORITHMS, *algorithms.OTHERS, "tune")}
    found |= {f"{name} as regressor" for name, a in algorithms.ALGORITHMS.items() if a.regressor and a.classifier}
    found |= {f"type {name}" for name in COLUMN_TYPES} | {f"nullable {name}" for name in COLUMN_TYPES}
    found |= {f"param type {name}" for name in PARAM_TYPES} | {f"column clause {name}" for name in COLUMN_CLAUSES}
    found |= {f"operator {name}" for name in OPERATORS} | {f"star {name}" for name in STARS}
    found |= {"several data blocks", "several models", "several gates"}
    return found | {
        "literal " + kind for kind in "int float percent duration size bool null string date timestamp".split()
    }


class Used:
    """Collects the names that files use."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def file(self, path: Path) -> None:
        tree = parse(Source(str(path), path.read_text(encoding="utf-8"), 0), Bag())
        assert not tree.damaged, path
        if tree.imports:
            self.names.add("import")
        kinds = [item.kind.text for item in tree.items]
        self.names |= {f"several {k}" for k in ("models", "gates") if kinds.count(k[:-1]) > 1}
        if kinds.count("data") > 1:
            self.names.add("several data blocks")
        for item in tree.items:
            if isinstance(item, ast.Block):
                self._block(item)
            else:
                self._binding(item)

    def _binding(self, node: ast.Binding) -> None:
        self.names.add(f"binding {node.kind.text}")
        if node.type is not None:
            self.names.add(f"param type {node.type.name.text}")
        if node.kind.text in ("connection", "channel"):
            self._called(f"{node.kind.text}s", node.value)
        self._literals(node.value)
        self._operators(node.value)

    def _block(self, block: ast.Block) -> None:
        kind = block.kind.text
        self.names.add(f"block {kind}")
        for statement in block.body:
            self._statement(kind, statement)

    def _statement(self, kind: str, statement: ast.Statement) -> None:
        match statement:
            case ast.Section():
                self.names.add(f"block {statement.name.text}")
                for inner in statement.body:
                    self._statement(statement.name.text, inner)
            case ast.Setting():
                self._setting(kind, statement)
            case ast.Column():
                self._column(statement)
            case ast.Rule():
                self._rule(kind, statement)
            case ast.Selection():
                items = statement.item.items if isinstance(statement.item, ast.ListExpr) else []
                self.names |= {f"star {item.name.text}" for item in items if isinstance(item, ast.Star)}
                for call in statement.pipe:
                    self._transform(call)

    def _setting(self, kind: str, node: ast.Setting) -> None:
        name, value = node.path[-1].text, node.value
        self._literals(value)
        if kind in ("profile", "target"):
            self.names.add("profile override")
            return
        if kind == "features":
            self._expression(value)
            return
        self.names.add(f"setting {kind}.{name}")
        if isinstance(value, ast.Name):
            self.names.add(f"setting {kind}.{name} = {value.text}")
        groups = {s.name: s.kind for b in _specs() if b.kind == kind for s in b.settings}
        wanted = groups.get(name, "")
        if wanted.startswith("call:"):
            self._called(wanted.removeprefix("call:"), value)
        elif (kind, name) == ("model", "algorithm"):
            self._algorithm(value)
        elif wanted == "row":
            self._expression(value)

    def _column(self, node: ast.Column) -> None:
        self.names.add(f"type {node.type.name.text}")
        if node.type.nullable:
            self.names.add(f"nullable {node.type.name.text}")
        for clause in node.clauses:
            self.names.add(f"column clause {clause.word.text}")
            for atom in clause.atoms:
                self._literals(atom)

    def _rule(self, kind: str, node: ast.Rule) -> None:
        self.names.add(f"rule {kind}.{node.verb.text}")
        self.names |= {f"clause {kind}.{node.verb.text} {clause.word.text}" for clause in node.clauses}
        for clause in node.clauses:
            for atom in clause.atoms:
                if clause.word.text == "then":
                    self._called("actions", atom)
        if kind in ("data", "test") and node.verb.text in ("expect", "warn", "filter"):
            self._expression(node.expr, dataset=node.verb.text != "filter" and kind == "data")
        elif kind == "pipeline":
            self._called("triggers", node.expr)
        elif kind in ("gate", "monitor", "deploy"):
            self._judged(kind, node.expr)
        self._literals(node.expr)

    def _judged(self, kind: str, expr: ast.Expr) -> None:
        words = "metric" if kind == "gate" else "watched"
        self._operators(expr)
        for node in nodes(expr):
            if isinstance(node, ast.Name):
                self.names |= {f"{words} {node.text}", f"latency {node.text}"}
            elif isinstance(node, ast.Dotted):
                self.names |= {f"compared with {node.parts[0].text}", f"metric {node.parts[1].text}"}
            elif isinstance(node, ast.Call):
                self.names.add(f"{words} {node.func.text}")
                methods = [a.value for a in node.args if a.name is not None and a.name.text == "method"]
                self.names |= {f"drift method {m.text}" for m in methods if isinstance(m, ast.Name)}

    def _expression(self, value: ast.Value, *, dataset: bool = False) -> None:
        if isinstance(value, ast.Piped):
            for call in value.pipe:
                self._transform(call)
            value = value.expr
        self._operators(value)
        self._literals(value)
        for node in nodes(value):
            if isinstance(node, ast.Name) and dataset:
                self.names.add(f"dataset function {node.text}")
            if isinstance(node, ast.Call):
                earlier = any(a.name is not None and a.name.text in ("on", "over") for a in node.args)
                group = "aggregate" if earlier else "dataset function" if dataset else "function"
                self.names |= {f"{group} {node.func.text}", *([f"function {node.func.text}"] if dataset else [])}

    def _operators(self, value: ast.Node) -> None:
        for node in nodes(value):
            if isinstance(node, ast.Binary | ast.Unary):
                self.names.add(f"operator {node.op}")
            elif isinstance(node, ast.In):
                self.names.add("operator not-in" if node.negated else "operator in")
            elif isinstance(node, ast.IsNull):
                self.names.add("operator is-not-null" if node.negated else "operator is-null")
            elif isinstance(node, ast.If):
                self.names.add("operator if")

    def _literals(self, value: ast.Node) -> None:
        for node in nodes(value):
            if isinstance(node, ast.Literal):
                self.names.add(f"literal {node.kind}")
            elif isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
                self.names.add(f"literal {node.func.text}")

    def _transform(self, call: ast.Call) -> None:
        self._bound("transform", call, transforms.TRANSFORMS[call.func.text].spec)

    def _called(self, group: str, value: ast.Node) -> None:
        """A call of a set, and those of other sets among its arguments."""
        if isinstance(value, ast.Name) and value.text in calls.SETS[group]:
            self.names.add(f"{group} {value.text}")
        if isinstance(value, ast.Call) and value.func.text in calls.SETS[group]:
            self._bound(group, value, calls.SETS[group][value.func.text])

    def _bound(self, group: str, call: ast.Call, spec: CallSpec) -> None:
        place = f"{group} {spec.name}"
        self.names.add(place)
        for at, arg in enumerate(call.args):
            found = spec.arguments[min(at, len(spec.arguments) - 1)] if spec.arguments else None
            name = arg.name.text if arg.name is not None else found.name if found is not None else ""
            self.names.add(f"{place} {name}")
            if isinstance(arg.value, ast.Name):
                self.names.add(f"{place} {name} = {arg.value.text}")
            kind = next((a.kind for a in spec.arguments if a.name == name), "")
            if kind.startswith("call:"):
                self._called(kind.removeprefix("call:"), arg.value)

    def _algorithm(self, value: ast.Value) -> None:
        found = [node.func.text for node in nodes(value) if isinstance(node, ast.Call)]
        self.names |= {f"algorithm {name}" for name in found}
        # Only regression has these; a best_of that holds one is of regressors.
        if {"linear_regression", "ridge", "lasso", "elastic_net"} & set(found):
            self.names |= {f"{name} as regressor" for name in found}


def _specs() -> Iterator[BlockSpec]:
    for spec in blocks.BLOCKS.values():
        yield spec
        yield from spec.sections


def used(files: list[Path]) -> set[str]:
    found = Used()
    for file in files:
        found.file(file)
    return found.names
