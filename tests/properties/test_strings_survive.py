"""Whatever stands in a string or a backquoted name of a spec is, in the files of a target, that text and nothing else."""

from __future__ import annotations

import ast
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopsc.driver.check import check_file
from mlopsc.driver.compiling import emitted, plan_of
from mlopsc.driver.spec import SpecFile
from mlopsc.syntax.format import format_source

LIMITS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
HARD = [
    "'", '"', '"""', "\\", "\\n", "{{ x }}", "{% raw %}", "{# c #}", "{x}", "%s", "${x}", "$(x)", "`x", "\n", "\r\n", "\t", "#",
    "\\u0041", "\\u{41}", "\x01", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "é", "ﬀ", "😀", "👩‍🚀", "\U0010ffff",
    "y", "no", "on", "null", "~", "1e3", "0x1F", "1_000", "- a", "a: b", "a # b", "&a", "*a", "!!str", "%TAG", "@", "<<", "=", "",
    "True", "None", "__import__('os')", "../..", "//", "\\x00", "rm -rf *; ls", "a\\", "]]>", "</script>", "{", "}", "}}", "{{",
]  # fmt: skip
HARD += [" lead", "trail ", "two  blanks"]
texts = st.lists(
    st.one_of(
        st.sampled_from(HARD),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
        st.lists(st.sampled_from(HARD), max_size=3).map("".join),
    ),
    min_size=25,
    max_size=25,
)
SLOTS = 25

TEMPLATE = """edition 2026
pipeline {n0} {{ about = {s0}; owner = {s1}; tags = [{s2}, {s3}]; notify = mail }}
param word : string = {s4}
channel mail = email(to = [{s5}, {s6}], sender = {s7})
connection base = sqlite({p0})
data {n1} {{
  source = csv({p1}, delimiter = {p2})
  key    = {n5}
  columns {{
    {n5} : string from {s8} matches {r0}
    amount : float? missing [{s9}, {s10}]
    level : category({l0}, {l1}, {l2})
    flag : bool({l3}, {l4})
    note : string from {s11} in [{l5}, {l6}]
  }}
  filter note != {s12}
  expect share(note == {s13}) >= 0%
  expect exists_in(note, other.a)
  dedupe {n5}
}}
data other {{ source = sql(base, {p3}); columns {{ a : string }} }}
features {n2} from {n1} {{
  amount |> impute()
  {n6} = contains(note, {s14}) and replace(note, {s15}, {s16}) == {s17}
  level |> onehot()
}}
test {n7} of {n2} {{
  given row(note = {l5}, amount = null, level = {l1})
  expect note == {l6}
}}
model {n3} from {n2} {{
  target    = flag
  split     = group(level, test = [{l0}])
  algorithm = gradient_boosting()
}}
gate {n4} on {n3} {{
  require roc_auc >= 0.5 by level
  approval = manual(by = [{s18}])
}}
target local {{ store = {p4}; data_root = {p5} }}
profile other {{ {n0}.about = {s19} }}
"""


def quoted(text: str) -> str:
    """A text as a string of a spec: what must be escaped is, and every third odd character too."""
    parts = []
    for at, c in enumerate(text):
        if c in '"\\':
            parts.append("\\" + c)
        elif c == "\n":
            parts.append("\\n")
        elif c == "\t" and at % 2:
            parts.append("\\t")
        elif (not c.isprintable() or ord(c) > 126) and at % 3 == 0:
            parts.append(f"\\u{{{ord(c):X}}}")
        else:
            parts.append(c)
    return '"' + "".join(parts) + '"'


def named(text: str, number: int) -> str:
    """The text as part of a name: no line end, no backquote; different for each number."""
    return re.sub("[`\r\n]", "_", text) + f" n{number}"


class Case:
    """A spec with a text in each of its slots: s texts of any kind, l levels, p never empty, r a pattern, n names."""

    def __init__(self, texts: list[str]) -> None:
        def slot(at: int) -> str:
            return texts[at % SLOTS]

        self.s = [slot(i) for i in range(20)]
        self.levels = [f"{slot(i + 3)}{i}" for i in range(7)]
        self.p = [f"{slot(i + 7)}p" for i in range(6)]
        self.p[2] = re.sub("[\"\r\n]", "_", self.p[2])  # a delimiter holds neither
        self.p[4:] = [re.sub("[\\0/]", "_", p) for p in self.p[4:]]
        self.pattern = re.escape(re.sub(r"[^ -~]", "_", slot(9))) + "x?"
        self.n = [named(slot(i + 11), i) for i in range(8)]
        if self.s[9] == self.s[10]:
            self.s[10] += "."
        slots = {f"s{i}": quoted(s) for i, s in enumerate(self.s)}
        slots |= {f"l{i}": quoted(s) for i, s in enumerate(self.levels)}
        slots |= {f"p{i}": quoted(s) for i, s in enumerate(self.p)}
        slots |= {f"n{i}": f"`{s}`" for i, s in enumerate(self.n)}
        self.spec = TEMPLATE.format(**slots, r0=quoted(self.pattern))

    def files(self, spec: str) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            checked = check_file(SpecFile("spec.mlops", folder, "spec.mlops", spec.encode("utf-8")), profile="other")
            errors = [(f.name, f.message) for f in checked.findings if f.severity == "error"]
            assert not errors, (errors, spec)
            return dict(emitted(plan_of(checked), checked, "local", str(Path(folder) / "out")))


def strings(value: Any) -> Iterator[str]:
    """All texts of a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def step(plan: Any, name: str) -> Any:
    return next(s["settings"] for s in plan["pipelines"][0]["steps"] if s["id"] == name)


@LIMITS
@given(texts)
def test_every_string_of_a_spec_stands_in_the_plan_as_it_is(texts: list[str]) -> None:
    case = Case(texts)
    plan = json.loads(case.files(case.spec)["plan.json"])
    training, s, n = plan["pipelines"][0], case.s, case.n
    assert (training["name"], training["about"], training["owner"]) == (n[0], s[19], s[1])
    assert training["tags"] == [s[2], s[3]]
    assert plan["params"][0]["default"] == s[4]
    assert plan["channels"][0]["args"]["to"] == [s[5], s[6]]
    ingest = step(plan, f"ingest:{n[1]}")
    assert (ingest["source"]["path"], ingest["source"]["delimiter"]) == (case.p[1], case.p[2])
    columns = {c["name"]: c for c in ingest["columns"]}
    assert columns[n[5]]["raw"] == s[8]
    assert columns[n[5]]["matches"] == case.pattern
    assert columns["amount"]["missing"] == [s[9], s[10]]
    assert columns["level"]["levels"] == case.levels[:3]
    assert columns["flag"]["true_false"] == case.levels[3:5]
    assert columns["note"]["allowed"] == case.levels[5:7]
    everything = set(strings(plan))
    assert everything >= {s[7], *s[11:19], *n, *case.levels, case.p[0], case.p[3]}


@LIMITS
@given(texts)
def test_generated_python_holds_names_and_paths_as_literals(texts: list[str]) -> None:
    case = Case(texts)
    files = case.files(case.spec)
    code = files["run.py"].decode("utf-8")
    tree = ast.parse(code)
    compile(tree, "run.py", "exec")
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    name = case.n
    wanted = {f"ingest:{name[1]}", f"split:{name[3]}", f"train:{name[3]}", f"gate:{name[4]}", f"approve:{name[4]}"}
    assert literals >= wanted
    assert any(literal.endswith(f"/{case.p[4]}") for literal in literals)
    assert any(literal.endswith(f"/{case.p[5]}") for literal in literals)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls == {"Path", "Path(__file__).resolve", "str", "sys.path.insert", "Folder", "main", "sys.exit"}


@LIMITS
@given(texts)
def test_formatting_keeps_every_string(texts: list[str]) -> None:
    case = Case(texts)
    once = format_source(case.spec)
    assert format_source(once) == once

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key not in ("where", "files")}
        return [bare(item) for item in value] if isinstance(value, list) else value

    plans = [bare(json.loads(case.files(text)["plan.json"])) for text in (case.spec, once)]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("text", [*HARD, "a\rb"])
def test_each_hard_text_survives_alone(text: str) -> None:
    case = Case([text] * SLOTS)
    assert json.loads(case.files(case.spec)["plan.json"])["pipelines"][0]["about"] == text
