"""What the checks prove of an expression (no null, bounds) holds for what the runtime computes, on any row within the
declared ranges. Overflow is left out: it gives null by the language's own rule, whatever the type says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mlopsc.diagnostics.model import Bag
from mlopsc.passes.expressions import lower_expr
from mlopsc.runtime.expr import to_python
from mlopsc.semantics.context import Context
from mlopsc.semantics.data import check_data
from mlopsc.semantics.features import check_features
from mlopsc.semantics.program import Decl, Program, TypedExpr
from mlopsc.source import SourceMap
from mlopsc.syntax import parse

DATA = """edition 2026
data d {
  source = csv("d.csv")
  columns {
    age : int in 0..120; pos : int in 1..10; neg : int in -5..-1; part : float in 0..1
    amount : float; total : float?; some : int? in 0..3; flag : bool; class : category(1, 2, 3)
  }
}
"""
NUMBERS = ["age", "pos", "neg", "part", "amount", "total", "some", "0", "1", "2.5", "int(class)", "int(flag)"]


def _two(form: str) -> st.SearchStrategy[str]:
    return st.deferred(lambda: st.builds(form.format, NUMBER, NUMBER))


def _one(form: str) -> st.SearchStrategy[str]:
    return st.deferred(lambda: st.builds(form.format, NUMBER))


CONDITION: st.SearchStrategy[str] = st.one_of(
    *[_two(f"({{}} {op} {{}})") for op in ("<", "<=", ">", ">=", "==", "!=")],
    *[
        st.builds(form.format, st.sampled_from(NUMBERS[:7]))
        for form in ("({} in 0..2)", "({} is null)", "({} is not null)")
    ],
    *[st.builds(form.format, st.sampled_from(NUMBERS[:7])) for form in ("({} > 0)", "({} == 0)", "({} in [1, 2])")],
    st.deferred(lambda: st.builds("({} and {})".format, CONDITION, CONDITION)),
    st.deferred(lambda: st.builds("({} or {})".format, CONDITION, CONDITION)),
    st.deferred(lambda: st.builds("(not {})".format, CONDITION)),
)
NUMBER: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(NUMBERS),
    *[_two(f"({{}} {op} {{}})") for op in "+-/"],
    *[_one(f"{name}({{}})") for name in ("abs", "sqrt", "ln", "log1p", "round", "floor", "ceil", "float", "int", "-")],
    *[_two(f"{name}({{}}, {{}})") for name in ("least", "greatest", "coalesce")],
    _one("clip({}, 0, 3)"),
    _one("bucket({}, [0, 1.5, 3])"),
    st.deferred(lambda: st.builds("(if {} then {} else {})".format, CONDITION, NUMBER, NUMBER)),
)
ROW = st.fixed_dictionaries(
    {
        "age": st.integers(0, 120),
        "pos": st.integers(1, 10),
        "neg": st.integers(-5, -1),
        "part": st.floats(0, 1),
        "amount": st.floats(-1e6, 1e6),
        "total": st.none() | st.floats(-1e6, 1e6) | st.just(0.0),
        "some": st.none() | st.integers(0, 3),
        "flag": st.booleans(),
        "class": st.sampled_from(["1", "2", "3"]),
    }
)


def typed(expression: str) -> TypedExpr | None:
    sources, bag = SourceMap(), Bag()
    file = parse(sources.add("s.mlops", f"{DATA}features f from d {{\nx = {expression}\n}}\n"), bag)
    program = Program(sources, 2026, {})
    for item in file.items:
        program.decls[item.name.text] = Decl(item.kind.text, item.name.text, item, "s.mlops")
    ctx = Context(program, bag, None)
    check_data(ctx, program.decls["d"])
    check_features(ctx, program.decls["f"])
    if bag.has_errors:
        return None
    return program.features["f"].features["x"].inputs[0]


@settings(max_examples=120, deadline=None)
@given(NUMBER, st.lists(ROW, min_size=4, max_size=8))
def test_a_proved_bound_holds_and_what_cannot_be_null_is_not(
    expression: str, rows: list[dict[str, float | int | bool | str | None]]
) -> None:
    found = typed(expression)
    if found is None:
        return
    compute = to_python([lower_expr(found).model_dump()])
    for row in rows:
        (value,) = compute(row)
        if value is None:
            assert found.type.nullable, (expression, row)
            continue
        assert found.lo is None or value >= found.lo, (expression, row, value, found.lo)
        assert found.hi is None or value <= found.hi, (expression, row, value, found.hi)
