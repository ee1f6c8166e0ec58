"""Lowering: what the Plan holds, and that its parts fit together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from mlopsc.diagnostics.model import Bag
from mlopsc.ir.plan import Plan, Step
from mlopsc.ir.text import plan_text
from mlopsc.passes.lower import lower
from mlopsc.semantics.analyse import analyse
from mlopsc.source import SourceMap
from mlopsc.syntax import parse

ROOT = Path(__file__).resolve().parents[2]
CHURN = ROOT / "tests" / "cases" / "check" / "names_clean.mlops"

HEAD = """edition 2026
pipeline p { retries = 2; retry_delay = 3s; timeout = 1h }
data d {
  source = csv("d.csv")
  key    = id
  columns {
    id    : string
    a     : float
    n     : int
    shop  : string
    kind  : category(1, 2)
    price : float
    y     : bool
  }
  expect exists_in(shop, shops.name)
}
data shops { source = csv("s.csv"); columns { name : string } }
features f from d {
  a |> standardize()
  double = a * 2
  more   = double + n |> standardize()
}
"""


def plan_of(text: str, files: Mapping[str, str] | None = None, **options: Any) -> Plan:
    sources, bag = SourceMap(), Bag()
    source = sources.add("folder/spec.mlops", text)

    def read(path: str) -> bytes:
        if files is None or path not in files:
            raise FileNotFoundError(2, "No such file")
        return files[path].encode()

    program = analyse(sources, parse(source, bag), folder=None, name="spec.mlops", read=read, bag=bag, **options)
    assert not bag.has_errors, [(item.name, item.message) for item in bag.items]
    return lower(program, compiler="test", spec_name="spec.mlops")


def step(plan: Plan, identity: str) -> Step:
    return next(s for s in plan.pipelines[0].steps if s.id == identity)


def test_the_plan_of_the_whole_spec_reads_as_it_should(golden: Callable[[Path, str], None]) -> None:
    plan = plan_of(CHURN.read_text(encoding="utf-8"))
    golden(ROOT / "tests" / "cases" / "plan" / "churn.txt", plan_text(plan))


def test_every_input_is_an_artifact_of_an_earlier_step() -> None:
    plan = plan_of(CHURN.read_text(encoding="utf-8"))
    for pipeline in plan.pipelines:
        written: set[str] = set()
        seen: set[str] = set()
        for s in pipeline.steps:
            assert set(s.inputs.values()) <= written
            assert set(s.after) <= seen
            written |= {f"{s.id}/{output}" for output in s.outputs}
            seen.add(s.id)


def test_a_plan_comes_back_from_its_json_and_meets_its_schema() -> None:
    plan = plan_of(CHURN.read_text(encoding="utf-8"), profile="prod", overrides={"test_share": "30%"})
    text = plan.model_dump_json()
    assert Plan.model_validate_json(text) == plan
    schema = json.loads((ROOT / "docs" / "plan.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(text), schema)


def test_the_same_spec_gives_the_same_bytes() -> None:
    text = CHURN.read_text(encoding="utf-8")
    assert plan_of(text).model_dump_json() == plan_of(text).model_dump_json()


def test_params_and_overrides_reach_the_plan() -> None:
    plan = plan_of(CHURN.read_text(encoding="utf-8"), profile="prod", overrides={"test_share": "30%"})
    (param,) = plan.params
    assert (param.name, param.type, param.default, param.where.line) == ("test_share", "share", 0.3, 12)
    assert param.lo is not None
    assert 0 < param.lo < 0.01
    split: Any = step(plan, "split:churn_model").settings
    assert split.split.test.param == "test_share"
    source: Any = step(plan, "ingest:customers").settings
    assert (source.source.kind, source.source.connection.args["password"].secret) == ("table", "PGPASSWORD")
    assert plan.profile == "prod"


def test_features_that_a_feature_names_stay_names() -> None:
    plan = plan_of(HEAD + "model m from f { target = y; algorithm = gradient_boosting() }\n")
    settings: Any = step(plan, "train:m").settings
    more = next(feature for feature in settings.features if feature.name == "more")
    (expr,) = more.inputs
    assert expr.fn == "+"
    assert [(arg.op, arg.name) for arg in expr.args] == [("feature", "double"), ("column", "n")]
    assert more.types == ("float",)


def test_named_levels_travel_with_the_features() -> None:
    features = "features g from d { kind |> onehot(); a }\nmodel m from g { target = y; algorithm = dummy() }\n"
    settings: Any = step(plan_of(HEAD + features), "train:m").settings
    assert [feature.levels for feature in settings.features] == [(("1", "2"),), (None,)]


def test_a_chain_of_features_that_each_use_the_one_before_twice_lowers_linearly() -> None:
    def size(count: int) -> int:
        chain = "".join(f"  f{i} = (f{i - 1} + f{i - 1}) / 2\n" for i in range(1, count))
        model = "model m from g { target = y; algorithm = gradient_boosting() }\n"
        return len(plan_of(HEAD + f"features g from d {{\n  f0 = a * 1\n{chain}}}\n{model}").model_dump_json())

    assert size(1000) < 12 * size(100)


def test_a_rule_over_another_block_reads_its_rows_first() -> None:
    plan = plan_of(HEAD + "model m from f { target = y; algorithm = gradient_boosting() }\n")
    validate = step(plan, "validate:d")
    assert validate.inputs["rows.shops"] == "clean:shops/rows"
    settings: Any = validate.settings
    assert settings.key == ("id",)


def test_retries_hold_for_steps_but_not_for_a_person() -> None:
    spec = HEAD + "model m from f { target = y; algorithm = dummy(); cpu = 2; memory = 1GiB }\n"
    plan = plan_of(spec + 'gate g on m { require roc_auc >= 0.6; approval = manual(by = "a", within = 2d) }\n')
    train, approve = step(plan, "train:m"), step(plan, "approve:g")
    assert (train.retries, train.retry_delay, train.timeout) == (2, 3.0, 3600.0)
    assert (train.resources.cpu, train.resources.memory) == (2, 1024**3)
    assert (approve.retries, approve.timeout) == (0, None)
    settings: Any = approve.settings
    assert (settings.by, settings.within) == (("a",), 2 * 86400.0)


def test_only_the_gates_that_decide_reach_the_registration() -> None:
    spec = HEAD + "model m from f { target = y; algorithm = dummy() }\n"
    gates = "gate g on m { require roc_auc >= 0.6 }\ngate h on m { require brier <= 0.2 }\n"
    both: Any = step(plan_of(spec + gates), "register:m")
    assert both.settings.gates == ("g", "h")
    one: Any = step(plan_of(spec + gates + "deploy a from m { after = [h]; keep = 9 }\n"), "register:m")
    assert (one.settings.gates, one.settings.keep) == (("h",), 9)
    assert "verdict.g" not in one.inputs


def test_group_values_and_candidates_stand_as_the_steps_expect() -> None:
    plan = plan_of(
        HEAD
        + """model m from f {
  target    = price
  split     = group(kind, test = [2])
  algorithm = best_of(ridge(alpha = tune(0.1..10, log = true)), knn(n_neighbors = tune([3, 5])))
  tuning.timeout = 1h
}
"""
    )
    settings: Any = step(plan, "train:m").settings
    assert (settings.split.group, settings.split.groups, settings.split.test) == ("kind", ("2",), None)
    ridge, knn = settings.candidates
    assert ridge.args["alpha"].tune.model_dump(exclude_defaults=True) == {"lo": 0.1, "hi": 10.0, "log": True}
    assert knn.args["n_neighbors"].tune.choices == (3, 5)
    assert (settings.tuning.metric, settings.tuning.direction, settings.tuning.trials) == ("rmse", "minimize", 20)
    assert not plan.reproducible


def test_steps_of_the_user_stand_where_they_said() -> None:
    spec = HEAD + "model m from f { target = y; algorithm = dummy() }\ngate g on m { require roc_auc >= 0.6 }\n"
    steps = """step note { run = python("own.notes:note"); inputs = [d, m]; before = [g] }
step tell { run = python("own.notes:note"); after = [g, note] }
"""
    files = {
        "own/__init__.py": "",
        "own/notes.py": "from . import texts\nimport json\nfrom shared.deep import x\ndef note(d=None, m=None):\n    return 1\n",
        "own/texts.py": "",
        "shared/__init__.py": "",
        "shared/deep.py": "x = 1\n",
        "spare.py": "",
    }
    plan = plan_of(spec + steps, files)
    note = step(plan, "custom:note")
    assert note.inputs == {"d": "clean:d/rows", "m": "train:m/model"}
    assert set(note.after) == {"validate:d", "evaluate:m"}
    assert "custom:note" in step(plan, "gate:g").after
    assert set(step(plan, "custom:tell").after) == {"gate:g", "custom:note"}
    travel = ["own/__init__.py", "own/notes.py", "own/texts.py", "shared/__init__.py", "shared/deep.py"]
    assert list(plan.modules) == travel
    assert list(note.modules) == travel


def test_paths_are_relative_to_the_spec_wherever_they_are_written() -> None:
    shared = 'connection db = sqlite("../x.db")\ndata d { source = table(db, "t"); columns { a : float; y : bool } }\n'
    spec = 'edition 2026\nimport "shared/in/data.mlops"\npipeline p { retries = 1 }\nfeatures f from d { a }\n'
    plan = plan_of(spec + "model m from f { target = y; algorithm = dummy() }\n", {"shared/in/data.mlops": shared})
    ingest = step(plan, "ingest:d")
    settings: Any = ingest.settings
    assert settings.source.connection.args["path"] == "shared/x.db"
    assert ingest.where.file == "shared/in/data.mlops"
    assert step(plan, "train:m").where.file == "spec.mlops"
    assert set(plan.files) == {"spec.mlops", "shared/in/data.mlops"}


def test_batch_deployments_and_monitors_are_pipelines_of_their_own() -> None:
    plan = plan_of(
        HEAD
        + """model m from f { target = y; algorithm = dummy() }
gate g on m { require roc_auc >= 0.6 }
deploy b from m {
  after = [g]
  serve = batch(input = d, output = parquet("out.parquet"), schedule = cron("0 4 * * *"))
}
monitor w on b { schedule = every(1d); labels = d; when roc_auc < 0.6 by shop then rollback }
"""
    )
    assert [(p.name, p.kind) for p in plan.pipelines] == [("p", "training"), ("b", "batch"), ("w", "monitor")]
    batch, monitor = plan.pipelines[1:]
    assert batch.schedule is not None
    assert (batch.schedule.cron, batch.schedule.timezone) == ("0 4 * * *", "UTC")
    assert monitor.schedule is not None
    assert monitor.schedule.every == 86400.0
    assert [s.id for s in batch.steps] == ["ingest:d", "clean:d", "validate:d", "score:b"]
    last: Any = monitor.steps[-1]
    assert (last.id, last.settings.settings["rules"][0]["by"]) == ("monitor:w", ["shop"])


def test_unused_data_is_not_read() -> None:
    spec = HEAD + 'data spare { source = csv("x.csv"); columns { a : int } }\n'
    plan = plan_of(spec + "model m from f { target = y; algorithm = dummy() }\n")
    assert not any(s.id.endswith(":spare") for s in plan.pipelines[0].steps)


def test_a_thousand_steps_and_a_long_expression_lower_without_recursion() -> None:
    total = " + ".join(["a"] * 90)
    features = f"features g from d {{ long = {total} }}\nmodel m from g {{ target = y; algorithm = dummy() }}\n"
    chain = [f'step s{i} {{ run = python("m:f"); after = [s{i - 1}] }}' for i in range(1, 1000)]
    spec = HEAD + features + "\n".join(['step s0 { run = python("m:f") }', *chain])
    plan = plan_of(spec, {"m.py": "def f():\n    return 1\n"})
    ids = [s.id for s in plan.pipelines[0].steps]
    assert ids.index("custom:s0") < ids.index("custom:s999")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_tests_of_features_travel_with_the_columns_they_need() -> None:
    spec = HEAD + "model m from f { target = y; algorithm = gradient_boosting() }\n"
    plan = plan_of(spec + "test t of f { given row(a = 1.5, n = 2); expect double == 3.0 }\n")
    (test,) = plan.tests
    assert (test.name, test.features_name, test.given[0]["a"]) == ("t", "f", 1.5)
    assert [rule.text for rule in test.expects] == ["double == 3.0"]
