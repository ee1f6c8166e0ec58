"""The reference pages, one a kind of block, from the tables beside this module."""

from __future__ import annotations

from collections.abc import Iterable

from mlopsc.catalog.algorithms import ALGORITHMS, OTHERS, class_of, parameters, takes_null
from mlopsc.catalog.blocks import BINDINGS, BLOCKS
from mlopsc.catalog.calls import ACTIONS, CHANNELS, CONNECTIONS, SETS, TRIGGERS
from mlopsc.catalog.functions import AGGREGATES, DATASET_FUNCTIONS, LOOKUP_DOC, ROW_FUNCTIONS, Function
from mlopsc.catalog.metrics import MEASURES, METRICS, WATCHED, Metric
from mlopsc.catalog.schema import MISSING, Argument, BlockSpec, CallSpec, SettingSpec, shown
from mlopsc.catalog.transforms import TRANSFORMS

_KINDS = {
    "string": "text",
    "strings": "text or list of texts",
    "int": "whole number",
    "number": "number",
    "bool": "`true` or `false`",
    "share": "share",
    "shares": "list of shares",
    "date": "date or timestamp",
    "row": "row expression",
    "any": "see below",
    "name": "name",
    "names": "name or list of names",
    "column": "column",
    "columns": "column or list of columns",
    "literal": "literal",
    "literals": "literal or list of literals",
    "range": "whole number or range",
    "cron": "cron text",
    "zone": "time zone",
    "module": "`package.module:function`",
    "secret": '`secret("NAME")`',
}


def pages() -> dict[str, str]:
    """File name -> text of every page, and an index."""
    found = {f"{spec.kind}.md": _block(spec) for spec in BLOCKS.values()}
    found["bindings.md"] = _bindings()
    listed = [f"- [{spec.kind}]({spec.kind}.md): {spec.doc}" for spec in BLOCKS.values()]
    lines = ["# Reference", "", *listed, "- [param, connection, channel, metric](bindings.md): one line each."]
    found["README.md"] = "\n".join([*lines, ""])
    return found


def kind_words(kind: str) -> str:
    """A value kind in words."""
    if " or " in kind:
        words = " or ".join(kind_words(part.rstrip("!")) for part in kind.split(" or "))
        return words + ("; a param may stand here" if "!" in kind else "")
    base, _, detail = kind.rstrip("!$").partition(":")
    if base == "choice":
        words = " ".join(f"`{option}`" for option in detail.split("|"))
        words = words if "|" not in detail else "one of " + words
    elif base in ("ref", "refs"):
        words = " or ".join(detail.split("|"))
        words = f"{words}, or a list of them" if base == "refs" else words
    elif base in ("call", "calls"):
        words = " ".join(f"`{name}(…)`" for name in SETS[detail])
    else:
        words = _KINDS.get(base, base)
    words += "; a param may stand here" if kind.endswith("!") else ""
    return words + ('; `env("NAME")` or `secret("NAME")` may stand here' if kind.endswith("$") else "")


def _default(item: SettingSpec | Argument) -> str:
    if item.required:
        return "required"
    if item.default is MISSING:
        return ""
    if item.kind.startswith("call:"):
        return f"`{item.default}()`"
    return f"`{shown(item.default, item.kind)}`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    bar = "\\|"
    return [*lines, *(f"| {' | '.join(cell.replace('|', bar) for cell in row)} |" for row in rows), ""]


def _block(spec: BlockSpec) -> str:
    header = "".join(f" {word} {kind.upper()}" for word, kind in spec.header)
    lines = [f"# {spec.kind}", "", spec.doc, "", f"`{spec.kind} NAME{header} {{ … }}`", ""]
    lines += ["```mlops", spec.example.rstrip(), "```", ""] if spec.example else []
    lines += _settings(spec, "")
    if spec.rules:
        rows = []
        for rule in spec.rules:
            words = " ".join(f"`{word}`" for word in rule.clauses)
            rows.append((f"`{rule.verb}`", rule.doc, words))
        lines += ["## Rules", "", *_table(("verb", "meaning", "clauses"), rows)]
    for section in spec.sections:
        if section.settings:
            lines += [f"## Section {section.kind}", "", section.doc, "", *_settings(section, "#")]
    lines += _functions(spec)
    lines += _extras(spec.kind)
    return "\n".join(lines).rstrip() + "\n"


def _settings(spec: BlockSpec, deeper: str) -> list[str]:
    if not spec.settings:
        return []
    rows = [(f"`{s.name}`", kind_words(s.kind), _default(s), s.doc) for s in spec.settings]
    title = [] if deeper else ["## Settings", ""]
    return [*title, *_table(("setting", "value", "default", "meaning"), rows)]


def _functions(spec: BlockSpec) -> list[str]:
    """The functions that the block's settings take, with those that these take in turn."""
    sets: list[str] = []
    todo = [s.kind for s in spec.settings]
    while todo:
        base, _, detail = todo.pop(0).rstrip("!$").partition(":")
        if base in ("call", "calls") and detail not in sets:
            sets.append(detail)
            todo += [a.kind for call in SETS[detail].values() for a in call.arguments]
    lines: list[str] = []
    for name in sets:
        lines += [f"## {name.capitalize()}", ""]
        for call in SETS[name].values():
            lines += _call(call)
    return lines


def _call(spec: CallSpec) -> list[str]:
    names = ", ".join(a.name if a.required else f"{a.name} =" for a in spec.arguments)
    lines = [f"### {spec.name}({names})", "", spec.doc, ""]
    if spec.arguments:
        rows = [(f"`{a.name}`", kind_words(a.kind), _default(a), a.doc) for a in spec.arguments]
        lines += _table(("argument", "value", "default", "meaning"), rows)
    return lines


def _extras(kind: str) -> list[str]:
    """What stands in tables of its own: functions of expressions, transforms, algorithms, metrics, actions."""
    if kind == "data":
        return ["## Dataset functions", "", *_function_table(DATASET_FUNCTIONS.values())]
    if kind == "features":
        return [
            *("## Row functions", "", *_function_table(ROW_FUNCTIONS.values())),
            *("## Aggregates", "", *_function_table(AGGREGATES.values()), LOOKUP_DOC, ""),
            *("## Transforms", "", *(line for t in TRANSFORMS.values() for line in _call(t.spec))),
        ]
    if kind == "model":
        return _algorithms()
    if kind == "gate":
        return ["## Metrics", "", *_metric_table([*METRICS.values(), *MEASURES.values()])]
    if kind == "monitor":
        lines = ["## What is watched", "", *_metric_table(WATCHED.values())]
        return [
            *lines,
            "## Actions",
            "",
            *(line for a in ("alert", "retrain", "rollback") for line in _call(ACTIONS[a])),
        ]
    if kind == "pipeline":
        return ["## Triggers", "", *(line for t in TRIGGERS.values() for line in _call(t))]
    return []


def _function_table(functions: Iterable[Function]) -> list[str]:
    rows = [(f"`{f.name}({', '.join(p.name for p in f.parameters)})`", f.doc) for f in functions]
    return _table(("function", "meaning"), rows)


def _metric_table(metrics: Iterable[Metric]) -> list[str]:
    rows = [(f"`{m.name}`", ", ".join(m.tasks), "more" if m.higher else "less", m.doc) for m in metrics]
    return _table(("metric", "tasks", "better", "meaning"), rows)


def _algorithms() -> list[str]:
    lines = ["## Algorithms", ""]
    for algorithm in ALGORITHMS.values():
        lines += [f"### {algorithm.name}", "", algorithm.doc, ""]
        for task in ("binary", "regression"):
            path = class_of(algorithm, task)
            if path is None:
                continue
            nulls = "takes nulls" if takes_null(path) else "takes no nulls"
            what = "Classification" if task == "binary" else "Regression"
            lines += [f"{what}: `{path}`, {nulls}.", ""]
            rows = [(f"`{p.name}`", f"`{p.default!r}`", p.constraint) for p in parameters(path).values()]
            lines += _table(("parameter", "default", "value"), rows)
    lines += ["### Other", "", *(f"- `{name}`: {doc}" for name, doc in OTHERS.items()), ""]
    return lines


def _bindings() -> str:
    lines = [
        "# param, connection, channel, metric",
        "",
        *(f"- **{kind}**: {doc}" for kind, doc in BINDINGS.items()),
        "",
    ]
    lines += ["## Connections", "", *(line for c in CONNECTIONS.values() for line in _call(c))]
    lines += ["## Channels", "", *(line for c in CHANNELS.values() for line in _call(c))]
    return "\n".join(lines).rstrip() + "\n"
