"""Texts to tokens: one compiled regex, and the rules of language.md part 2 for where a statement ends.

Tokens are parallel lists: terminal number, value and offset. The value of a name or literal is its node, of a
comparison its text, of anything else its position. A token of type ERROR fits no rule of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mlopsc.syntax.ast import Comment, Literal, Name
from mlopsc.syntax.literals import number_help, read_number, read_string
from mlopsc.syntax.problems import Problem, Problems
from mlopsc.syntax.tables import TERMINALS

NUMBER_OF = {name: number for number, name in enumerate(TERMINALS, 1)}
ERROR = 0
LPAR, LBRACK, RPAR, RBRACK, LBRACE, RBRACE = range(1, 7)
NAME, INT, NUM, STRING, SEP, END = (NUMBER_OF[name] for name in ("NAME", "INT", "NUM", "STRING", "SEP", "$END"))
NULL, AND, OR, NOT = (NUMBER_OF[name] for name in ("NULL", "AND", "OR", "NOT"))
CMP, PIPE, DOT = NUMBER_OF["CMP"], NUMBER_OF["PIPE"], NUMBER_OF["DOT"]
COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
WORDS = {w: NUMBER_OF[w.upper()] for w in "and or not in is if then else true false null".split()}
CONSTANTS: dict[str, tuple[str, bool | None]] = {
    "true": ("bool", True), "false": ("bool", False), "null": ("null", None),
}  # fmt: skip
PUNCTUATION = {
    "(": LPAR, "[": LBRACK, ")": RPAR, "]": RBRACK, "{": LBRACE, "}": RBRACE,
    **{sign: NUMBER_OF[name] for sign, name in {
        ",": "COMMA", "=": "EQ", ":": "COLON", ".": "DOT", "..": "DOTDOT", "|>": "PIPE", "?": "QMARK", ";": "SEP",
        "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH",
    }.items()},
    **dict.fromkeys(COMPARISONS, CMP),
}  # fmt: skip
# A newline after these ends nothing, and a statement goes on before a line that starts with LEADING.
OPEN_ENDED = frozenset(
    NUMBER_OF[name] for name in "CMP PLUS MINUS STAR SLASH AND OR IN IS NOT IF THEN ELSE COMMA PIPE DOTDOT".split()
)
NO_END_AFTER = OPEN_ENDED | {SEP, LBRACE}
LEADING = frozenset(NUMBER_OF[name] for name in ("PIPE", "THEN", "ELSE", "AND", "OR"))

G_NAME, G_NEWLINE, G_SIGN, G_NUMBER, G_STRING, G_TRIPLE, G_COMMENT, G_QUOTED, G_ODD, G_ALIEN, G_WORD, G_BAD = range(
    1, 13
)
TOKEN = re.compile(
    r"""([A-Za-z_][A-Za-z0-9_]*+(?!\w))
    |((?:\r?\n)(?:[ \t]*+\r?\n)*+)
    |(\|>|\.\.|==|!=|<=|>=|\.(?![0-9])|[()\[\]{},=:+\-*/<>?;])
    |([0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_]|\.(?=[0-9]))*+(?:%|\.(?![.\w]))?|\.[0-9][0-9A-Za-z_.]*+)
    |("(?!"")[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+")
    |(\"{3})
    |(\#[^\n]*+)
    |(`[^`\r\n]+`)
    |(&&|\|\||!)
    |('[^'\n]*+'|[\u201c\u201d\u201e][^\u201c\u201d\n]*+[\u201c\u201d])
    |(\w++)
    |(["'`][^\r\n]*+|[^\s\w"'`\#;(){}\[\],=:.+\-*/<>?&|!]++|[^\ \t])""",
    re.VERBOSE,
)
TRIPLE_END = re.compile(r'[^"\\]*+(?:(?:\\[\s\S]|"(?!""))[^"\\]*+)*+"""')
DEEPEST = 200
_STRAY = {"%": "A share is written without a blank: `5%`.", "|": "A pipe is written `|>`."}
_FIRST_CHUNK, _CHUNK = 64, 4096


class Lexer:
    """Fills `types`, `values` and `starts` chunk by chunk. The last token of a chunk is kept back until it is known that
    the next line does not go on with it, so a reader takes all but the last token, and all once `done`."""

    def __init__(self, text: str, base: int, problems: Problems) -> None:
        self.text = text
        self.base = base
        self.problems = problems
        self.types: list[int] = []
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.comments: list[Comment] = []
        self.done = False
        self.depth = 0
        self.braces = 0
        self._numbers: dict[str, Any] = {}
        self._matches: Iterator[re.Match[str]] = iter(())
        self._limit = _FIRST_CHUNK
        self._lone_triple = False
        self.swallowed = -1  # where the last unclosed string with a `}` in it starts

    def start(self, offset: int, seed: list[tuple[int, Any]], braces: int) -> None:
        """Go on at `offset`, outside all brackets and inside `braces` blocks, after the tokens of `seed`."""
        self.types[:] = [kind for kind, _ in seed]
        self.values[:] = [value for _, value in seed]
        self.starts[:] = [offset] * len(seed)
        comments = self.comments
        while comments and comments[-1].start >= offset + self.base:
            comments.pop()
        self.done, self.depth, self.braces = False, 0, braces
        self._limit = _FIRST_CHUNK
        self._matches = TOKEN.finditer(self.text, offset)

    def fill(self) -> None:
        """Drop all tokens but the last and read the next ones; at the end of the text END is the last."""
        del self.types[:-1], self.values[:-1], self.starts[:-1]
        before = len(self.types)
        self._limit = min(self._limit * 2, _CHUNK)
        while not self.done and len(self.types) == before:
            self._read()

    def _read(self) -> None:
        types, values, starts, base = self.types, self.values, self.starts, self.base
        add_type, add_value, add_start = types.append, values.append, starts.append
        words, punctuation, numbers, no_end = WORDS.get, PUNCTUATION, self._numbers, NO_END_AFTER
        depth, count = self.depth, 0
        for count, match in enumerate(islice(self._matches, self._limit), 1):  # noqa: B007 (read after the loop)
            group = match.lastindex
            start = match.start()
            text = match[0]
            if group == G_NAME:
                kind = words(text, NAME)
                at = start + base
                if kind == NAME or types[-1] == DOT:
                    kind = NAME
                    value: Any = Name(at, at + len(text), text)
                elif text in CONSTANTS:
                    constant, truth = CONSTANTS[text]
                    value = Literal(at, at + len(text), constant, truth, text)
                else:
                    value = at
                    if kind in LEADING and types[-1] == SEP and values[-1] is None:
                        del types[-1], values[-1], starts[-1]
            elif group == G_SIGN:
                kind = punctuation[text]
                value = start + base
                if kind <= RBRACE:
                    depth, kind = self._bracket(kind, depth, start)
                elif kind == CMP:
                    value = text
                elif kind == PIPE and types[-1] == SEP and values[-1] is None:
                    del types[-1], values[-1], starts[-1]
                elif kind == SEP and types[-1] == SEP:
                    values[-1] = value
                    continue
            elif group == G_NEWLINE:
                if depth or types[-1] in no_end:
                    continue
                kind, value = SEP, None
            elif group == G_NUMBER:
                known = numbers.get(text) or self._number(text, start)
                kind = INT if known[0] == "int" else NUM
                at = start + base
                value = Literal(at, at + len(text), known[0], known[1], text)
            elif group == G_COMMENT:
                self._comment(text, start)
                continue
            else:
                kind, value = self._rare(group, text, start)
            add_type(kind)
            add_value(value)
            add_start(start)
            if group == G_TRIPLE:
                break
        self.depth = depth
        if count < self._limit and (not count or group != G_TRIPLE):
            self._end()

    def _end(self) -> None:
        self.types.append(END)
        self.values.append(len(self.text) + self.base)
        self.starts.append(len(self.text))
        self.done = True

    def _bracket(self, kind: int, depth: int, start: int) -> tuple[int, int]:
        """(new depth, terminal). Braces stand outside all brackets: an unclosed bracket ends with its block."""
        if kind <= LBRACK:
            depth += 1
        elif kind <= RBRACK:
            return max(depth - 1, 0), kind
        else:
            depth = 0
            self.braces += 1 if kind == LBRACE else -1
        if depth <= DEEPEST and (self.braces <= DEEPEST or kind != LBRACE):
            return depth, kind
        message = f"Brackets are nested deeper than {DEEPEST} levels."
        self._problem("too-deep", start, 1, message, "Give inner parts names of their own.")
        return depth, ERROR

    def _problem(
        self, name: str, start: int, length: int, message: str, help: str | None = None, text: str | None = None
    ) -> None:
        at = start + self.base
        self.problems.add(Problem(name, at, at + length, message, help, text))

    def _comment(self, text: str, start: int) -> None:
        text = text.rstrip("\r")
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        at = start + self.base
        self.comments.append(Comment(at, at + len(text), text, not before.strip(" \t\ufeff")))

    def _number(self, text: str, start: int) -> tuple[str, int | float]:
        known = read_number(text)
        if known is None:
            advice, edit = number_help(text)
            self._problem("bad-number", start, len(text), f"`{_short(text)}` is not a number.", advice, edit)
            return "int", 0
        self._numbers[text] = known
        return known

    def _string(self, text: str, start: int) -> Literal:
        value, bad = read_string(text)
        at = start + self.base
        if bad is not None:
            where = start + text.index(bad)
            message = f"`{bad}` is not an escape."
            advice = 'The escapes are \\" \\\\ \\n \\t and \\u{…}; a backslash itself is written \\\\.'
            self._problem("bad-escape", where, len(bad), message, advice, "\\" + bad if len(bad) == 2 else None)
        return Literal(at, at + len(text), "string", value, text.replace("\r\n", "\n"))

    def _rare(self, group: int | None, text: str, start: int) -> tuple[int, Any]:
        """(terminal, value) of strings, backquoted names and whatever is a mistake. A mistake is put
        down as a problem and stands in the text as what it was meant to be, so that it costs no second one."""
        at = start + self.base
        if group == G_STRING:
            return STRING, self._string(text, start)
        if group == G_TRIPLE:
            return STRING, self._triple(start)
        if group == G_QUOTED:
            return NAME, Name(at, at + len(text), text[1:-1], True)
        if group == G_ODD:
            word, kind = {"&&": ("and", AND), "||": ("or", OR), "!": ("not", NOT)}[text]
            edit = "not " if text == "!" else word
            self._problem("bad-character", start, len(text), f"`{text}` is not an operator.", f"Write `{word}`.", edit)
            return kind, at
        if group == G_ALIEN:
            edit = '"' + text[1:-1].replace("\\", "\\\\").replace('"', '\\"') + '"'
            message = f"A string stands in double quotes, not in `{text[0]}`."
            self._problem("bad-character", start, len(text), message, f"Write `{_short(edit)}`.", edit)
            return STRING, Literal(at, at + len(text), "string", text[1:-1], edit)
        if group == G_WORD:
            message = f"`{_short(text)}` has letters that plain names lack."
            self._problem(
                "bad-character", start, len(text), message, f"Write it in backquotes: `` `{text}` ``.", f"`{text}`"
            )
            return NAME, Name(at, at + len(text), text)
        return self._bad(text, start)

    def _triple(self, start: int) -> Literal:
        """A string of several lines. Where it never ends, it ends with its line: text after it is read as statements."""
        match = None if self._lone_triple else TRIPLE_END.match(self.text, start + 3)
        if match is None:
            self._lone_triple = True
            end = self.text.find("\n", start)
            end = len(self.text) if end < 0 else end
            self._problem("unterminated-string", start, 3, 'This `"""` is never closed.', 'Close it with `"""`.')
            self._matches = TOKEN.finditer(self.text, end)
            at = start + self.base
            return Literal(at, at + 3, "string", "", '""')
        self._matches = TOKEN.finditer(self.text, match.end())
        return self._string(self.text[start : match.end()], start)

    def _bad(self, text: str, start: int) -> tuple[int, Any]:
        at = start + self.base
        if text[0] == '"' or text[0] == "'":
            advice = 'Close it with `"`.' if text[0] == '"' else 'A string stands in double quotes: `"…"`.'
            if "}" in text:
                self.swallowed = max(self.swallowed, start)
            self._problem("unterminated-string", start, len(text), "This string is not closed on its line.", advice)
            return STRING, Literal(at, at + len(text), "string", text[1:], '""')
        if text[0] == "`":
            message = "This backquoted name is not closed on its line."
            self._problem("unterminated-string", start, len(text), message, "Close it with a backquote.")
            return NAME, Name(at, at + len(text), text[1:], True)
        shown = f"`{_short(text)}`" if text.isprintable() else f"The character U+{ord(text[0]):04X}"
        self._problem("bad-character", start, len(text), f"{shown} means nothing here.", _STRAY.get(text))
        return ERROR, None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
