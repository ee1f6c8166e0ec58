"""The checked program: what the checks have understood of a spec. Lowering reads nothing else.

A part that could not be understood is absent or None ("poisoned"): whatever depends on it stays silent, so that one
cause gives one diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlopsc.source import SourceMap, Span
from mlopsc.syntax import ast


class Type:
    """kind: int float bool string category date timestamp duration share size list range error.
    `levels`: the levels of a category that names them, as text; `numeric_levels`: they were written as integers."""

    __slots__ = ("kind", "levels", "nullable", "numeric_levels")

    def __init__(
        self, kind: str, nullable: bool = False, levels: tuple[str, ...] | None = None, numeric_levels: bool = False
    ) -> None:
        self.kind = kind
        self.nullable = nullable
        self.levels = levels
        self.numeric_levels = numeric_levels

    def __str__(self) -> str:
        return self.kind + ("?" if self.nullable else "")

    @property
    def numeric(self) -> bool:
        return self.kind in ("int", "float", "share")


class TypedExpr:
    """A checked expression. `op` and the fields are those of `mlopsc.ir.expr`; `lo`, `hi` bound a number's value where that
    is proved; `columns` are the data columns read, `features` the block's own features that it was built from."""

    __slots__ = ("args", "columns", "extra", "features", "fn", "hi", "lo", "op", "span", "type", "value")

    def __init__(
        self,
        op: str,
        type: Type,
        span: Span,
        *,
        fn: str = "",
        args: tuple[TypedExpr, ...] = (),
        value: Any = None,
        lo: float | None = None,
        hi: float | None = None,
        columns: frozenset[str] = frozenset(),
        features: frozenset[str] = frozenset(),
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.op = op
        self.type = type
        self.span = span
        self.fn = fn  # function, column, param or metric name
        self.args = args
        self.value = value  # of a literal
        self.lo = lo
        self.hi = hi
        self.columns = columns
        self.features = features
        self.extra = extra  # further fields of aggregate, lookup and metric nodes


class Value:
    """A setting or an argument with its origin. `value`: Python int, float (seconds, shares), str, bool, list; a CallValue;
    a Ref; a TypedExpr. `origin`: "spec", "default", "profile NAME" or "--set"."""

    __slots__ = ("origin", "span", "value")

    def __init__(self, value: Any, span: Span, origin: str = "spec") -> None:
        self.value = value
        self.span = span
        self.origin = origin


class Ref:
    """A reference to a declaration or, for kind "column", to a column; kind "param" is a run-time parameter."""

    __slots__ = ("kind", "name", "span")

    def __init__(self, kind: str, name: str, span: Span) -> None:
        self.kind = kind
        self.name = name
        self.span = span


class CallValue:
    """A call of the vocabulary: `args` by name, defaults filled in; `rest` further positional values."""

    __slots__ = ("args", "name", "rest", "span")

    def __init__(self, name: str, args: dict[str, Value], span: Span, rest: list[Value] | None = None) -> None:
        self.name = name
        self.args = args
        self.span = span
        self.rest: list[Value] = rest if rest is not None else []


class Decl:
    """A declaration of any kind. `file` is the path of the file it stands in, relative to the spec's folder. `tried`: the
    settings, sections and verbs that some statement of it seems to mean without being understood; "*" for any."""

    __slots__ = ("file", "kind", "name", "node", "settings", "tried", "used")

    def __init__(self, kind: str, name: str, node: ast.Block | ast.Binding, file: str, used: bool = False) -> None:
        self.kind = kind
        self.name = name
        self.node = node
        self.file = file
        self.used = used
        self.settings: dict[str, Value] = {}  # dotted for sections: "tuning.trials"
        self.tried: set[str] = set()

    def lacks(self, name: str) -> bool:
        """Whether the setting, section or rule can be said to be absent, and not just misunderstood."""
        return name not in self.settings and name not in self.tried and "*" not in self.tried


class ColumnInfo:
    __slots__ = ("allowed", "hi", "lo", "matches", "missing", "name", "raw", "span", "true_false", "type")

    def __init__(
        self,
        name: str,
        raw: str,
        type: Type,
        span: Span,
        true_false: tuple[str, str] | None = None,
        missing: tuple[str, ...] = (),
        lo: Any = None,
        hi: Any = None,
        allowed: tuple[Any, ...] | None = None,
        matches: str | None = None,
    ) -> None:
        self.name = name
        self.raw = raw
        self.type = type
        self.span = span
        self.true_false = true_false
        self.missing = missing
        self.lo = lo  # numbers; dates and timestamps as text
        self.hi = hi
        self.allowed = allowed
        self.matches = matches


class DataRuleInfo:
    __slots__ = ("expr", "kind", "span", "text")

    def __init__(self, kind: str, text: str, expr: TypedExpr, span: Span) -> None:
        self.kind = kind  # expect | warn
        self.text = text
        self.expr = expr
        self.span = span


class DataInfo:
    __slots__ = ("checked", "columns", "complete", "decl", "dedupe", "filters", "key", "poisoned", "rules", "time")

    def __init__(
        self,
        decl: Decl,
        columns: dict[str, ColumnInfo],
        key: list[str],
        time: str | None,
        filters: list[TypedExpr],
        rules: list[DataRuleInfo],
        dedupe: list[str] | None,
        complete: bool = True,
        checked: bool = False,
    ) -> None:
        self.decl = decl
        self.columns = columns
        self.key = key
        self.time = time
        self.filters = filters
        self.rules = rules
        self.dedupe = dedupe
        self.complete = complete  # false when what could not be read makes "unknown column" unsafe to claim of any name
        self.poisoned: set[str] = set()  # names of columns that could not be understood
        self.checked = checked  # filters and rules were read, too: columns come first, as other blocks may need them

    def written(self) -> list[str]:
        """Every column that the block names, also those whose own declaration is broken."""
        return [*self.columns, *sorted(self.poisoned - self.columns.keys())]

    def lacks(self, name: str) -> bool:
        """Whether it can be said that there is no column of this name."""
        return self.complete and name not in self.columns and name not in self.poisoned


class TransformInfo:
    __slots__ = ("args", "name", "sklearn", "span")

    def __init__(self, name: str, args: dict[str, Any], span: Span, sklearn: str | None = None) -> None:
        self.name = name
        self.args = args  # JSON values
        self.span = span
        self.sklearn = sklearn


class FeatureInfo:
    """One feature. `out` is its type after the pipe; `plain` means no pipe: usable in other expressions of the block."""

    __slots__ = ("inputs", "name", "out", "pipe", "pipe_at", "span")

    def __init__(
        self, name: str, inputs: list[TypedExpr], pipe: list[TransformInfo], out: Type, span: Span, pipe_at: int = -1
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.pipe = pipe
        self.out = out
        self.span = span
        self.pipe_at = pipe_at  # position after the expression or list, where a transform could be put in

    @property
    def plain(self) -> bool:
        return not self.pipe


class FeaturesInfo:
    __slots__ = ("complete", "data", "decl", "features", "poisoned", "stars")

    def __init__(
        self,
        decl: Decl,
        data: DataInfo,
        features: dict[str, FeatureInfo],
        stars: list[tuple[str, list[TransformInfo], Span]],
        complete: bool = True,
    ) -> None:
        self.decl = decl
        self.data = data
        self.features = features
        self.stars = stars  # [*numeric] |> …, expanded once the models are known
        self.complete = complete
        self.poisoned: set[str] = set()  # names of features that could not be understood

    def lacks(self, name: str) -> bool:
        """Whether it can be said that there is no feature of this name."""
        return self.complete and name not in self.features and name not in self.poisoned


class TestInfo:
    __slots__ = ("decl", "expects", "features", "given")

    def __init__(
        self, decl: Decl, features: FeaturesInfo, given: list[dict[str, Any]], expects: list[DataRuleInfo]
    ) -> None:
        self.decl = decl
        self.features = features
        self.given = given
        self.expects = expects


class CandidateInfo:
    """`args`: JSON values, Ref(kind "param"), or {"tune": {...}} as `mlopsc.ir.plan.Tune`."""

    __slots__ = ("args", "name", "ref", "span")

    def __init__(self, name: str, args: dict[str, Any], span: Span, ref: str | None = None) -> None:
        self.name = name
        self.args = args
        self.span = span
        self.ref = ref


class ModelInfo:
    __slots__ = ("candidates", "decl", "features", "positive", "stratify", "target", "target_text", "task", "weights")

    def __init__(
        self,
        decl: Decl,
        features: FeaturesInfo,
        target: TypedExpr,
        target_text: str,
        task: str,
        positive: Any,
        candidates: list[CandidateInfo],
        weights: TypedExpr | None,
        stratify: TypedExpr | None,
    ) -> None:
        self.decl = decl
        self.features = features
        self.target = target
        self.target_text = target_text
        self.task = task  # binary multiclass regression
        self.positive = positive
        self.candidates = candidates
        self.weights = weights
        self.stratify = stratify


class GateRuleInfo:
    __slots__ = ("by", "confidence", "expr", "kind", "min_rows", "span", "text")

    def __init__(
        self, kind: str, text: str, expr: TypedExpr, by: list[str], min_rows: Any, confidence: Any, span: Span
    ) -> None:
        self.kind = kind  # require | warn
        self.text = text
        self.expr = expr
        self.by = by
        self.min_rows = min_rows
        self.confidence = confidence
        self.span = span


class GateInfo:
    __slots__ = ("decl", "model", "rules")

    def __init__(self, decl: Decl, model: ModelInfo, rules: list[GateRuleInfo]) -> None:
        self.decl = decl
        self.model = model
        self.rules = rules


class ActionRuleInfo:
    """`when expr … then actions` of a deploy or monitor block. `times`: (k, n) of `for k of n`."""

    __slots__ = ("actions", "by", "expr", "min_rows", "span", "text", "times")

    def __init__(
        self,
        text: str,
        expr: TypedExpr,
        by: list[str],
        min_rows: Any,
        times: tuple[int, int],
        actions: list[CallValue],
        span: Span,
    ) -> None:
        self.text = text
        self.expr = expr
        self.by = by
        self.min_rows = min_rows
        self.times = times
        self.actions = actions
        self.span = span


class DeployInfo:
    """`gates`: those of `after`, else all gates on the model, by name in order of declaration."""

    __slots__ = ("decl", "gates", "model", "rules")

    def __init__(self, decl: Decl, model: ModelInfo, gates: list[str], rules: list[ActionRuleInfo]) -> None:
        self.decl = decl
        self.model = model
        self.gates = gates
        self.rules = rules


class MonitorInfo:
    __slots__ = ("decl", "deploy", "rules")

    def __init__(self, decl: Decl, deploy: DeployInfo, rules: list[ActionRuleInfo]) -> None:
        self.decl = decl
        self.deploy = deploy
        self.rules = rules


class Program:
    """Everything that was understood, by name, in order of declaration."""

    __slots__ = (
        "data",
        "decls",
        "deploys",
        "edition",
        "features",
        "files",
        "gates",
        "metrics",
        "models",
        "modules",
        "monitors",
        "param_bounds",
        "params",
        "pipeline",
        "profile",
        "read",
        "sources",
        "steps",
        "target_kinds",
        "target_spans",
        "targets",
        "tests",
        "triggers",
        "user_metrics",
    )

    def __init__(
        self,
        sources: SourceMap,
        edition: int,
        decls: dict[str, Decl],
        pipeline: Decl | None = None,
        profile: str | None = None,
        read: Callable[[str], bytes] | None = None,
    ) -> None:
        self.sources = sources
        self.edition = edition
        self.decls = decls  # the one namespace
        self.pipeline = pipeline
        self.triggers: list[str] = []  # data blocks of `when new_data(…) then run`
        self.params: dict[str, tuple[Type, Any]] = {}  # name -> (type, default)
        self.metrics: dict[str, TypedExpr] = {}
        self.data: dict[str, DataInfo] = {}
        self.features: dict[str, FeaturesInfo] = {}
        self.models: dict[str, ModelInfo] = {}
        self.gates: dict[str, GateInfo] = {}
        self.tests: dict[str, TestInfo] = {}
        self.deploys: dict[str, DeployInfo] = {}
        self.monitors: dict[str, MonitorInfo] = {}
        self.steps: dict[str, Decl] = {}  # of kind "step"
        self.targets: dict[str, dict[str, Any]] = {}  # options of `target` blocks
        self.target_kinds: dict[str, dict[str, str]] = {}  # of each option that is one literal, the literal's kind
        self.target_spans: dict[str, dict[str, Span]] = {}  # where each option is named
        self.user_metrics: dict[str, dict[str, TypedExpr]] = {}  # name -> task -> expression
        self.param_bounds: dict[str, tuple[float | None, float | None]] = {}  # of every place it stands in
        self.files: dict[str, bytes] = {}  # spec and imports as read
        self.modules: dict[str, bytes] = {}  # local Python files that the spec names, as read
        self.profile = profile
        self.read = read  # the content of a file by its path relative to the spec's folder
