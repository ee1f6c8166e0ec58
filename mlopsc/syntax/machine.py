"""The driver of the LALR tables: shifts tokens, and calls a function of `build.py` at each reduction.

A reduction that builds nothing (`primary: NAME`) costs no more than a look-up: where a chain of them leads, from a state
with a symbol before a token, is kept in `jumps`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlopsc.syntax.build import Builder
from mlopsc.syntax.lexer import END, LBRACE, RBRACE, SEP, Lexer
from mlopsc.syntax.tables import ACCEPT, NONTERMINALS, ROWS, RULES, TERMINALS

Reduction = tuple[int, int, Callable[..., Any] | None]

# state -> symbol -> action; number 0 is no state. Nonterminals are keyed too, by their symbol times STRIDE.
STRIDE = 1 << len(TERMINALS).bit_length()
TABLE: list[dict[int, int]] = [{}, *(dict(zip(row[::2], row[1::2], strict=True)) for row in ROWS)]
SYMBOL = {name: number for number, name in enumerate(NONTERMINALS, len(TERMINALS) + 1)}
_LISTS = (SYMBOL["items"], SYMBOL["statements"])
# States on whose value, a list of items or statements, the next statement is added.
LIST_STATES = frozenset(row[symbol] for row in TABLE for symbol in _LISTS if symbol in row)
JUMPS: list[dict[int, int]] = [{} for _ in TABLE]


def _settle(before: int, symbol: int, kind: int) -> int:
    """The state after `symbol` on top of the state `before`, past all reductions of one symbol that build nothing."""
    state = TABLE[before][symbol]
    while (action := TABLE[state].get(kind, 0)) < 0 and not RULES[-action - 1][2]:
        state = TABLE[before][RULES[-action - 1][0]]
    JUMPS[before][symbol * STRIDE + kind] = state
    return state


def accepts(states: list[int], kind: int) -> bool:
    """Whether the token `kind` can stand next."""
    states = states.copy()
    while (action := TABLE[states[-1]].get(kind, 0)) < 0:
        symbol, count, _ = RULES[-action - 1]
        if count:
            del states[-count:]
        states.append(TABLE[states[-1]][symbol])
    return action > 0 or (kind == END and states[-1] == ACCEPT)


# States in which a statement, a body or a header is complete, whatever token follows.
_COMPLETE = frozenset(row[kind] for row in TABLE for kind in (SEP, LBRACE, RBRACE) if row.get(kind, 0) > 0)


class Machine:
    """`values[n]` is the value of what led from `states[n]` to `states[n + 1]`; `at` is the next token to take."""

    def __init__(self, lexer: Lexer, builder: Builder) -> None:
        self.lexer = lexer
        self.states: list[int] = [1]
        self.values: list[Any] = []
        self.at = 0
        self._rules: list[Reduction] = [
            (count, symbol * STRIDE, getattr(builder, alias) if alias else None) for symbol, count, alias in RULES
        ]
        self._rules.reverse()  # rule r is at -r

    def run(self) -> bool:
        """Take tokens until the end of the text (True), or until `at` is one that cannot stand there (False)."""
        lexer = self.lexer
        while True:
            last = len(lexer.types) - (not lexer.done)
            if self.at < last and not self._take(last):
                return lexer.types[self.at] == END and self.states[-1] == ACCEPT
            if lexer.done:
                raise AssertionError("END is accepted or an error")
            lexer.fill()
            self.at = 0

    def complete(self) -> None:
        """Make the reductions that a statement's end calls for, if one was just read and the next token is wrong."""
        states, values = self.states, self.values
        while (states[-1] in _COMPLETE or len(states) == 1) and (action := TABLE[states[-1]].get(SEP, 0)) < 0:
            count, symbol, build = self._rules[action]
            assert build is not None
            parts = values[len(values) - count :]
            del values[len(values) - count :], states[len(states) - count :]
            values.append(build(*parts))
            states.append(TABLE[states[-1]][symbol // STRIDE])

    def _take(self, last: int) -> bool:
        """Take the tokens up to `last`; False, with `at` set, at one that cannot stand where it does."""
        states, values, table, jumps, rules = self.states, self.values, TABLE, JUMPS, self._rules
        push_state, push, pop_state, pop = states.append, values.append, states.pop, values.pop
        token_values = self.lexer.values
        state = states[-1]
        at = self.at
        for kind in self.lexer.types[at:last]:
            while (action := table[state].get(kind, 0)) <= 0:
                if not action:
                    self.at = at
                    return False
                count, symbol, build = rules[action]
                if count == 1:
                    pop_state()
                    if build:
                        values[-1] = build(values[-1])
                elif count == 3:
                    pop_state()
                    pop_state()
                    pop_state()
                    third, second = pop(), pop()
                    values[-1] = build(values[-1], second, third)  # type: ignore[misc]
                elif count == 2:
                    pop_state()
                    pop_state()
                    second = pop()
                    values[-1] = build(values[-1], second)  # type: ignore[misc]
                elif count:
                    del states[-count:]
                    parts = values[-count:]
                    del values[-count:]
                    push(build(*parts))  # type: ignore[misc]
                else:
                    push(build())  # type: ignore[misc]
                before = states[-1]
                state = jumps[before].get(symbol + kind) or _settle(before, symbol // STRIDE, kind)
                push_state(state)
            push_state(action)
            push(token_values[at])
            state = action
            at += 1
        self.at = at
        return True
