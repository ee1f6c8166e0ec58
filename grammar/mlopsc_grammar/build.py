"""Makes the LALR tables of mlops.lark: `python -m mlopsc_grammar.build [--check]`.

lark does the analysis here and is never imported when a spec is compiled: what travels is a module of literals.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Reduce, Shift

GRAMMAR = Path(__file__).with_name("mlops.lark")
END = "$END"
# Brackets come first, so that the lexer knows them by one comparison.
BRACKETS = ("LPAR", "LBRACK", "RPAR", "RBRACK", "LBRACE", "RBRACE")


class NoLexer(Lexer):
    """Stands in for a lexer while only the tables are wanted."""

    def __init__(self, conf: Any) -> None:
        self.conf = conf

    def lex(self, data: Any) -> Iterator[lark.Token]:  # type: ignore[override]
        return iter(())


def make_parser(lexer: type[Lexer] = NoLexer) -> lark.Lark:
    """lark's own parser of the language; raises on any conflict in the grammar."""
    return lark.Lark(GRAMMAR.read_text("utf-8"), parser="lalr", lexer=lexer, strict=True, propagate_positions=False)


def tables() -> dict[str, Any]:
    """Names of terminals and nonterminals, rules and actions as plain data, numbered alike on every machine.

    A row holds symbol, action, symbol, action …: a shift to state s is s, a reduction by rule r is -r; both count from
    1, so that 0 says error. Nonterminals are numbered after the terminals. END in the state ACCEPT ends the parse.
    """
    parser = make_parser()
    table = parser.parser.parser.parser.parse_table
    order = _state_order(table)
    named = {str(symbol.name) for rule in parser.rules for symbol in rule.expansion if symbol.is_term}
    terminals = [*BRACKETS, *sorted(named - {*BRACKETS}), END]
    nonterminals = sorted({str(rule.origin.name) for rule in parser.rules})
    symbols = {name: number for number, name in enumerate([*terminals, *nonterminals], 1)}
    rules = sorted(
        (str(rule.origin.name), tuple(str(symbol.name) for symbol in rule.expansion), rule.alias or "")
        for rule in parser.rules
    )
    numbers = {rule[:2]: number for number, rule in enumerate(rules, 1)}
    rows = []
    for state in order:
        row: dict[int, int] = {}
        for symbol, (kind, target) in table.states[state].items():
            if kind is Shift:
                row[symbols[str(symbol)]] = order[target]
            else:
                assert kind is Reduce
                row[symbols[str(symbol)]] = -numbers[
                    str(target.origin.name), tuple(str(part.name) for part in target.expansion)
                ]
        rows.append(tuple(number for pair in sorted(row.items()) for number in pair))
    return {
        "TERMINALS": tuple(terminals),
        "NONTERMINALS": tuple(nonterminals),
        "RULES": tuple((symbols[origin], len(parts), alias) for origin, parts, alias in rules),
        "ROWS": tuple(rows),
        "ACCEPT": order[table.end_states["start"]],
    }


def _state_order(table: Any) -> dict[int, int]:
    """New numbers of lark's states, from 1: in order of first visit from the start, symbols by name."""
    first = table.start_states["start"]
    order = {first: 1}
    queue = [first]
    for state in queue:
        for _, (kind, target) in sorted(table.states[state].items(), key=lambda item: str(item[0])):
            if kind is Shift and target not in order:
                order[target] = len(order) + 1
                queue.append(target)
    return order


def render() -> str:
    """The text of mlopsc/syntax/tables.py."""
    made = tables()
    lines = ['"""Made from grammar/mlopsc_grammar/mlops.lark by `python -m mlopsc_grammar.build`; do not edit."""', ""]
    for name in ("TERMINALS", "NONTERMINALS", "RULES", "ROWS"):
        lines.append(f"{name} = (")
        lines.extend(f"    {item!r}," for item in made[name])
        lines.append(")")
    lines.append(f"ACCEPT = {made['ACCEPT']}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or with --check exit 1 if they are not what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args(arguments)
    path = Path(__file__).parents[2] / "mlopsc" / "syntax" / "tables.py"
    text = render()
    if options.check:
        same = path.exists() and path.read_text("utf-8") == text
        print(f"{path}: {'up to date' if same else 'out of date'}")
        return 0 if same else 1
    path.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
