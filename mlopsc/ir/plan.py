"""The Plan: what every back end sees, and all that it sees. Closed, frozen, versioned; serialises to JSON.

A step carries its own slice of the spec in `settings`, so that a task needs nothing but its step and the artifacts named
in `inputs`. Numbers that a run may override stand as {"param": NAME}; inside expressions as op "param".
Durations are seconds, sizes bytes, shares 0..1. Paths of sources are POSIX, relative to the spec's folder.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mlopsc.ir.expr import Expr, Frozen, Scalar

PLAN_FORMAT = 1


class Where(Frozen):
    """A place in a spec file; `file` relative to the spec's folder, line and column from 1."""

    file: str
    line: int
    column: int


class ParamRef(Frozen):
    param: str


Number = int | float | ParamRef


class SecretRef(Frozen):
    secret: str


class EnvRef(Frozen):
    env: str


ConnectionValue = SecretRef | EnvRef | bool | int | float | str


class Param(Frozen):
    name: str
    type: str
    default: Scalar
    lo: float | None = None
    hi: float | None = None
    levels: tuple[str, ...] | None = None  # of a category
    where: Where


class Connection(Frozen):
    name: str
    kind: str  # postgres mysql sqlite duckdb s3 gcs
    args: dict[str, ConnectionValue]


class Channel(Frozen):
    name: str
    kind: str  # webhook slack email pagerduty
    args: dict[str, ConnectionValue | tuple[str, ...]]


# --- data ------------------------------------------------------------------------------------------------------------


class SourceSpec(Frozen):
    """kind csv: path delimiter encoding header timezone; parquet, json_lines: path timezone; table: connection name;
    sql: connection query; python: ref ("package.module:function")."""

    kind: Literal["csv", "parquet", "json_lines", "table", "sql", "python"]
    path: str | None = None  # may hold globs
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    timezone: str | None = None
    connection: Connection | None = None
    table: str | None = None
    query: str | None = None
    ref: str | None = None


class ColumnSpec(Frozen):
    name: str
    raw: str  # name in the source
    type: Literal["int", "float", "bool", "string", "category", "date", "timestamp"]
    nullable: bool
    levels: tuple[str, ...] | None = None  # category with named levels; integers as their text
    true_false: tuple[str, str] | None = None  # bool("Yes", "No")
    missing: tuple[str, ...] = ()  # texts read as null
    lo: Scalar = None  # in lo..hi (dates and timestamps as text)
    hi: Scalar = None
    allowed: tuple[Scalar, ...] | None = None  # in [list]
    matches: str | None = None  # regex, the whole value
    where: Where


class DataRule(Frozen):
    kind: Literal["expect", "warn"]
    text: str
    expr: Expr  # bool
    where: Where


class ColumnPlace(Frozen):
    """Where a column is declared: a rule of it that rows break is told there, whichever spec the rows were read for."""

    name: str
    where: Where


class IngestSettings(Frozen):
    kind: Literal["ingest"] = "ingest"
    data: str
    source: SourceSpec
    columns: tuple[ColumnSpec, ...]
    extra_columns: Literal["ignore", "forbid", "keep"] = "ignore"


class CleanSettings(Frozen):
    kind: Literal["clean"] = "clean"
    data: str
    filters: tuple[Expr, ...]
    dedupe: tuple[str, ...] | None  # keep the first row in source order


class ValidateSettings(Frozen):
    kind: Literal["validate"] = "validate"
    data: str
    bad_rows: Number
    key: tuple[str, ...]
    columns: tuple[ColumnPlace, ...] = ()
    rules: tuple[DataRule, ...]


# --- models ----------------------------------------------------------------------------------------------------------


class Transform(Frozen):
    """A fitted transform. `sklearn` names the class for sklearn("package.Class", …)."""

    name: str
    args: dict[str, Any]
    sklearn: str | None = None


class Feature(Frozen):
    """One named feature: `inputs` are row expressions (one, or several for a transform that joins columns, which gives
    NAME_1, NAME_2 …), `types` their types; `pipe` learns from training rows only."""

    name: str
    inputs: tuple[Expr, ...]
    types: tuple[str, ...]
    pipe: tuple[Transform, ...] = ()
    levels: tuple[tuple[str, ...] | None, ...] = ()  # of each input that is a category with named levels (else null)
    where: Where


class Tune(Frozen):
    """A search space: lo..hi (both ends in, integers where `integer`) or choices."""

    lo: float | int | None = None
    hi: float | int | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Scalar, ...] | None = None


class TuneArg(Frozen):
    tune: Tune


class Algorithm(Frozen):
    """One candidate: a name of the catalogue, or name "sklearn"/"python" with `ref`. `args` hold the library's own
    parameter names: a JSON value, a ParamRef or a TuneArg."""

    name: str
    ref: str | None = None
    args: dict[str, TuneArg | ParamRef | Any]
    where: Where


class Tuning(Frozen):
    trials: Number = 20
    metric: str
    direction: Literal["maximize", "minimize"]
    folds: Number = 5
    timeout: float | None = None


class UserMetric(Frozen):
    name: str
    expr: Expr  # columns actual, predicted, probability; dataset functions over them


class Target(Frozen):
    text: str  # as written
    expr: Expr
    type: str
    task: Literal["binary", "multiclass", "regression"]
    positive: Scalar = None  # binary: the positive class as a value of `type` (None: true)
    levels: tuple[str, ...] | None = None  # category with named levels, in order


class SplitSpec(Frozen):
    kind: Literal["random", "time", "group"]
    test: Number | None = None
    stratify: Expr | None = None
    after: str | None = None  # time: date or timestamp text
    time: str | None = None  # the data's time column
    group: str | None = None
    groups: tuple[str, ...] | None = None  # group: these values are the test rows


class SplitSettings(Frozen):
    """Gives each row 0 (train), 1 (test) or 2 (no target)."""

    kind: Literal["split"] = "split"
    model: str
    data: str
    key: tuple[str, ...]
    target: Target
    split: SplitSpec
    seed: Number


class TrainSettings(Frozen):
    kind: Literal["train"] = "train"
    model: str
    data: str
    features_name: str
    features: tuple[Feature, ...]
    target: Target
    split: SplitSpec  # the kind of the tuning folds, too
    key: tuple[str, ...]
    seed: Number
    candidates: tuple[Algorithm, ...]
    tuning: Tuning | None  # None: nothing to search
    threshold: Number
    weights: Expr | None
    user_metrics: tuple[UserMetric, ...] = ()  # those that tuning may need
    explain: bool = False


class EvaluateSettings(Frozen):
    kind: Literal["evaluate"] = "evaluate"
    model: str
    data: str
    key: tuple[str, ...]
    target: Target
    threshold: Number
    user_metrics: tuple[UserMetric, ...]
    latency: bool  # measure single rows: a gate asks for it
    where: Where


class GateRule(Frozen):
    kind: Literal["require", "warn"]
    text: str  # as written, without clauses: `roc_auc >= 0.83`
    expr: Expr  # bool over MetricNode and literals
    by: tuple[str, ...] = ()
    min_rows: Number = 30
    confidence: Number = 0.95
    where: Where


class GateSettings(Frozen):
    kind: Literal["gate"] = "gate"
    gate: str
    model: str
    data: str
    key: tuple[str, ...]
    target: Target
    threshold: Number
    seed: Number
    rules: tuple[GateRule, ...]
    user_metrics: tuple[UserMetric, ...]
    champion: bool  # some rule names the champion
    approval: bool
    where: Where


class ApproveSettings(Frozen):
    kind: Literal["approve"] = "approve"
    gate: str
    model: str
    by: tuple[str, ...]
    within: float | None
    where: Where


class RegisterSettings(Frozen):
    """`gates`: all must have passed for the version to become champion (empty: no gate, always promoted)."""

    kind: Literal["register"] = "register"
    model: str
    gates: tuple[str, ...]
    keep: int | None
    where: Where


class CustomSettings(Frozen):
    """A `step` block. `inputs` of the step map the names in `arguments` to artifacts."""

    kind: Literal["custom"] = "custom"
    name: str
    ref: str  # module:function
    arguments: tuple[str, ...]


class OpaqueSettings(Frozen):
    """Steps that are lowered but not yet run: deploy, score, monitor."""

    kind: Literal["deploy", "score", "monitor"]
    name: str
    settings: dict[str, Any]


Settings = Annotated[
    IngestSettings
    | CleanSettings
    | ValidateSettings
    | SplitSettings
    | TrainSettings
    | EvaluateSettings
    | GateSettings
    | ApproveSettings
    | RegisterSettings
    | CustomSettings
    | OpaqueSettings,
    Field(discriminator="kind"),
]


# --- pipelines -------------------------------------------------------------------------------------------------------


class Resources(Frozen):
    cpu: int = 1
    memory: int | None = None  # bytes
    gpu: int = 0


class Step(Frozen):
    """`inputs`: name -> "STEP_ID/OUTPUT". `outputs`: name -> file suffix (parquet, json, npz, zip). `after`: steps that
    must have succeeded, besides those of `inputs`. `modules`: local modules whose text is part of the key."""

    id: str  # kind:name, e.g. train:churn_model
    kind: str
    settings: Settings
    inputs: dict[str, str]
    outputs: dict[str, str]
    after: tuple[str, ...] = ()
    resources: Resources = Resources()
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None
    modules: tuple[str, ...] = ()
    where: Where


class Schedule(Frozen):
    cron: str | None = None
    timezone: str | None = None
    every: float | None = None


class Trigger(Frozen):
    kind: Literal["new_data"]
    data: str


class Pipeline(Frozen):
    name: str
    kind: Literal["training", "batch", "monitor"]
    about: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    schedule: Schedule | None = None
    triggers: tuple[Trigger, ...] = ()
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None
    notify: tuple[str, ...] = ()  # channel names
    steps: tuple[Step, ...]  # in an order in which every step stands after what it needs


class FeatureTest(Frozen):
    """A `test` block: given rows of the data block's columns, expectations over its columns and features."""

    name: str
    features_name: str
    features: tuple[Feature, ...]
    columns: tuple[ColumnSpec, ...]
    given: tuple[dict[str, Scalar], ...]
    expects: tuple[DataRule, ...]
    where: Where


class Plan(Frozen):
    format: Literal[1] = 1
    compiler: str
    edition: int
    name: str
    spec: str  # file name of the spec
    files: dict[str, str]  # spec and imports: path relative to the spec's folder -> sha256
    modules: dict[str, str]  # local Python files that travel along: path -> sha256
    profile: str | None = None
    params: tuple[Param, ...] = ()
    connections: tuple[Connection, ...] = ()
    channels: tuple[Channel, ...] = ()
    pipelines: tuple[Pipeline, ...]  # training first
    tests: tuple[FeatureTest, ...] = ()
    targets: dict[str, dict[str, Any]] = {}  # options of `target` blocks
    reproducible: bool = True  # false where a tuning timeout makes results depend on the machine
