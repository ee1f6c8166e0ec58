"""What every check of one compilation shares: the program so far, the bag, and the words for "did you mean"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.diagnostics.suggest import nearest as nearest
from mlopsc.semantics.damage import Damage
from mlopsc.semantics.program import Decl, Program
from mlopsc.source import Span
from mlopsc.syntax import ast

# A search through all names for each of very many unknown ones would take the square of a spec's length.
_MOST_SUGGESTIONS = 200
# Unknown names that a file which could not be read may have declared.
_OF_DECLARATIONS = frozenset({"unknown-name", "unknown-metric", "unknown-column"})


class Context:
    """`folder`: absolute folder of the spec as text, or None for standard input (the working folder then). `overrides`: the
    values that the chosen profile and `--set` put in place of a declaration's own: (name, dotted setting) -> (value,
    origin). `damage`: what could not be read. `strange`: the unknown names that were met, each perhaps a slip for one that
    then seems unused. `holes`: the kinds (of `catalog.schema`) of settings and arguments that have no value or a wrong one,
    where a name may be missing."""

    __slots__ = ("bag", "damage", "folder", "holes", "overrides", "program", "read", "strange")

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
            self.report("wrong-kind", name.span, f"{name.text} is a {found.kind}, and a {kind} is needed here.")
            return None
        self.unknown("unknown-name", name, f"No {kind} is named {name.text}.", self.names(kind), kinds=(kind,))
        return None

    def names(self, kind: str) -> list[str]:
        return [d.name for d in self.program.decls.values() if d.kind == kind]

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
        options = list(options) if len(self.strange) <= _MOST_SUGGESTIONS else []
        best = nearest(name.text, options)
        if best is None and kinds:
            self.holes.add("ref:" + "|".join(kinds))
        if best is not None:
            self.report(code, name.span, message, help=f"Did you mean {best}?", edit=Edit(name.span, best))
        elif options and len(options) <= 12:
            self.report(code, name.span, message, help="There are: " + ", ".join(sorted(options)) + ".")
        else:
            self.report(code, name.span, message)
