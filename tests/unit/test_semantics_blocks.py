"""Settings, profiles, imports, models, gates: what the cases in tests/cases/check cannot show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlopsc.catalog.algorithm_table import CLASSES
from mlopsc.catalog.blocks import BLOCKS
from mlopsc.catalog.reference import pages
from mlopsc.diagnostics.model import Bag, Diagnostic
from mlopsc.passes.schema import plan_schema
from mlopsc.semantics import variants
from mlopsc.semantics.analyse import analyse
from mlopsc.semantics.constraints import alternatives, fits
from mlopsc.semantics.cron import check_cron, check_zone
from mlopsc.semantics.program import Program
from mlopsc.source import SourceMap
from mlopsc.syntax import parse

ROOT = Path(__file__).resolve().parents[2]

SPEC = """edition 2026
pipeline p { retries = 1 }
param share_of_tests : share = 20%
param region : string = "eu"
param since : date = date("2026-01-01")
data d {
  source = csv("d.csv")
  columns {
    a    : float
    day  : date
    area : string
    y    : bool
  }
  filter area == region and day >= since
}
features f from d { a }
model m from f {
  target    = y
  split     = random(test = share_of_tests)
  algorithm = random_forest(n_estimators = tune([50, 100]))
}
profile prod {
  p.retries       = 3
  share_of_tests  = 30%
  m.tuning.trials = 100
}
"""


def checked(text: str, files: Mapping[str, str] | None = None, **options: Any) -> tuple[Program, list[Diagnostic]]:
    """The program and its findings; `files` are what stands beside the spec."""
    sources, bag = SourceMap(), Bag()
    source = sources.add("spec.mlops", text)

    def read(path: str) -> bytes:
        if files is None or path not in files:
            raise FileNotFoundError(2, "No such file")
        return files[path].encode()

    file = parse(source, bag)
    return analyse(sources, file, folder=None, name="spec.mlops", read=read, bag=bag, **options), bag.sorted()


def names(found: list[Diagnostic]) -> list[str]:
    return [item.name for item in found]


def test_defaults_and_written_values_name_their_origin() -> None:
    program, found = checked(SPEC)
    assert found == []
    settings = program.decls["m"].settings
    assert (settings["tuning.trials"].value, settings["tuning.trials"].origin) == (20, "default")
    assert settings["split"].origin == "spec"
    assert (settings["seed"].value, settings["seed"].origin) == (0, "default")


def test_the_chosen_profile_wins_over_the_spec_and_set_wins_over_both() -> None:
    program, found = checked(SPEC, profile="prod", overrides={"share_of_tests": "25%", "m.seed": "7"})
    assert found == []
    assert program.profile == "prod"
    retries = program.decls["p"].settings["retries"]
    assert (retries.value, retries.origin) == (3, "profile prod")
    assert program.params["share_of_tests"][1] == 0.25
    assert program.decls["share_of_tests"].settings["value"].origin == "--set"
    assert program.decls["m"].settings["seed"].origin == "--set"
    assert program.decls["m"].settings["tuning.trials"].value == 100


def test_an_unchosen_profile_changes_nothing() -> None:
    program, _ = checked(SPEC)
    assert program.decls["p"].settings["retries"].value == 1
    assert program.profile is None


def test_set_takes_texts_and_dates_without_quotes() -> None:
    program, found = checked(SPEC, overrides={"region": 'a "b" \\ c', "since": "2026-02-28"})
    assert found == []
    assert program.params["region"][1] == 'a "b" \\ c'
    assert program.params["since"][1] == "2026-02-28"


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("share_of_tets", "25%", "unknown-name"),
        ("share_of_tests", "often", "bad-param"),
        ("m.threshold", "often", "unknown-name"),
        ("share_of_tests", "100%", "out-of-bounds"),
        ("share_of_tests", "25%\nm.seed = 3", "wrong-value"),
        ("m.sed", "3", "unknown-setting"),
        ("m.seed", "-3", "out-of-bounds"),
        ("m seed", "3", "unknown-override"),
        ("since", "2026-02-30", "bad-date"),
    ],
)
def test_a_wrong_set_is_one_finding(name: str, text: str, finding: str) -> None:
    _, found = checked(SPEC, overrides={name: text})
    assert names(found) == [finding]


def test_an_unknown_profile_is_reported_with_the_nearest_name() -> None:
    _, found = checked(SPEC, profile="prd")
    assert names(found) == ["unknown-name"]
    assert found[0].help == "Did you mean prod?"


def test_a_unit_that_is_missing_is_told_with_one() -> None:
    _, found = checked("edition 2026\npipeline p { timeout = 30 }\n")
    assert (found[0].name, found[0].help) == ("missing-unit", "Write 30s.")


def test_a_typo_comes_with_an_edit_that_mends_it() -> None:
    text = "edition 2026\npipeline p { retires = 2 }\n"
    _, found = checked(text)
    edit = found[0].edit
    assert edit is not None
    mended = text[: edit.span[0]] + edit.text + text[edit.span[1] :]
    assert checked(mended)[1] == []


def test_a_syntax_error_has_no_echo() -> None:
    """A data block that lost its source, a declaration that was lost whole, and a name used in what was lost."""
    text = SPEC.replace('source = csv("d.csv")', 'source = = csv("d.csv")')
    assert {item.code[:5] for item in checked(text)[1]} == {"MLC00"}
    text = SPEC.replace("share = 20%", "share = = 20%")
    assert {item.code[:5] for item in checked(text)[1]} == {"MLC00"}


def test_after_a_syntax_error_other_faults_are_still_found() -> None:
    text = SPEC.replace("retries = 1", "retries = = 1").replace("target    = y", "target    = why")
    assert sorted(names(checked(text)[1])) == ["syntax-error", "unknown-column"]


def test_what_a_broken_block_names_counts_as_used() -> None:
    text = SPEC.replace("from f {", "from g {")
    assert names(checked(text)[1]) == ["unknown-name"]


def test_a_silencer_silences_its_line_only() -> None:
    spare = 'data spare { source = csv("s.csv"); columns { a : int } }'
    assert names(checked(f"{SPEC}{spare}\n")[1]) == ["unused-data"]
    assert checked(f"{SPEC}{spare} # mlopsc: allow unused-data\n")[1] == []
    assert sorted(names(checked(f"{SPEC}# mlopsc: allow unused-data\n{spare}\n")[1])) == [
        "unused-data",
        "unused-silencer",
    ]


def test_an_error_that_leaves_no_meaning_cannot_be_silenced() -> None:
    text = SPEC.replace("retries = 1 }", "retires = 1 } # mlopsc: allow unknown-setting")
    assert sorted(names(checked(text)[1])) == ["unknown-setting", "unused-silencer"]


def test_imports_are_relative_to_their_own_file_and_read_once() -> None:
    files = {
        "shared/data.mlops": 'import "types/more.mlops"\nimport "../shared/types/more.mlops"\n',
        "shared/types/more.mlops": 'data d { source = csv("../d.csv"); columns { a : float; y : bool } }\n',
    }
    text = 'edition 2026\nimport "shared/data.mlops"\npipeline p { retries = 1 }\nfeatures f from d { a }\n'
    program, found = checked(text + "model m from f { target = y; algorithm = dummy() }\n", files)
    assert found == []
    assert list(program.files) == ["spec.mlops", "shared/data.mlops", "shared/types/more.mlops"]
    assert program.decls["d"].file == "shared/types/more.mlops"


def test_a_thousand_imports_deep_is_no_recursion() -> None:
    files = {f"f{i}.mlops": f'import "f{i + 1}.mlops"\n' for i in range(900)} | {"f900.mlops": "edition 2026\n"}
    _, found = checked('edition 2026\nimport "f0.mlops"\npipeline p { retries = 1 }\n', files)
    assert names(found) == []


def test_a_thousand_steps_in_a_row_and_in_a_circle() -> None:
    head = "edition 2026\npipeline p { retries = 1 }\n"
    chain = [f'step s{i} {{ run = python("m:f"); after = [s{i - 1}] }}' for i in range(1, 1000)]
    files = {"m.py": "def f():\n    pass\n"}
    assert checked(head + "\n".join(['step s0 { run = python("m:f") }', *chain]), files)[1] == []
    circle = ['step s0 { run = python("m:f"); after = [s999] }', *chain]
    found = checked(head + "\n".join(circle), files)[1]
    assert names(found) == ["cyclic-steps"]


def test_features_that_grow_without_end_are_refused() -> None:
    """Each feature doubles the one before: thirty lines would be a billion nodes."""
    lines = ["x0 = a + a", *(f"x{i} = x{i - 1} + x{i - 1}" for i in range(1, 30))]
    found = checked(SPEC.replace("{ a }", "{\n" + "\n".join(lines) + "\n}"))[1]
    assert set(names(found)) == {"too-deep"}
    deep = " + ".join(["a"] * 150)
    assert names(checked(SPEC.replace("{ a }", f"{{ x = {deep} }}"))[1]) == ["too-deep"]


@pytest.mark.parametrize(
    ("target", "settings", "task", "positive"),
    [
        ("flag", "", "binary", True),
        ("two", "", "binary", "b"),
        ("two", 'positive = "a"', "binary", "a"),
        ("three", "", "multiclass", None),
        ("bare", "", "multiclass", None),
        ("text", 'positive = "yes"', "binary", "yes"),
        ("text", "", "multiclass", None),
        ("number", "", "regression", None),
        ("number", "task = multiclass", "multiclass", None),
        ("number", "task = binary; positive = 1", "binary", 1),
        ("coded", "positive = 0", "binary", "0"),
    ],
)
def test_the_task_follows_from_the_target(target: str, settings: str, task: str, positive: object) -> None:
    columns = """a : float; flag : bool; two : category("a", "b"); three : category("a", "b", "c"); bare : category
      text : string; number : int; coded : category(0, 1)"""
    program, found = checked(
        "edition 2026\npipeline p { retries = 1 }\n"
        f'data d {{ source = csv("d.csv"); columns {{ {columns} }} }}\nfeatures f from d {{ a }}\n'
        f"model m from f {{ target = {target}; algorithm = dummy(); {settings} }}\n"
    )
    assert found == []
    model = program.models["m"]
    assert (model.task, model.positive) == (task, positive)


@pytest.mark.parametrize(
    "text", ["0 3 * * *", "*/5 0-6,18-23 1,15 JAN-MAR mon-fri", "59 23 31 12 7", "0 0 29 2 *", "5/15 * * * *"]
)
def test_cron_texts_that_fire(text: str) -> None:
    assert check_cron(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "0 3 * *", "0 3 * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
     "5-1 * * * *", "a * * * *", "@daily", "0 0 31 4 *", "0 0 30 2 *", "1,,2 * * * *", "*-3 * * * *"],
)  # fmt: skip
def test_cron_texts_that_do_not(text: str) -> None:
    assert check_cron(text) is not None


def test_time_zones_are_those_of_the_database() -> None:
    assert check_zone("Europe/Berlin") is None
    assert check_zone("UTC") is None
    problem = check_zone("Europe/Berln")
    assert problem is not None
    assert "Europe/Berlin" in problem


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int [1,inf)", [1, 10**9], [0, 1.5, True, "1", None]),
        ("number (0,1]", [1, 0.5], [0, 1.1, False]),
        ("float (0,1)|int [1,inf)", [0.5, 1, 7], [1.0, 0.0, 0]),
        ("str a,b|none", ["a", None], ["c", 1, []]),
        ("bool", [True], [1, None]),
        ("list", [[1]], [1]),
    ],
)
def test_constraints_hold_as_scikit_learn_means_them(constraint: str, good: list[Any], bad: list[Any]) -> None:
    assert all(fits(value, constraint) for value in good)
    assert not any(fits(value, constraint) for value in bad)


def test_every_default_of_the_algorithm_table_meets_its_own_constraint() -> None:
    """But for tuples, which no spec can write, and defaults of xgboost and lightgbm that mean "not set"."""
    for path, (_, parameters) in CLASSES.items():
        if not path.startswith("sklearn."):
            continue
        for name, (default, constraint) in parameters.items():
            assert alternatives(constraint), (path, name)
            assert isinstance(default, tuple) or default is None or fits(default, constraint), (path, name)


def test_the_algorithm_table_is_what_the_libraries_declare() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "algorithm_table.py"), "--check"],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, "run scripts/algorithm_table.py"


def test_a_spec_that_is_too_long_for_its_many_profiles_says_which_were_not_checked_in_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is checked stays linear in the text; each profile can be checked by its name."""
    monkeypatch.setattr(variants, "_BUDGET", 0)
    profiles = [f"profile p{i} {{ m.split = time(test = 20%) }}" for i in range(6)]
    _, found = checked(SPEC + "\n".join(profiles))
    # prod, of which SPEC has one, is the first of the four.
    assert names(found) == ["split-without-time"] * 3 + ["unchecked-profile"] * 3
    _, found = checked(SPEC + "\n".join(profiles), profile="p5")
    assert (found[-1].name, found[-1].message) == ("split-without-time", found[0].message)


def test_the_reference_pages_are_current() -> None:
    written = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "reference").glob("*.md")}
    assert written == pages(), "run scripts/reference.py"


def test_the_plan_schema_is_current() -> None:
    written = (ROOT / "docs" / "plan.schema.json").read_text(encoding="utf-8")
    assert written == plan_schema(), "run scripts/plan_schema.py"


@pytest.mark.parametrize("kind", BLOCKS)
def test_the_example_of_every_block_has_no_fault_of_its_own(kind: str) -> None:
    """What it names may not be there; everything else is right."""
    found = checked(BLOCKS[kind].example)[1]
    absent = {"missing-edition", "no-pipeline", "unknown-name", "missing-module", "unused-data", "several-pipelines"}
    assert set(names(found)) <= absent, [(item.name, item.message) for item in found]


@pytest.mark.parametrize("page", sorted((ROOT / "mlopsc" / "diagnostics" / "pages").glob("MLC[14567]0*.md")))
def test_what_a_page_says_to_use_instead_does_not_have_that_finding(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    good = re.search(r"## Use instead.*?```mlops\n(.*?)```", text, re.DOTALL)
    assert good is not None
    absent = {"MLC1004", "MLC1011", "MLC1013", "MLC1040", "MLC1045"}  # what only the page's surroundings lack
    assert page.stem not in {item.code for item in checked(good.group(1))[1]} - absent
