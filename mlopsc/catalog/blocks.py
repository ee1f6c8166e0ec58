"""The blocks: every setting, section, rule and header clause, with defaults and documentation (language.md, part 5)."""

from __future__ import annotations

from mlopsc.catalog.schema import BlockSpec, RuleSpec, SettingSpec

PIPELINE = BlockSpec(
    "pipeline",
    "The one pipeline of a spec: who owns it, when it runs, and how often a crashed step is tried again.",
    (
        SettingSpec("about", "string", "One sentence on what the system is for."),
        SettingSpec("owner", "string", "Who answers for it."),
        SettingSpec("tags", "strings", "Words to find it by."),
        SettingSpec("schedule", "call:schedules", "When it runs; on demand without it."),
        SettingSpec("retries", "int", "How often a crashed step is tried again; verdicts never are.", 0, lo=0, hi=100),
        SettingSpec("retry_delay", "duration", "How long to wait before trying again.", 5.0, lo=0),
        SettingSpec(
            "timeout",
            "duration",
            "How long each step may take; locally and on Airflow also the whole run, in Airflow unless it waits for a person.",
            lo=1,
        ),
        SettingSpec("notify", "refs:channel", "Channels told when a run fails, is rejected or waits for an approval."),
    ),
    (RuleSpec("when", "pipeline", "Starts a run, besides the schedule.", ("then",), ("then",)),),
    example="""pipeline churn {
  schedule = cron("0 3 * * *", timezone = "Europe/Berlin")
  retries  = 2
  when new_data(customers) then run
}
""",
)

DATA = BlockSpec(
    "data",
    "Rows from one source: their columns and types, and what must hold of them.",
    (
        SettingSpec("source", "call:sources", "Where the rows come from.", required=True),
        SettingSpec("key", "columns", "What identifies a row: unique and not null."),
        SettingSpec("time", "column", "The event time."),
        SettingSpec("extra_columns", "choice:ignore|forbid|keep", "What to do with undeclared columns.", "ignore"),
        SettingSpec("bad_rows", "share!", "Share of the rows read that may be quarantined.", 0.0, lo=0, hi=1),
    ),
    (
        RuleSpec("expect", "data", "Must hold, or the run stops."),
        RuleSpec("warn", "data", "Is reported where it does not hold."),
        RuleSpec("filter", "row", "Keeps the rows for which it is true."),
        RuleSpec("dedupe", "columns", "Keeps the first row in source order for each value."),
    ),
    sections=(BlockSpec("columns", "The columns, with their types.", columns=True),),
    example="""data customers {
  source = csv("customers.csv")
  key    = id
  columns {
    id  : string
    age : int? in 0..120
  }
  expect rows >= 100
}
""",
)

FEATURES = BlockSpec(
    "features",
    "Features of a data block: row expressions, then fitted transforms after `|>`.",
    header=(("from", "data"),),
    selections=True,
    example="""features inputs from customers {
  age |> impute(median) |> standardize()
  is_minor = age < 18
}
""",
)

TUNING = BlockSpec(
    "tuning",
    "How to search the spaces marked by `tune(…)`.",
    (
        SettingSpec("trials", "int!", "Trials in all.", 20, lo=1, hi=100_000),
        SettingSpec("maximize", "name", "The metric to maximise; the task's main metric without it."),
        SettingSpec("minimize", "name", "The metric to minimise."),
        SettingSpec("folds", "int!", "Folds of the training rows.", 5, lo=2, hi=100),
        SettingSpec("timeout", "duration", "Stop searching after this; results then depend on the machine.", lo=1),
    ),
)

MODEL = BlockSpec(
    "model",
    "A model: what it predicts, how rows are split, which algorithm learns.",
    (
        SettingSpec("target", "row", "What to predict: a column or a row expression.", required=True),
        SettingSpec("positive", "literal", "The positive class; `true` or the level listed last without it."),
        SettingSpec("task", "choice:binary|multiclass|regression", "The task; follows from the target's type."),
        SettingSpec("split", "call:splits", "How training and test rows are told apart.", "random"),
        SettingSpec("seed", "int!", "Seed of every random choice.", 0, lo=0, hi=2**32 - 1),
        SettingSpec("algorithm", "any", "What learns.", required=True),
        SettingSpec("threshold", "share!", "Cuts a binary probability.", 0.5, lo=0, hi=1),
        SettingSpec("weights", "row", "Weight of a row in fitting: a column or expression."),
        SettingSpec("metrics", "names", "The metrics to show first in reports."),
        SettingSpec("explain", "bool", "Whether to record what the model leans on.", False),
        SettingSpec("cpu", "int", "Cores that training may use.", 1, lo=1, hi=4096),
        SettingSpec("memory", "size", "Memory that training may use.", lo=1),
        SettingSpec("gpu", "int", "Graphics processors that training needs.", 0, lo=0, hi=1024),
    ),
    header=(("from", "features"),),
    sections=(TUNING,),
    example="""model risk from inputs {
  target    = churn
  split     = random(test = 20%, stratify = churn)
  algorithm = logistic_regression(C = tune(0.01..100, log = true))
  tuning { trials = 30; maximize = roc_auc }
}
""",
)

GATE = BlockSpec(
    "gate",
    "What a model must pass before it becomes champion.",
    (SettingSpec("approval", "call:approvals", "A person's decision, after the rules have passed."),),
    (
        RuleSpec("require", "gate", "Must hold.", ("by", "min_rows", "confidence")),
        RuleSpec("warn", "gate", "Is reported where it does not hold.", ("by", "min_rows", "confidence")),
    ),
    header=(("on", "model"),),
    example="""gate release on risk {
  require roc_auc >= 0.8
  require roc_auc >= champion.roc_auc - 0.005
  require recall >= 40% by contract min_rows 100
  approval = manual(by = ["ml-leads"], within = 2d)
}
""",
)

DEPLOY = BlockSpec(
    "deploy",
    "How the champion is served.",
    (
        SettingSpec("after", "refs:gate", "Gates that a version must have passed; all gates of its model without it."),
        SettingSpec("serve", "call:serving", "How predictions are asked for.", "rest"),
        SettingSpec("rollout", "call:rollouts", "How traffic moves to a new version.", "immediate"),
        SettingSpec("replicas", "range", "How many servers: a number or a range."),
        SettingSpec("cpu", "number", "Cores of a server.", lo=0.01, hi=4096),
        SettingSpec("memory", "size", "Memory of a server.", lo=1),
        SettingSpec("keep", "int", "How many versions stay restorable.", 5, lo=1, hi=10_000),
    ),
    (RuleSpec("when", "deploy", "Acts on the running server.", ("for", "of", "then"), ("then",)),),
    header=(("from", "model"),),
    example="""deploy api from risk {
  after   = [release]
  serve   = rest(port = 8080)
  rollout = canary([5%, 25%, 100%], every = 10min)
  when error_rate > 2% for 3 of 5 then rollback
}
""",
)

MONITOR = BlockSpec(
    "monitor",
    "Watches what a deployment receives and answers.",
    (
        SettingSpec("schedule", "call:schedules", "When it looks; on demand without it."),
        SettingSpec(
            "window", "duration", "How far back it looks from the newest scored row; all rows without it.", lo=1
        ),
        SettingSpec("reference", "choice:training or ref:data", "What to compare with.", "training"),
        SettingSpec("labels", "ref:data", "The data block with the key and the target, once known."),
        SettingSpec("delay", "duration", "How old a prediction must be for its label to be complete.", 0.0, lo=0),
        SettingSpec("segments", "columns", "Columns whose values are also looked at one by one."),
        SettingSpec("min_rows", "int", 'Fewer rows give "no data".', 30, lo=1),
    ),
    (RuleSpec("when", "monitor", "Acts.", ("by", "min_rows", "for", "of", "then"), ("then",)),),
    header=(("on", "deploy"),),
    example="""monitor watch on api {
  schedule = every(1d)
  window   = 7d
  when drift(inputs) > 0.2 for 2 of 3 then alert(oncall), retrain(cooldown = 7d)
}
""",
)

STEP = BlockSpec(
    "step",
    "A step of your own.",
    (
        SettingSpec(
            "run", "call:runs", "The function to call. What it returns has to be JSON, and is kept.", required=True
        ),
        SettingSpec(
            "inputs",
            "refs:data|model|gate|step",
            "What is handed to it, by name: the path of a file each, as text (rows of data are Parquet).",
        ),
        SettingSpec("after", "refs:data|model|gate|deploy|step", "What must be done before it."),
        SettingSpec("before", "refs:data|model|gate|deploy|step", "What waits for it."),
    ),
    example="""step publish {
  run    = python("reports:publish")
  inputs = [customers, risk]
  after  = [release]
}
""",
)

TEST = BlockSpec(
    "test",
    "A unit test of features: given rows, expected values.",
    rules=(
        RuleSpec("given", "given", "A row of the data block, by column."),
        RuleSpec("expect", "feature", "Must hold of every row given."),
    ),
    header=(("of", "features"),),
    example="""test minors of inputs {
  given row(age = 17)
  expect is_minor
}
""",
)

# A spec may hold options of these whether or not their back ends are installed where it is checked.
TARGETS = ("local", "airflow", "kubeflow")

TARGET = BlockSpec(
    "target",
    "Options of one back end, by its own names.",
    open=True,
    example="""target airflow { python = "/opt/venvs/churn/bin/python"; pool = "ml" }
""",
)

PROFILE = BlockSpec(
    "profile",
    "Overrides of settings and params for one environment, chosen with `--profile`.",
    open=True,
    example="""profile prod {
  test_share         = 30%
  churn.retries      = 3
  risk.tuning.trials = 100
}
""",
)

BLOCKS: dict[str, BlockSpec] = {
    spec.kind: spec for spec in (PIPELINE, DATA, FEATURES, MODEL, GATE, DEPLOY, MONITOR, STEP, TEST, TARGET, PROFILE)
}

BINDINGS: dict[str, str] = {
    "param": "A typed run-time parameter: `param test_share : share = 20%`.",
    "connection": 'A database or object store: `connection crm = postgres(database = "crm")`.',
    "channel": 'Where alerts go: `channel oncall = webhook(secret("ONCALL_WEBHOOK"))`.',
    "metric": "A metric of your own over `actual`, `predicted` and `probability` of the test rows.",
}
