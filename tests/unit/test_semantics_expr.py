"""Types, nulls and bounds of row expressions, as specs write them."""

from __future__ import annotations

import pytest

from mlopsc.diagnostics.model import Bag, Diagnostic
from mlopsc.semantics.context import Context
from mlopsc.semantics.data import check_data
from mlopsc.semantics.features import check_features, expand_stars
from mlopsc.semantics.leakage import check_leakage
from mlopsc.semantics.matrix import check_matrix
from mlopsc.semantics.program import Decl, FeatureInfo, FeaturesInfo, ModelInfo, Program, Type, TypedExpr
from mlopsc.semantics.rows import check_row
from mlopsc.source import SourceMap
from mlopsc.syntax import parse

DATA = """edition 2026
data d {
  source = csv("d.csv")
  key    = id
  columns {
    id     : string
    age    : int in 0..120
    pos    : int in 1..10
    amount : float
    part   : float in 0..1
    total  : float?
    flag   : bool
    grade  : category("A", "B")
    class  : category(1, 2, 3)
    note   : string?
    day    : date
    ts     : timestamp
    churn  : bool
  }
}
"""


def context(text: str) -> Context:
    """The data and features blocks of a spec, checked."""
    sources, bag = SourceMap(), Bag()
    file = parse(sources.add("spec.mlops", text), bag)
    assert not bag.items
    program = Program(sources, 2026, {})
    for item in file.items:
        program.decls[item.name.text] = Decl(item.kind.text, item.name.text, item, "spec.mlops")
    ctx = Context(program, bag, None)
    for decl in program.decls.values():
        if decl.kind == "data":
            check_data(ctx, decl)
    for decl in program.decls.values():
        if decl.kind == "features":
            check_features(ctx, decl)
    return ctx


def features(lines: str) -> tuple[Context, FeaturesInfo]:
    ctx = context(f"{DATA}features f from d {{\n{lines}\n}}\n")
    return ctx, ctx.program.features["f"]


def typed(expression: str) -> TypedExpr:
    ctx, info = features(f"x = {expression}")
    assert [d for d in ctx.bag.items if d.severity == "error"] == []
    return info.features["x"].inputs[0]


def applied(ctx: Context, found: Diagnostic) -> str:
    """The spec's text after the finding's edit."""
    assert found.edit is not None
    text = ctx.program.sources.sources[0].text
    (start, end), new = found.edit
    return text[:start] + new + text[end:]


@pytest.mark.parametrize(
    ("expression", "type", "lo", "hi"),
    [
        ("age + 1", "int", 1, 121),
        ("age - pos", "int", -10, 119),
        ("age * pos", "int", 0, 1200),
        ("age + 0.5", "float", 0.5, 120.5),
        ("-age", "int", -120, 0),
        ("5%", "float", 0.05, 0.05),
        ("age / 2", "float", 0, 60),
        ("age / pos", "float", 0, 120),
        ("amount / age", "float?", None, None),
        ("amount / greatest(age, 1)", "float", None, None),
        ("amount / 0", "float?", None, None),
        ("greatest(age, 18)", "int", 18, 120),
        ("least(age, 18)", "int", 0, 18),
        ("clip(amount, 0, 1)", "float", 0, 1),
        ("abs(age - 60)", "int", 0, 60),
        ("sqrt(part)", "float", 0, 1),
        ("sqrt(part - 1)", "float?", None, None),
        ("ln(pos)", "float", 0, None),
        ("ln(part)", "float?", None, None),
        ("log1p(part)", "float", 0, None),
        ("exp(amount)", "float", 0, None),
        ("round(part * 10)", "float", 0, 10),
        ("floor(age)", "int", 0, 120),
        ("coalesce(total, 0)", "float", None, None),
        ("coalesce(total, null)", "float?", None, None),
        ("if flag then 1 else 2.5", "float", 1, 2.5),
        ("if flag then null else age", "int?", 0, 120),
        ("if total is null then 0 else total", "float", None, None),
        ("if pos > 5 then pos else 6", "int", 6, 10),
        ("bucket(amount, [1, 2, 3])", "int", 0, 3),
        ("int(flag)", "int", 0, 1),
        ("int(class)", "int", 1, 3),
        ("int(note)", "int?", None, None),
        ("int(part)", "int", 0, 1),
        ("int(amount)", "int?", None, None),
        ("float(grade)", "float?", None, None),
        ("string(age)", "string", None, None),
        ("month(ts)", "int", 1, 12),
        ("days_between(day, day)", "int", None, None),
        ("days_between(ts, ts)", "float", None, None),
        ("days_between(day, ts)", "float", None, None),
        ("ts + 3d", "timestamp", None, None),
        ("ts - ts", "duration", None, None),
        ("note == grade", "bool?", None, None),
        ("total > 1 or flag", "bool?", None, None),
        ("total is null", "bool", None, None),
        ("class in [1, 3]", "bool", None, None),
        ('if flag then grade else "none"', "string", None, None),
        ("if flag then grade else grade", "category", None, None),
        ("trim(note)", "string?", None, None),
    ],
)
def test_type_null_and_bounds_of_an_expression(expression: str, type: str, lo: float | None, hi: float | None) -> None:
    found = typed(expression)
    assert str(found.type) == type
    if lo is not None:
        assert found.lo == pytest.approx(lo)
    if hi is not None:
        assert found.hi == pytest.approx(hi)


def test_literals_are_in_the_form_of_the_plan() -> None:
    values = {
        'day == date("2026-01-31")': "2026-01-31",
        'ts == timestamp("2026-01-31T01:00:00+01:00")': "2026-01-31T00:00:00.000000Z",
        'ts > date("2026-01-31")': "2026-01-31T00:00:00.000000Z",
        "ts - ts > 1.5h": 5_400_000_000,
        "class == 2": "2",
        "part > 5%": 0.05,
    }
    for expression, value in values.items():
        literal = typed(expression).args[1]
        assert (literal.op, literal.value) == ("literal", value)
        assert type(literal.value) is type(value)


def test_a_feature_is_read_by_name_and_keeps_the_columns_that_it_reads() -> None:
    _, info = features("late = early + pos\nearly = age * 2")
    assert list(info.features) == ["early", "late"]
    read = info.features["late"].inputs[0].args[0]
    assert (read.op, read.fn, read.features, read.columns) == ("column", "early", {"early"}, {"age"})
    assert info.features["late"].inputs[0].columns == {"age", "pos"}


def test_a_thousand_features_may_each_use_the_one_before_twice() -> None:
    ctx, info = features("\n".join(f"c{i} = c{i - 1} * c{i - 1}" for i in reversed(range(1, 1000))) + "\nc0 = age")
    assert ctx.bag.items == []
    assert list(info.features) == [f"c{i}" for i in range(1000)]
    assert info.features["c999"].inputs[0].columns == {"age"}


@pytest.mark.parametrize("nested", ["abs({})", "(1 + {})", "if flag then 1 else {}", "coalesce(total, {})"])
def test_nesting_as_deep_as_the_parser_allows_is_checked(nested: str) -> None:
    expression = "pos"
    for _ in range(190):
        expression = nested.format(expression)
    assert not typed(expression).type.nullable


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ("x = total == null", "x = total is null"),
        ("x = total != null", "x = total is not null"),
        ("x = flag == 1", "x = flag"),
        ("x = flag == false", None),
        ("x = flag != 1", "x = not flag"),
        ('x = grade == "a"', 'x = grade == "A"'),
        ('x = day > "2026-01-31"', 'x = day > date("2026-01-31")'),
        ("x = agee + 1", "x = age + 1"),
        ("x = pos |> standardise()", "x = pos |> standardize()"),
        ("x = [total, pos] |> pca(1)", "x = [total, pos] |> impute() |> pca(1)"),
        ("x = note in [yes]", 'x = note in ["yes"]'),
    ],
)
def test_an_edit_makes_the_line_right(line: str, fixed: str | None) -> None:
    ctx, _ = features(line)
    if fixed is None:
        assert ctx.bag.items == []
        return
    (found,) = ctx.bag.items
    assert fixed in applied(ctx, found).splitlines()
    assert context(applied(ctx, found)).bag.items == []


def test_a_poisoned_feature_silences_what_uses_it() -> None:
    ctx, _ = features("a = agee\nb = a + 1\nc = b / a\nd = c |> standardize()")
    assert [d.name for d in ctx.bag.items] == ["unknown-column"]


def test_stars_stand_for_what_nothing_else_names() -> None:
    ctx, info = features("age\nlevel = pos + 1\n[*numeric] |> impute()\n[*bool]")
    expand_stars(ctx, info, {"churn", "part"})
    assert list(info.features) == ["age", "level", "pos", "amount", "total", "flag"]
    assert not info.features["total"].out.nullable


def test_a_star_in_a_named_join_is_filled_in() -> None:
    ctx, info = features("shape = [*numeric] |> impute() |> pca(2)")
    expand_stars(ctx, info, {"age"})
    assert [x.fn for x in info.features["shape"].inputs] == ["pos", "amount", "part", "total"]
    assert str(info.features["shape"].out) == "float"


def model(ctx: Context, info: FeaturesInfo, target: str = "churn") -> ModelInfo:
    node = context(f"{DATA}features t from d {{ target = {target} }}").program.decls["t"].node
    statement = node.body[0]  # type: ignore[union-attr]
    typed_target = check_row(ctx, statement.value, info.data)  # type: ignore[union-attr]
    assert typed_target is not None
    return ModelInfo(info.decl, info, typed_target, target, "binary", None, [], None, None)


def test_the_target_and_what_reads_it_is_leakage() -> None:
    ctx, info = features("churn\nage\nx = if churn then 1 else 0\ny = x + 1\nz = pos")
    check_leakage(ctx, model(ctx, info))
    assert [d.name for d in ctx.bag.items] == ["target-leakage"] * 3
    assert [d.message.split()[0] for d in ctx.bag.sorted()] == ["churn", "x", "y"]
    assert all(d.related for d in ctx.bag.items)


def test_what_a_computed_target_reads_is_leakage() -> None:
    ctx, info = features("age\nx = hour(ts)\npos")
    check_leakage(ctx, model(ctx, info, "age + pos > 3"))
    assert [d.message.split()[0] for d in ctx.bag.sorted()] == ["age", "pos"]


@pytest.mark.parametrize(
    ("line", "name", "fixed"),
    [
        ("total", "nullable-feature", "total |> impute()"),
        ("total |> standardize()", "nullable-feature", "total |> impute() |> standardize()"),
        ("[age, total] |> standardize()", "nullable-feature", "[age, total] |> impute() |> standardize()"),
        ("x = pos / age |> standardize()", "nullable-feature", "x = pos / age |> impute() |> standardize()"),
        ("grade", "text-feature", "grade |> onehot()"),
        ("note |> impute()", "text-feature", "note |> impute() |> onehot()"),
    ],
)
def test_what_an_algorithm_does_not_take_has_an_edit(line: str, name: str, fixed: str) -> None:
    ctx, info = features(line)
    check_matrix(ctx, model(ctx, info), False, False, "logistic_regression", (0, 0))
    (found,) = ctx.bag.items
    assert found.name == name
    text = applied(ctx, found)
    assert fixed in text.splitlines()
    again = context(text)
    check_matrix(again, model(again, again.program.features["f"]), False, False, "logistic_regression", (0, 0))
    assert again.bag.items == []


def test_an_algorithm_that_takes_nulls_and_texts_gets_them() -> None:
    ctx, info = features("total\ngrade\nflag\nage")
    check_matrix(ctx, model(ctx, info), True, True, "tree", (0, 0))
    assert ctx.bag.items == []


def test_aggregates_carry_both_sides_of_the_join() -> None:
    ctx = context(
        """edition 2026
data t { source = csv("t.csv"); time = at; columns { id : string; at : timestamp; q : int in 0..9; p : float? } }
data z { source = csv("z.csv"); key = zone; columns { zone : int; area : float in 1..5 } }
data d { source = csv("d.csv"); time = ts; columns { id : string; ts : timestamp; place : int } }
features f from d {
  a = sum(t.q, on = id, over = 30d, where = t.p > 1)
  b = lookup(z.area, on = place)
  c = mean(t.p, on = id)
}
"""
    )
    assert ctx.bag.items == []
    found: dict[str, FeatureInfo] = ctx.program.features["f"].features
    a, b, c = (found[name].inputs[0] for name in "abc")
    assert a.extra is not None
    assert b.extra is not None
    assert (a.op, a.fn, a.extra["data"], a.extra["on"]) == ("aggregate", "sum", "t", (("id", "id"),))
    assert a.extra["over"] == 30 * 86_400 * 1_000_000
    assert a.extra["where"].args[0].fn == "p"
    assert (str(a.type), a.lo, a.columns) == ("int", 0, {"id"})
    assert (b.op, b.extra["on"], str(b.type), b.lo, b.hi) == ("lookup", (("place", "zone"),), "float?", 1, 5)
    assert str(c.type) == "float?"


def test_a_share_param_is_a_float_in_an_expression() -> None:
    ctx = context(f"{DATA}")
    ctx.program.decls["p"] = Decl("param", "p", ctx.program.decls["d"].node, "spec.mlops")
    ctx.program.params["p"] = (Type("share"), 0.5)
    other = context(f"{DATA}features f from d {{ x = flag }}")
    node = other.program.decls["f"].node.body[0].value  # type: ignore[union-attr]
    node.text = "p"
    found = check_row(ctx, node, ctx.program.data["d"])
    assert found is not None
    assert (found.op, str(found.type), ctx.program.decls["p"].used) == ("param", "float", True)
