"""Words for a syntax error: what was found, what was expected, and the fix where one is obvious."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mlopsc.diagnostics.model import Related
from mlopsc.syntax.lexer import (
    CMP,
    END,
    INT,
    LBRACE,
    LBRACK,
    LPAR,
    NAME,
    NOT,
    NUMBER_OF,
    PIPE,
    RBRACE,
    SEP,
    STRING,
    WORDS,
)
from mlopsc.syntax.literals import BYTES, SECONDS, power_help
from mlopsc.syntax.machine import accepts
from mlopsc.syntax.problems import Problem
from mlopsc.syntax.scan import CLOSING, OPENING, Token, column, scan

EQ, COLON, COMMA, IN, IS, STAR, SLASH, DOTDOT, IF, THEN = (
    NUMBER_OF[name] for name in ("EQ", "COLON", "COMMA", "IN", "IS", "STAR", "SLASH", "DOTDOT", "IF", "THEN")
)
_OPERATORS = frozenset((CMP, STAR, SLASH, IN, IS, NUMBER_OF["PLUS"]))
_ATOM = r"(?:[\w.]+|`[^`]+`|\"[^\"]*\")"
_BETWEEN = re.compile(rf"({_ATOM})\s+(between)\s+(-?{_ATOM})\s+and\s+(-?{_ATOM})")
_PYTHON_IF = re.compile(rf"(?P<y>{_ATOM})\s+if\s+(?P<c>[^()#]+?)\s+else\s+(?P<n>-?{_ATOM})")
_C_IF = re.compile(rf"[=(]\s*(?P<c>[^()=#?][^()#?]*?)\s*\?\s*(?P<y>-?{_ATOM})\s*:\s*(?P<n>-?{_ATOM})")
_CONTEXT_WORDS = frozenset(WORDS.values())
_RULES = frozenset(("expect", "require", "warn", "when", "filter", "given", "dedupe"))
_UNITS = frozenset((*SECONDS, *BYTES, "ms"))
# What can be said to be expected, in the order in which it is said; a value and an operator stand for many tokens.
_EXPECTED = (
    ("RPAR", "`)`"), ("RBRACK", "`]`"), ("LBRACE", "`{`"), ("EQ", "`=`"), ("COLON", "`:`"), ("THEN", "`then`"),
    ("ELSE", "`else`"), ("COMMA", "`,`"), ("NULL", "`null`"), ("NAME", "a name"), ("STRING", "a string"),
    ("LPAR", "`(`"), ("SEP", "the end of the statement"),
)  # fmt: skip


class Case(NamedTuple):
    """A damaged statement: its tokens from `start` up to the one at `wrong`, which cannot stand there, and two more.

    `kind` is what that token counts as where it stands: SEP at a line's end, END at the text's, ERROR for none.
    """

    text: str
    base: int
    start: int
    offset: int
    kind: int
    states: list[int]
    inside: bool  # in a block
    tokens: list[Token]
    wrong: int
    section: str = ""  # the innermost section

    @property
    def continues(self) -> bool:
        """Whether the line ends after `=` and the next one, indented deeper, is no statement of its own."""
        next_line, following = self.at(self.wrong), self.at(self.wrong + 1)
        if self.kind != SEP or not self.wrong or self.tokens[self.wrong - 1].kind != EQ or next_line is None:
            return False
        if self.text.startswith(";", self.offset) or column(self.text, next_line.start) <= column(self.text, self.start):
            return False
        return not (next_line.kind == NAME and following is not None and following.kind in (EQ, COLON, LBRACE, NAME))

    def at(self, index: int) -> Token | None:
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def word(self, index: int) -> str:
        token = self.at(index)
        return self.text[token.start : token.end] if token else ""

    def kinds(self, count: int) -> list[int]:
        """The first kinds of the statement, as far as the error."""
        return [token.kind for token in self.tokens[: min(count, self.wrong)]]

    def open_brackets(self) -> list[Token]:
        """Brackets of the statement that are open where the error is."""
        opened: list[Token] = []
        for token in self.tokens[: self.wrong]:
            if token.kind in OPENING:
                opened.append(token)
            elif token.kind in CLOSING and opened:
                opened.pop()
        return opened

    def problem(
        self,
        message: str,
        help: str | None = None,
        text: str | None = None,
        *,
        name: str = "syntax-error",
        span: tuple[int, int] | None = None,
        related: tuple[Related, ...] = (),
    ) -> Problem:
        """A finding at the error, or at `span` (offsets); `text` replaces the same."""
        start, end = span or self.span()
        return Problem(name, start + self.base, end + self.base, message, help, text, None, related)

    def span(self) -> tuple[int, int]:
        token = self.at(self.wrong)
        if self.kind in (SEP, END) or token is None:
            return self.offset, self.offset
        return token.start, token.end


def explain(case: Case) -> Problem:
    """The finding for a damaged statement."""
    for rule in _SPECIAL:
        found = rule(case)
        if found is not None:
            return found
    expected = _expected(case)
    return case.problem(f"Found {_found(case)}" + (f", expected {expected}." if expected else "."), _hint(case))


def _found(case: Case) -> str:
    if case.kind == SEP:
        return "`;`" if case.text.startswith(";", case.offset) else "the end of the line"
    if case.kind == END:
        return "the end of the file"
    word = case.word(case.wrong)
    short = word if len(word) <= 40 and "\n" not in word else word[:20].split("\n")[0] + "…"
    if case.kind == NAME:
        return f"the name `{short}`"
    if case.kind == STRING:
        return f"the string {short}"
    if case.kind in _CONTEXT_WORDS:
        return f"the word `{short}`"
    return f"`{short}`"


def _expected(case: Case) -> str:
    can = {name for name, number in NUMBER_OF.items() if accepts(case.states, number)}
    if case.wrong == 0:
        return "a statement" if case.inside else "a declaration, `KIND NAME = value` or `KIND NAME { … }`"
    if "SEP" in can and case.wrong > 1:
        return "the end of the statement"
    if not case.inside and case.wrong == 1:
        return "a name"
    if "EQ" in can and "LBRACE" in can:
        return "`=`, `:`, `{` or a value" if case.inside else "`=`, `:` or `{`"
    if {"NAME", "INT"} <= can or {"INT", "STRING"} <= can:
        return "a value"
    if case.tokens[case.wrong - 1].kind == PIPE:
        return "a call, `name(…)`"
    if "CMP" in can:
        can -= {"NAME", "THEN"} if case.open_brackets() else {"NAME"}
    words = [word for name, word in _EXPECTED if name in can][:3]
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1] if words else ""]))


def _hint(case: Case) -> str | None:
    """A general help for what stands at the error."""
    if case.kind in _CONTEXT_WORDS and accepts(case.states, NAME):
        word = case.word(case.wrong)
        return f"As a name, `{word}` is written in backquotes: `` `{word}` ``."
    if case.kind == NAME and case.word(case.wrong) in ("elif", "elseif", "elsif"):
        return "Write `else if`."
    return None


# --- errors that have a sentence of their own ------------------------------------------------------------------------


def _chained(case: Case) -> Problem | None:
    after = case.at(case.wrong + 1)
    comparing = case.kind in (CMP, IN, IS) or (case.kind == NOT and after is not None and after.kind == IN)
    if not comparing or not accepts(case.states, NUMBER_OF["AND"]) or accepts(case.states, case.kind):
        return None
    message = "Comparisons do not chain."
    advice = "Compare twice and join with `and`: `0 < x and x < 1`; for a closed range, `x in 0..1`."
    return case.problem(message, advice, name="chained-comparison")


def _bare_call(case: Case) -> Problem | None:
    if case.kinds(2) != [NAME, LPAR] or not case.inside:
        return None
    verb = case.word(0)
    opened = case.open_brackets()
    inside = len(opened) == 1 and opened[0] is case.tokens[1] and case.kind in (COMMA, EQ, *CLOSING)
    closed = not opened and case.kind == PIPE and case.tokens[case.wrong - 1].kind in CLOSING
    if not inside and not closed:
        return None
    if verb in _RULES:
        return case.problem(f"`{verb}` takes one expression.", f"Write it without the outer parentheses: `{verb} …`.")
    name = f"{verb}_{case.word(2)}" if case.tokens[2].kind == NAME and case.wrong > 2 else f"{verb}_1"
    line = case.text[case.start :].split("\n", 1)[0].rstrip()
    call = line if len(line) <= 60 and "#" not in line and line.endswith(")") else f"{verb}(…)"
    message = f"A call of `{verb}` alone is no statement."
    advice = f"Give the feature a name: `{name} = {call}`."
    return case.problem(message, advice, name="bare-call", span=(case.tokens[0].start, case.tokens[0].end))


def _unclosed(case: Case) -> Problem | None:
    opened = case.open_brackets()
    token = case.at(case.wrong)
    if not opened:
        return _closes_nothing(case) if case.kind in CLOSING and case.wrong else None
    sign = case.text[opened[-1].start]
    other = {"(": ")", "[": "]"}[sign]
    if case.kind in CLOSING and case.word(case.wrong) != other and accepts(case.states, _closing(sign)):
        if _closed_later(case, other):
            return case.problem(f"This `{case.word(case.wrong)}` closes nothing.", "Open it, or remove it.")
        return case.problem(f"`{sign}` is closed by `{case.word(case.wrong)}`.", f"Write `{other}`.", other)
    ends = case.kind in (END, LBRACE, RBRACE) or (token is not None and token.first)
    if not ends or (case.kind == LBRACE and token is not None and not token.first):
        return None
    return unclosed(case, opened)


def _closed_later(case: Case, sign: str) -> bool:
    """Whether the line goes on to close the bracket that is open with the right sign."""
    nested = 0
    for token in scan(case.text, case.tokens[case.wrong].end):
        if token.first or nested < 0:
            break
        if case.text[token.start] == sign and not nested:
            return True
        nested += (token.kind in OPENING) - (token.kind in CLOSING)
    return False


def _closes_nothing(case: Case) -> Problem:
    """A bracket too many; or, where the statement cannot go on without it, one that was not opened."""
    sign = case.word(case.wrong)
    before, after = case.at(case.wrong - 2), case.at(case.wrong + 1)
    if sign == ")" and before is not None and before.kind == PIPE and case.tokens[case.wrong - 1].kind == NAME:
        at = case.tokens[case.wrong - 1].end
        return case.problem("A call needs its `(`.", "Write `()`.", "(", span=(at, at))
    following = SEP if after is None or after.first else after.kind
    if accepts(case.states, following) or (following in (SEP, RBRACE) and accepts(case.states, SEP)):
        return case.problem(f"This `{sign}` closes nothing.", "Remove it.", "")
    other = "(" if sign == ")" else "["
    return case.problem(f"This `{sign}` closes nothing.", f"Open it with `{other}`, or remove it.")


def unclosed(case: Case, opened: list[Token]) -> Problem:
    """The innermost of the brackets that are open is never closed."""
    where = opened[-1].start
    other = {"(": ")", "[": "]"}[case.text[where]]
    return case.problem(
        f"This `{case.text[where]}` is never closed.", f"Close it with `{other}`.", span=(where, where + 1)
    )


def _closing(sign: str) -> int:
    return NUMBER_OF["RPAR"] if sign == "(" else NUMBER_OF["RBRACK"]


def _equals(case: Case) -> Problem | None:
    """`=`, `==`, `:` and `:=` in each other's place, and a value on the line after its `=`."""
    before = case.kinds(case.wrong)
    if case.continues:
        advice = "Move it up; inside brackets a line may end anywhere."
        return case.problem("A value starts on the line of its `=`.", advice)
    after = case.at(case.wrong + 1)
    if case.kind == EQ and after is not None and case.text[case.offset : after.end] == "=>":
        return case.problem("This is no comparison.", "Write `>=`.", ">=", span=(case.offset, after.end))
    if case.kind == EQ and after is not None and case.text[case.offset : after.end] == "=<":
        return case.problem("This is no comparison.", "Write `<=`.", "<=", span=(case.offset, after.end))
    opened = case.open_brackets()
    if case.kind == EQ and not opened and accepts(case.states, CMP) and _closed_later(case, ")"):
        return case.problem("An argument stands in the brackets of its call, and none are open.", "Open them with `(`.")
    in_list = len(opened) > 1 and case.text[opened[-1].start] == "["
    if case.kind == EQ and in_list and case.tokens[case.wrong - 2].kind == COMMA:
        return unclosed(case, opened)  # the next argument of a call
    if case.kind == EQ and accepts(case.states, CMP):
        return case.problem("`=` sets, it does not compare.", "Write `==`.", "==")
    if case.kind == EQ and before and before[-1] == CMP:
        start = case.tokens[case.wrong - 1].start
        return case.problem("This is no comparison.", "Write `==`.", "==", span=(start, case.span()[1]))
    if case.kind == CMP and case.word(case.wrong) == "==" and accepts(case.states, EQ):
        return case.problem("`==` compares, it does not set.", "Write `=`.", "=")
    if case.kind == CMP and before and before[-1] == EQ and case.word(case.wrong) == ">":
        start = case.tokens[case.wrong - 1].start
        return case.problem("This is no comparison.", "Write `>=`.", ">=", span=(start, case.span()[1]))
    if case.kind == EQ and before and before[-1] == COLON:
        start = case.tokens[case.wrong - 1].start
        return case.problem("A setting is written with `=`.", "Write `=`.", "=", span=(start, case.span()[1]))
    if case.kind == COLON and accepts(case.states, EQ):
        return case.problem("A value is given with `=`, not with `:`.", "Write `=`.", _equal_sign(case, case.offset))
    if case.inside and before[:2] == [NAME, COLON] and case.wrong <= 4:
        return _typed(case)
    return None


def _typed(case: Case) -> Problem | None:
    """`trials : 30` and `trials : cron(…) + 1`: a setting written as a column."""
    if case.wrong > 2 and case.kind not in (NUMBER_OF["PLUS"], NUMBER_OF["MINUS"], STAR, SLASH, CMP, EQ):
        return None
    if case.kind in (SEP, END, RBRACE):
        return None
    name, colon = case.word(0), case.tokens[1]
    message = "After `:` stands a column's type, and this is none."
    if case.kind == EQ:
        return case.problem("A column has no `=`.", f"A setting is written `{name} = …`.")
    sign = _equal_sign(case, colon.start)
    return case.problem(message, f"A setting is written `{name} = …`.", sign, span=(colon.start, colon.end))


def _equal_sign(case: Case, colon: int) -> str:
    return "=" if case.text[colon - 1] in " \t" else " ="


def _blank_unit(case: Case) -> Problem | None:
    """`30 d`"""
    number = case.at(case.wrong - 1)
    if case.kind != NAME or number is None or number.kind != INT or case.word(case.wrong) not in _UNITS:
        return None
    whole = case.text[number.start : number.end] + case.word(case.wrong)
    span = (number.start, case.span()[1])
    return case.problem("A unit follows its number directly.", f"Write `{whole}`.", whole, span=span)


def _foreign_words(case: Case) -> Problem | None:
    """`a between 1 and 3`, `a in (1, 2)`, `1 if c else 0`, `c ? 1 : 0`, comments of other languages."""
    line = case.text[case.start :].split("\n", 1)[0]
    between = _BETWEEN.search(line)
    if between is not None and case.start + between.start(2) <= case.offset < case.start + between.end():
        advice = f"Write `{between[1]} in {between[3]}..{between[4]}`."
        span = (case.start + between.start(2), case.start + between.end(2))
        return case.problem("There is no word `between`.", advice, span=span)
    opened = case.open_brackets()
    before = case.tokens.index(opened[-1]) if opened else 0
    if case.kind == COMMA and before and case.tokens[before - 1].kind == IN:
        start = opened[-1].start
        inner = re.match(r"\(([^()\n]*)\)", case.text[start:])
        text = f"[{inner[1]}]" if inner is not None else None
        span = (start, start + (inner.end() if inner is not None else 1))
        return case.problem("A list stands in `[ ]`.", f"Write `{text or '[…]'}`.", text, span=span)
    if (case.kind == IF or case.word(case.wrong) == "?") and case.wrong and not accepts(case.states, IF):
        parts = (_PYTHON_IF if case.kind == IF else _C_IF).search(line)
        condition, yes, no = (parts["c"], parts["y"], parts["n"]) if parts is not None else ("c", "a", "b")
        return case.problem("This is no `if`.", f"Write `if {condition} then {yes} else {no}`.")
    if case.wrong == 0 and case.text.startswith(("//", "/*", "--"), case.offset):
        sign = case.text[case.offset : case.offset + 2]
        return case.problem("A comment starts with `#`.", "Write `#`.", "#", span=(case.offset, case.offset + len(sign)))
    return None


def _other_languages(case: Case) -> Problem | None:
    """`//` comments, `**`, `x.y(…)`, `$`, a brace for a value."""
    before = case.at(case.wrong - 1)
    if case.kind == SLASH and before is not None and before.kind == SLASH:
        message = "A comment starts with `#`."
        return case.problem(message, "Write `#`.", "#", span=(before.start, case.span()[1]))
    if case.kind == STAR and before is not None and before.kind == STAR:
        advice = power_help(case.text, before.start, case.span()[1] - before.start)
        return case.problem("There is no operator `**`.", advice, span=(before.start, case.span()[1]))
    if case.kind == LPAR and case.wrong >= 3 and case.tokens[case.wrong - 2].kind == NUMBER_OF["DOT"]:
        message = "Functions have no dots in their names."
        return case.problem(message, "`a.b` refers to `b` of `a`; a call is `name(…)`.")
    if case.kind == LBRACE and before is not None and before.kind in (EQ, COMMA, LPAR, LBRACK, COLON):
        advice = "A list is `[…]`, a section `name { … }`."
        if case.text.startswith("{{", case.span()[0]):
            advice = "A spec is no template: what differs from run to run is a param, `param NAME : TYPE = …`."
        return case.problem("A value does not start with `{`.", advice)
    if case.kind == DOTDOT:
        return case.problem("A range goes from one number to another.", "Its ends are numbers, names or dates: `0..100`.")
    return None


def _edition(case: Case) -> Problem | None:
    """`edition 2026.1`, `edition = 2026`"""
    if case.inside or case.word(0) != "edition" or case.wrong != 1:
        return None
    return case.problem("An edition is a year.", "Write `edition 2026`.")


def _expression(case: Case) -> Problem | None:
    """`roc_auc >= 0.8` without its verb, `when then rollback`, and operators at the start of a line."""
    word, kind = case.word(case.wrong), case.kind
    if not case.wrong:
        if kind in _OPERATORS and case.inside:
            return case.problem(f"No statement starts with `{word}`.", "A line goes on after an operator, not before it.")
        return None
    if case.inside and case.wrong == 1 and case.tokens[0].kind == NAME and kind in (THEN, CMP, *_OPERATORS):
        if kind == THEN:
            return case.problem(f"`{case.word(0)}` needs an expression before `then`.")
        return case.problem("An expression alone is no statement.", "A rule starts with its verb: `require …`, `expect …`.")
    if kind in (IF, NOT) and accepts(case.states, INT) and not accepts(case.states, kind):
        words = "if … then … else …" if kind == IF else "not …"
        return case.problem(f"`{word}` binds too weakly to stand here.", f"Write it in parentheses: `({words})`.")
    return None


def _import(case: Case) -> Problem | None:
    """`import shared`"""
    if case.inside or case.word(0) != "import" or case.wrong > 2 or case.kind in (EQ, COLON, LBRACE):
        return None
    return case.problem("What is imported is a path in double quotes.", 'Write `import "shared.mlops"`.')


def _column(case: Case) -> Problem | None:
    """In a columns section: `age int?`, `age = int?`, `"Age" : int`, `age : int,`."""
    if case.section != "columns":
        return None
    before = case.kinds(3)
    if before[:1] == [NAME] and (before[1:2] == [NAME] or before[1:3] == [EQ, NAME]):
        name, kind = case.tokens[0], case.tokens[before.index(NAME, 1)]
        words = f"{case.text[name.start : name.end]} : {case.text[kind.start : kind.end]}"
        message = "A colon stands between a column's name and its type."
        return case.problem(message, f"Write `{words}`.", words, span=(name.start, kind.end))
    if case.kind == STRING and case.wrong == 0:
        message = "A column's name stands without quotes."
        return case.problem(message, f"Write `name : type from {case.word(0)}`.")
    if case.kind == COMMA and before[:2] == [NAME, COLON] and not case.open_brackets():
        after = case.at(case.wrong + 1)
        if after is None or after.first:
            return case.problem("Columns are parted by lines, not by commas.", "Remove the comma.", "")
    return None


def _clause_list(case: Case) -> Problem | None:
    """`missing "a", "b"` in a column."""
    if case.kind != COMMA or case.kinds(2) != [NAME, COLON] or case.open_brackets():
        return None
    return case.problem("A column's clause has one value.", "Write a list: `[a, b]`.")


_SPECIAL: tuple[Callable[[Case], Problem | None], ...] = (
    _import, _edition, _column, _foreign_words, _chained, _bare_call, _equals, _clause_list, _blank_unit,
    _other_languages, _unclosed, _expression,
)  # fmt: skip
