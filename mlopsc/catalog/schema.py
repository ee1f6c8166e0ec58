"""The shapes in which vocabulary is written down. The tables beside this module are the only place where a block's
settings, rules, functions, defaults and documentation stand; checks, messages, completion, docs and JSON Schema read them.

Value kinds of settings and arguments:
  string int float bool share duration size     literals of that unit (a share also as 0.05, an int also where float is meant)
  date time-text name                            date or timestamp literal; a zone or cron text; a bare word
  choice:a|b                                     one of these bare words
  column columns row                             a column of the data at hand; one or a list; a row expression
  ref:KIND refs:KIND                             a declared block or binding of that kind; a list of them
  call:SET calls:SET                             a call of one function of the set (`sources`, `splits`, …); a list
  literal literals                               any literal; a list of them
  range                                          int..int, or one int
  any                                            checked elsewhere (algorithm arguments)
  strings shares names                           one or a list
  number                                         an int or a float
  cron zone module encoding                      texts checked as such: five fields, a zone, package.module:function, a codec
  secret                                         `secret("NAME")` or `env("NAME")`, never a literal
  ref:a|b refs:a|b                               of any of these kinds
  KIND or KIND                                   either
A trailing ! on a kind means that a run-time `param` may stand there, a trailing $ that `secret("NAME")` or
`env("NAME")` may. The default of a `call:SET` is the name of a function that needs no argument.
"""

from __future__ import annotations

from typing import NamedTuple

MISSING = "\0missing"  # no default: the setting is absent unless written


class Argument(NamedTuple):
    name: str
    kind: str
    doc: str
    default: object = MISSING
    required: bool = False
    lo: float | None = None  # smallest allowed value; of a text, its length
    hi: float | None = None


class CallSpec(NamedTuple):
    """A function of the vocabulary: positional arguments bind in order of `arguments`."""

    name: str
    doc: str
    arguments: tuple[Argument, ...] = ()
    variadic: bool = False  # further positional arguments of the last argument's kind
    open: bool = False  # accepts further named arguments, checked elsewhere


class SettingSpec(NamedTuple):
    name: str
    kind: str
    doc: str
    default: object = MISSING
    required: bool = False
    lo: float | None = None
    hi: float | None = None


class RuleSpec(NamedTuple):
    """A verb and the clauses that may follow its expression; `scope` names what the expression may use."""

    verb: str
    scope: str  # data row gate monitor deploy pipeline columns given feature
    doc: str
    clauses: tuple[str, ...] = ()
    required_clauses: tuple[str, ...] = ()


class BlockSpec(NamedTuple):
    kind: str
    doc: str
    settings: tuple[SettingSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    header: tuple[tuple[str, str], ...] = ()  # (clause word, kind of block), all required
    columns: bool = False  # NAME : type statements
    selections: bool = False  # NAME, [list] |> pipe, name = expression
    sections: tuple[BlockSpec, ...] = ()
    example: str = ""
    open: bool = False  # settings are not listed here: options of a back end, overrides of a profile


def shown(value: object, kind: str) -> str:
    """A default or a bound as it is written in a spec."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if kind.startswith("share"):
            return f"{value * 100:.10g}%"
        if kind.startswith("duration"):
            return f"{value:g}s"
        return f"{value:.10g}" if isinstance(value, float) else str(value)
    return f'"{value}"' if kind.startswith(("string", "zone")) else str(value)
