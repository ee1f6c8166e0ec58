"""What every check of one compilation shares: the program so far, the bag, and the words for "did you mean"."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.diagnostics.suggest import nearest as nearest
from mlopsc.semantics.damage import Damage
from mlopsc.semantics.program import Decl, Program
from mlopsc.source import Span
from mlopsc.syntax import ast

# Names compared in all searches for a nearest one: a search through all names for each of very many unknown ones would take
# the square of a spec's length.
_MOST_COMPARED = 300_000
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Unknown names that a file which could not be read may have declared.
_OF_DECLARATIONS = frozenset({"unknown-name", "unknown-metric", "unknown-column"})


_BINDINGS = frozenset(("param", "connection", "channel", "metric"))


def _a(kind: str) -> str:
    return f"a {kind}" if kind in _BINDINGS else f"a {kind} block"


class Context:
    """`folder`: absolute folder of the spec as text, or None for standard input (the working folder then). `overrides`: the
    values that the chosen profile and `--set` put in place of a declaration's own: (name, dotted setting) -> (value,
    origin). `damage`: what could not be read. `strange`: the unknown names that were met, each perhaps a slip for one that
    then seems unused. `holes`: the kinds (of `catalog.schema`) of settings and arguments that have no value or a wrong one,
    where a name may be missing."""

    __slots__ = ("_compared", "_names", "bag", "damage", "folder", "holes", "overrides", "program", "read", "strange")

    def __init__(self, program: Program, bag: Bag, folder: str | None) -> None:
        self.program = program
        self.bag = bag
        self.folder = folder
        self.read: Callable[[str], bytes] | None = (
            None  # the content of a file by its path relative to the spec's folder
        )
        self.overrides: dict[tuple[str, str], tuple[ast.Value, str]] = {}
        self.damage = Damage()
        self.strange: list[str] = []
        self.holes: set[str] = set()
        self._names: dict[str, list[str]] = {}
        self._compared = 0

    def report(
        self,
        name: str,
        span: Span,
        message: str,
        *,
        help: str | None = None,
        edit: Edit | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:
        self.bag.report(name, span, message, help=help, edit=edit, related=related)

    def decl(self, name: ast.Name, kind: str) -> Decl | None:
        """The declaration that a bare reference names, marked as used; None after reporting when there is none of that
        kind."""
        found = self.program.decls.get(name.text)
        if found is not None and found.kind == kind:
            found.used = True
            return found
        if found is not None:
            found.used = True  # the one fault is its kind
            if (name.text, kind) not in self.damage.clashed:
                self.report("wrong-kind", name.span, f"{name.text} is {_a(found.kind)}, and {_a(kind)} is needed here.")
            return None
        self.unknown("unknown-name", name, f"No {kind} is named {name.text}.", self.names(kind), kinds=(kind,))
        return None

    def names(self, kind: str) -> list[str]:
        """The names of all declarations of a kind; asked for once all are entered."""
        if kind not in self._names:
            self._names[kind] = [d.name for d in self.program.decls.values() if d.kind == kind]
        return self._names[kind]

    def nearest(self, word: str, options: Collection[str]) -> str | None:
        """The option that `word` is probably a slip for; None where there is none, or after very many searches."""
        self._compared += len(options)
        return nearest(word, options) if self._compared <= _MOST_COMPARED else None

    def unknown(
        self, code: str, name: ast.Name, message: str, options: Iterable[str], *, kinds: tuple[str, ...] = ()
    ) -> None:
        """Report an unknown name with the nearest of `options` as help and edit, or the whole list where it is short. Silent
        where the name may be that of a declaration that could not be read; `kinds` are those that it may be of."""
        damage = self.damage
        if name.text in damage.lost or (damage.everything and code in _OF_DECLARATIONS):
            return
        if not damage.kinds.isdisjoint(kinds):
            return
        self.strange.append(name.text)
        known = list(options) if self._compared <= _MOST_COMPARED else []
        best = self.nearest(name.text, known)
        if best is None and kinds:
            self.holes.add("ref:" + "|".join(kinds))
        if best is not None:
            spelled = best if all(_PLAIN.fullmatch(part) for part in best.split(".")) else f"`{best}`"
            self.report(code, name.span, message, help=f"Did you mean {spelled}?", edit=Edit(name.span, spelled))
        elif known and len(known) <= 12:
            self.report(code, name.span, message, help="There are: " + ", ".join(sorted(set(known))) + ".")
        else:
            self.report(code, name.span, message)
