"""After a syntax error: one finding, then on with the next statement, the block's end or the next block.

The damaged statement is taken off the machine's stacks down to the list that it would have joined, and the lexer starts
again further on. What recovery makes up (a closing brace, a header) reaches the machine as tokens before that place.
"""

from __future__ import annotations

from typing import Any

from mlopsc.diagnostics.model import Related
from mlopsc.syntax.ast import Block, Name, Node, Selection
from mlopsc.syntax.build import DROPPED
from mlopsc.syntax.explain import Case, explain, unclosed
from mlopsc.syntax.lexer import END, ERROR, LBRACE, LBRACK, NAME, NUMBER_OF, OPEN_ENDED, RBRACE, SEP, Lexer
from mlopsc.syntax.machine import LIST_STATES, TABLE, Machine
from mlopsc.syntax.problems import Problem, Problems
from mlopsc.syntax.resync import Resync, orphan_end
from mlopsc.syntax.scan import CLOSING, Token, column, scan

EQ, COLON, PIPE = (NUMBER_OF[name] for name in ("EQ", "COLON", "PIPE"))
COMMA = NUMBER_OF["COMMA"]
_KINDS = frozenset(
    "pipeline param connection channel metric data features model gate deploy monitor step test target profile".split()
)
_BINDINGS = frozenset(("param", "connection", "channel", "metric"))
_STARTING = frozenset(NUMBER_OF[name] for name in "LBRACK NOT INT NUM STRING TRUE FALSE NULL IF".split())
Seed = list[tuple[int, Any]]


class Recovery:
    """Goes on after each error. It always takes at least one token, so it ends."""

    def __init__(self, machine: Machine, lexer: Lexer, problems: Problems) -> None:
        self.machine = machine
        self.lexer = lexer
        self.problems = problems
        self.text = lexer.text
        self.base = lexer.base
        self._resync = Resync(lexer.text)
        self._excused = -1  # a brace too many was opened here: the `}` that it lacks has the same cause
        self._headless = -1  # a header was lost before this offset: a body found here has the same cause
        self._no_orphan_before = 0  # up to here, no brace closes more than was opened
        self._tried: set[tuple[int, int]] = set()  # where statements stood that were in error, and how deep
        self._braced = False  # a `}` was missed before an indented header: that header may be what is wrong

    def go_on(self) -> None:
        """Report the error at which the machine stands, and leave machine and lexer ready to run again."""
        machine, lexer = self.machine, self.lexer
        machine.complete()
        kind, offset = lexer.types[machine.at], lexer.starts[machine.at]
        lists = [index for index, state in enumerate(machine.states) if state in LIST_STATES]
        level, depth = lists[-1], len(lists) - 1
        inner = machine.values[level:]
        start = self._start(inner, offset)
        if (start, depth) in self._tried:  # nothing was gained: leave the line
            self._drop(level)
            end = self._resync.line_end(max(start, offset))
            self._start_at(end, [(SEP, None)], depth)
            return
        self._tried.add((start, depth))
        case = self._case(kind, offset, start, inner, depth)
        for step in (self._at_end, self._at_brace, self._block_inside, self._colon_header, self._orphan):
            if step(case, level, depth):
                return
        self._statement(case, level, depth)

    # --- where we are

    def _start(self, inner: list[Any], offset: int) -> int:
        if not inner:
            return offset
        first = inner[0]
        while isinstance(first, list):
            first = first[0]
        at = first.start if isinstance(first, Node) else first
        return at - self.base if isinstance(at, int) and at >= self.base else offset

    def _case(self, kind: int, offset: int, start: int, inner: list[Any], depth: int) -> Case:
        tokens: list[Token] = []
        index = -1
        for token in scan(self.text, start):
            if index < 0 and token.start >= offset:
                index = len(tokens)
            tokens.append(token)
            if index >= 0 and len(tokens) > index + 2:
                break
        if index < 0:
            index = len(tokens)
        opener = self._opener(depth - 1) if depth else None
        section = opener.text if isinstance(opener, Name) else ""
        return Case(
            self.text, self.base, start, offset, kind, self.machine.states.copy(), depth > 0, tokens, index, section
        )

    def _drop(self, level: int) -> None:
        del self.machine.states[level + 1 :]
        del self.machine.values[level:]

    def _start_at(self, offset: int, seed: Seed, braces: int) -> None:
        self.lexer.start(offset, seed, braces)
        self.machine.at = 0

    def _opener(self, number: int) -> Block | Name:
        """The header of the open block or section, counted from the outermost."""
        lists = [index for index, state in enumerate(self.machine.states) if state in LIST_STATES]
        found = self.machine.values[lists[number + 1] - 3]
        assert isinstance(found, Block | Name)
        return found

    def _describe(self, opener: Block | Name) -> str:
        return f"`{opener.kind.text} {opener.name.text}`" if isinstance(opener, Block) else f"`{opener.text}`"

    # --- the cases

    def _at_end(self, case: Case, level: int, depth: int) -> bool:
        """The text ends inside blocks: close them all."""
        if case.kind != END or not depth:
            return False
        outer = self._opener(0)
        if not self._forgiven(outer) and not self.problems.within(case.start + self.base, case.offset + self.base + 1):
            head = outer.kind if isinstance(outer, Block) else outer
            last = outer.name if isinstance(outer, Block) else outer
            message = f"{self._describe(outer)} is never closed: the file ends where `}}` was expected."
            self.problems.add(
                Problem("syntax-error", head.start, last.end, message, "Close it with `}`."), damages=False
            )
        self._drop(level)
        end = case.offset + self.base
        self._start_at(len(self.text), [(SEP, None), *[(RBRACE, end)] * depth], 0)
        return True

    def _forgiven(self, outer: Block | Name) -> bool:
        """Whether the brace that an open block lacks was reported in another way, or stands in an unclosed string."""
        head = outer.kind if isinstance(outer, Block) else outer
        return head is DROPPED or head.start - self.base <= max(self._excused, self.lexer.swallowed)

    def _at_brace(self, case: Case, level: int, depth: int) -> bool:
        """A brace at the start of a statement, or on the line after its header."""
        after = case.at(case.wrong)
        at_start = case.start == case.offset
        if case.kind == RBRACE and at_start and not depth:
            past = self._resync.past_closing(case.offset)
            self.problems.add(_stray(case, past))
            self._drop(level)
            self._start_at(past, [(SEP, None)], 0)
            return True
        if case.kind == SEP and not depth and after is not None and after.kind == LBRACE:
            if TABLE[self.machine.states[-1]].get(LBRACE, 0) == 0:
                return False
            self._own_line(case, after.start)
            self._start_at(after.start + 1, [(LBRACE, after.start + self.base), (SEP, None)], depth + 1)
            return True
        if case.kind == LBRACE and at_start:
            self._drop(level)
            statements = self.machine.values[-1]
            previous = statements[-1] if statements else None
            seed: Seed = [(NAME, DROPPED)] * (1 if depth else 2)
            if depth and isinstance(previous, Selection) and isinstance(previous.item, Name) and not previous.pipe:
                statements.pop()
                seed = [(NAME, previous.item)]
                self._own_line(case, case.offset)
            else:
                self.problems.add(case.problem("This `{` has no header.", "A section is `name { … }`."))
                self._excused = case.offset
            seed += [(LBRACE, case.offset + self.base), (SEP, None)]
            self._start_at(case.offset + 1, seed, depth + 1)
            return True
        return False

    def _own_line(self, case: Case, brace: int) -> None:
        message, advice = "`{` stands on its header's line.", "Move it to the end of the line above."
        self.problems.add(case.problem(message, advice, span=(brace, brace + 1)))

    def _block_inside(self, case: Case, level: int, depth: int) -> bool:
        """A line that starts a block or binding inside a block: the brace before it is missing."""
        tokens = case.tokens
        if not depth or len(tokens) < 3 or not tokens[0].first or [t.kind for t in tokens[:2]] != [NAME, NAME]:
            return False
        word = case.word(0)
        if case.kind == LBRACE:
            if any(token.first for token in tokens[1 : case.wrong + 1]):
                return False
        elif case.kind not in (EQ, COLON) or case.wrong != 2 or word not in _BINDINGS:
            return False
        outer = self._opener(0)
        head = outer.kind if isinstance(outer, Block) else outer
        made_up = head is DROPPED
        indented = not made_up and column(self.text, case.start) > column(self.text, head.start - self.base)
        if indented and (word not in _KINDS or case.kind != LBRACE):
            return False
        if not self._forgiven(outer):
            self._braced = indented
            message = f"`}}` is missing: {self._describe(outer)} is not closed before this line."
            related = (Related(f"{self._describe(outer)} starts here", (head.start, head.end)),)
            span = (tokens[0].start, tokens[1].end)
            self.problems.add(case.problem(message, "Close it with `}`.", span=span, related=related), damages=False)
        self._drop(level)
        at = case.start + self.base
        self._start_at(case.start, [(SEP, None), *[(RBRACE, at)] * depth, (SEP, None)], 0)
        return True

    def _colon_header(self, case: Case, level: int, depth: int) -> bool:
        """`pipeline bike:`, as in Python, with or without a brace: what follows is the body."""
        tokens = case.tokens
        at = case.wrong - 1 if case.wrong and tokens[case.wrong - 1].kind == COLON else case.wrong
        if depth or at != 2 or len(tokens) < 3 or [t.kind for t in tokens[:3]] != [NAME, NAME, COLON]:
            return False
        if case.word(0) not in _KINDS - _BINDINGS or any(t.first for t in tokens[1:3]):
            return False
        colon, after = tokens[2], case.at(3)
        braced = after is not None and after.kind == LBRACE
        if not braced and after is not None and not after.first:
            return False
        message = "A header ends in `{`, without a colon." if braced else "`{` is missing after the header of this block."
        advice = "Remove the colon." if braced else f"Write `{case.word(0)} {case.word(1)} {{`, and close the block with `}}`."
        text = "" if braced else " {"
        self.problems.add(case.problem(message, advice, text, span=(colon.start, colon.end)), damages=False)
        if not braced:
            self._excused = case.start
        self._drop(level)
        names: Seed = [
            (NAME, Name(t.start + self.base, t.end + self.base, self.text[t.start : t.end])) for t in tokens[:2]
        ]
        body = after.end if braced and after is not None else colon.end
        self._start_at(body, [*names, (LBRACE, colon.start + self.base), (SEP, None)], 1)
        return True

    def _orphan(self, case: Case, level: int, depth: int) -> bool:
        """A statement outside any block, with a `}` to come that closes nothing: a header was lost or a brace was too
        many. The rest of the body is read and dropped."""
        if depth or len(case.tokens) < 2 or case.tokens[0].kind not in (NAME, LBRACK):
            return False
        if case.start < self._no_orphan_before:
            return False
        found = orphan_end(self.text, case.start)
        if found is not None:
            self._no_orphan_before = found
            return False
        if self._headless != case.start and not self._braced:
            span = (case.tokens[0].start, case.tokens[0].end)
            message = f"`{case.word(0)}` stands outside any block."
            advice = "The block above is closed too early: remove the `}` that is too many."
            self.problems.add(case.problem(message, advice, span=span))
        self._braced = False
        self._drop(level)
        at = case.start + self.base
        self._start_at(case.start, [(NAME, DROPPED), (NAME, DROPPED), (LBRACE, at), (SEP, None)], 1)
        return True

    def _statement(self, case: Case, level: int, depth: int) -> None:
        """Any other error: drop the statement and go on after it."""
        trailing = self._trailing(case)
        known = self.problems.within(case.start + self.base, max(case.span()[1], case.offset + 1) + self.base)
        if trailing is not None:
            operator, resume = trailing
            word = self.text[operator.start : operator.end]
            if known is None:
                self.problems.add(
                    case.problem(f"`{word}` has nothing on its right.", "End the line before it, or go on after it.",
                                 span=(operator.start, operator.end))
                )  # fmt: skip
            self._drop(level)
            self._start_at(resume, [(SEP, None)], depth)
            return
        if known is not None and known.name == "too-deep":
            self._drop(level)
            resume = self._resync.past_deep(case.offset)
            self.problems.forget(max(known.start, case.offset + self.base) + 1, len(self.text) + self.base)
            self._start_at(resume, [(SEP, None)], depth)
            return
        resume, opens = self._resync.find(case.start, case.offset, case.kind)
        if case.continues:
            resume, opens = self._resync.find(case.start, case.tokens[case.wrong].start + 1, ERROR)
        if known is None:
            self.problems.add(
                unclosed(case, case.open_brackets())
                if resume <= case.offset and case.open_brackets()
                else explain(case)
            )
        self._drop(level)
        if not opens:
            if not depth and case.wrong and case.tokens[0].kind == NAME:
                self._headless = self._resync.next_token(resume)
            self._start_at(resume, [(SEP, None)], depth)
            return
        self._excused = resume
        brace = resume - 1 + self.base
        seed: Seed = [(NAME, DROPPED)] * (1 if depth else 2)
        self._start_at(resume, [*seed, (LBRACE, brace), (SEP, None)], depth + 1)

    def _trailing(self, case: Case) -> tuple[Token, int] | None:
        """(operator, where the next line starts) if a line ends in an operator and the next one is a statement."""
        tokens = case.tokens
        nested = 0
        for index, token in enumerate(tokens[: case.wrong + 1]):
            before = tokens[index - 1] if index else None
            if token.first and before is not None and not nested and before.kind in OPEN_ENDED - {COMMA}:
                after = tokens[index + 1].kind if index + 1 < len(tokens) else END
                starts = token.kind == NAME and after in (EQ, COLON, LBRACE, NAME, PIPE)
                # `dedupe [a]`, `expect not a`: two operands with nothing between them are a rule.
                rule = token.kind == NAME and case.wrong == index + 1 and after in _STARTING
                listed = token.kind == LBRACK and case.wrong == index
                if starts or rule or listed or token.kind == RBRACE:
                    return before, token.start
            if token.kind in CLOSING:
                nested -= 1
            elif token.kind in (NUMBER_OF["LPAR"], NUMBER_OF["LBRACK"]):
                nested += 1
        if case.kind in (RBRACE, END) and case.wrong and not nested and tokens[case.wrong - 1].kind in OPEN_ENDED:
            return tokens[case.wrong - 1], case.offset
        return None


def _stray(case: Case, past: int) -> Problem:
    """Braces that close nothing, all those of one line together."""
    end = case.offset + len(case.text[case.offset : past].rstrip())
    if end - case.offset == 1:
        return case.problem("This `}` closes nothing.", "Remove it.", "")
    written = case.text[case.offset : end]
    return case.problem(f"These `{written}` close nothing.", "Remove them.", "", span=(case.offset, end))
