"""The checked program: what the checks have understood of a spec. Lowering reads nothing else.

A part that could not be understood is absent or None ("poisoned"): whatever depends on it stays silent, so that one
cause gives one diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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


@dataclass(slots=True, eq=False)
class Value:
    """A setting or an argument with its origin. `value`: Python int, float (seconds, shares), str, bool, list; a CallValue;
    a Ref; a TypedExpr. `origin`: "spec", "default", "profile NAME" or "--set"."""

    value: Any
    span: Span
    origin: str = "spec"


@dataclass(slots=True, eq=False)
class Ref:
    """A reference to a declaration or, for kind "column", to a column; kind "param" is a run-time parameter."""

    kind: str
    name: str
    span: Span


@dataclass(slots=True, eq=False)
class CallValue:
    """A call of the vocabulary: `args` by name, defaults filled in; `rest` further positional values."""

    name: str
    args: dict[str, Value]
    span: Span
    rest: list[Value] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Decl:
    """A declaration of any kind. `file` is the path of the file it stands in, relative to the spec's folder."""

    kind: str
    name: str
    node: ast.Block | ast.Binding
    file: str
    used: bool = False
    settings: dict[str, Value] = field(default_factory=dict)  # dotted for sections: "tuning.trials"


@dataclass(slots=True, eq=False)
class ColumnInfo:
    name: str
    raw: str
    type: Type
    span: Span
    true_false: tuple[str, str] | None = None
    missing: tuple[str, ...] = ()
    lo: Any = None  # numbers; dates and timestamps as text
    hi: Any = None
    allowed: tuple[Any, ...] | None = None
    matches: str | None = None


@dataclass(slots=True, eq=False)
class DataRuleInfo:
    kind: str  # expect | warn
    text: str
    expr: TypedExpr
    span: Span


@dataclass(slots=True, eq=False)
class DataInfo:
    decl: Decl
    columns: dict[str, ColumnInfo]
    key: list[str]
    time: str | None
    filters: list[TypedExpr]
    rules: list[DataRuleInfo]
    dedupe: list[str] | None
    complete: bool = True  # false when a broken column makes "unknown column" unsafe to claim
    checked: bool = False  # filters and rules were read, too: columns come first, as other blocks may need them


@dataclass(slots=True, eq=False)
class TransformInfo:
    name: str
    args: dict[str, Any]  # JSON values
    span: Span
    sklearn: str | None = None


@dataclass(slots=True, eq=False)
class FeatureInfo:
    """One feature. `out` is its type after the pipe; `plain` means no pipe: usable in other expressions of the block."""

    name: str
    inputs: list[TypedExpr]
    pipe: list[TransformInfo]
    out: Type
    span: Span
    pipe_at: int = -1  # position after the expression or list, where a transform could be put in

    @property
    def plain(self) -> bool:
        return not self.pipe


@dataclass(slots=True, eq=False)
class FeaturesInfo:
    decl: Decl
    data: DataInfo
    features: dict[str, FeatureInfo]
    stars: list[tuple[str, list[TransformInfo], Span]]  # [*numeric] |> …, expanded once the models are known
    complete: bool = True


@dataclass(slots=True, eq=False)
class TestInfo:
    decl: Decl
    features: FeaturesInfo
    given: list[dict[str, Any]]
    expects: list[DataRuleInfo]


@dataclass(slots=True, eq=False)
class CandidateInfo:
    """`args`: JSON values, Ref(kind "param"), or {"tune": {...}} as `mlopsc.ir.plan.Tune`."""

    name: str
    args: dict[str, Any]
    span: Span
    ref: str | None = None


@dataclass(slots=True, eq=False)
class ModelInfo:
    decl: Decl
    features: FeaturesInfo
    target: TypedExpr
    target_text: str
    task: str  # binary multiclass regression
    positive: Any
    candidates: list[CandidateInfo]
    weights: TypedExpr | None
    stratify: TypedExpr | None


@dataclass(slots=True, eq=False)
class GateRuleInfo:
    kind: str  # require | warn
    text: str
    expr: TypedExpr
    by: list[str]
    min_rows: Any
    confidence: Any
    span: Span


@dataclass(slots=True, eq=False)
class GateInfo:
    decl: Decl
    model: ModelInfo
    rules: list[GateRuleInfo]


@dataclass(slots=True, eq=False)
class ActionRuleInfo:
    """`when expr … then actions` of a deploy or monitor block. `times`: (k, n) of `for k of n`."""

    text: str
    expr: TypedExpr
    by: list[str]
    min_rows: Any
    times: tuple[int, int]
    actions: list[CallValue]
    span: Span


@dataclass(slots=True, eq=False)
class DeployInfo:
    """`gates`: those of `after`, else all gates on the model, by name in order of declaration."""

    decl: Decl
    model: ModelInfo
    gates: list[str]
    rules: list[ActionRuleInfo]


@dataclass(slots=True, eq=False)
class MonitorInfo:
    decl: Decl
    deploy: DeployInfo
    rules: list[ActionRuleInfo]


@dataclass(slots=True, eq=False)
class Program:
    """Everything that was understood, by name, in order of declaration."""

    sources: SourceMap
    edition: int
    decls: dict[str, Decl]  # the one namespace
    pipeline: Decl | None = None
    triggers: list[str] = field(default_factory=list)  # data blocks of `when new_data(…) then run`
    params: dict[str, tuple[Type, Any]] = field(default_factory=dict)  # name -> (type, default)
    metrics: dict[str, TypedExpr] = field(default_factory=dict)
    data: dict[str, DataInfo] = field(default_factory=dict)
    features: dict[str, FeaturesInfo] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    gates: dict[str, GateInfo] = field(default_factory=dict)
    tests: dict[str, TestInfo] = field(default_factory=dict)
    deploys: dict[str, DeployInfo] = field(default_factory=dict)
    monitors: dict[str, MonitorInfo] = field(default_factory=dict)
    steps: dict[str, Decl] = field(default_factory=dict)  # of kind "step"
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)  # options of `target` blocks
    user_metrics: dict[str, dict[str, TypedExpr]] = field(default_factory=dict)  # name -> task -> expression
    param_bounds: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)  # of every place it stands in
    files: dict[str, bytes] = field(default_factory=dict)  # spec and imports as read
    modules: dict[str, bytes] = field(default_factory=dict)  # local Python files that the spec names, as read
    profile: str | None = None
    read: Callable[[str], bytes] | None = None  # the content of a file by its path relative to the spec's folder
