"""The settings of a block, read by its table: names, duplicates, kinds, units, bounds, defaults.

Every statement that the table does not accept is reported here, too (unknown verbs and sections, bare calls, columns or
selections where none may stand), so no block's own check needs to.
"""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.catalog.schema import MISSING, BlockSpec, RuleSpec, SettingSpec
from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics.constants import constant, default_call, note_hole
from mlopsc.semantics.context import Context, nearest
from mlopsc.semantics.damage import Gap
from mlopsc.semantics.program import Decl, Value
from mlopsc.source import Span
from mlopsc.syntax import ast

__all__ = ["constant", "read_settings", "header", "clauses", "find_setting", "setting_paths"]


# What a block of some kind knows is no slip in another.
_VOCABULARY = frozenset(
    name
    for block in BLOCKS.values()
    for part in (block, *block.sections)
    for name in (*(s.name for s in part.settings), *(r.verb for r in part.rules))
)


class Written(NamedTuple):
    path: str
    spec: SettingSpec
    span: Span  # of the name
    node: ast.Value


def read_settings(ctx: Context, decl: Decl, body: list[ast.Statement], spec: BlockSpec, *, prefix: str = "") -> None:
    """Fill `decl.settings` with every setting that is written, overridden or has a default, under dotted names for
    sections; a setting that could not be understood is absent. In a block with selections (`features`), `name =
    expression` is a feature and left alone. Settings of kind `row` and `any` hold their node."""
    decl.tried |= {name for gap in ctx.damage.of(decl.node) for name in _lost(gap, spec)}
    written = _collect(ctx, decl, body, spec, prefix, {}, {})
    for item in written.values():
        met = len(ctx.strange)
        value = _read(ctx, item.node, item.spec, item.path)
        if value is None:
            decl.tried.add(item.path)
            note_hole(ctx, item.node, item.spec.kind, met)
        else:
            decl.settings[item.path] = value
    for path, setting in _all_settings(spec, prefix):
        override = ctx.overrides.get((decl.name, path))
        if override is not None:
            _override(ctx, decl, path, setting, override)
        elif path not in decl.settings and path not in decl.tried:
            _default(ctx, decl, path, setting)


def _read(ctx: Context, node: ast.Value, setting: SettingSpec, path: str) -> Value | None:
    return constant(ctx, node, setting.kind, what=path, lo=setting.lo, hi=setting.hi)


def _override(ctx: Context, decl: Decl, path: str, setting: SettingSpec, override: tuple[ast.Value, str]) -> None:
    node, origin = override
    value = _read(ctx, node, setting, path)
    if value is not None:
        decl.settings[path] = Value(value.value, value.span, origin)


def _default(ctx: Context, decl: Decl, path: str, setting: SettingSpec) -> None:
    span = decl.node.name.span
    if setting.required and decl.lacks(path):
        ctx.holes.add(setting.kind)
        hint = f"Write {path} = …, {setting.doc[0].lower()}{setting.doc[1:]}"
        ctx.report("missing-setting", span, f"{decl.kind} {decl.name} needs {path}.", help=hint)
    elif not setting.required and setting.default is not MISSING:
        default: object = setting.default
        if setting.kind.startswith("call:"):
            default = default_call(setting.kind[5:], str(default), span)
        decl.settings[path] = Value(default, span, "default")


def _all_settings(spec: BlockSpec, prefix: str) -> list[tuple[str, SettingSpec]]:
    found = [(prefix + setting.name, setting) for setting in spec.settings]
    for section in spec.sections:
        found += _all_settings(section, f"{prefix}{section.kind}.")
    return found


def setting_paths(spec: BlockSpec) -> list[str]:
    """The dotted names of a block's leaf settings."""
    return [path for path, _ in _all_settings(spec, "")]


def find_setting(spec: BlockSpec, path: str) -> SettingSpec | None:
    """The leaf setting of a dotted path."""
    for known, setting in _all_settings(spec, ""):
        if known == path:
            return setting
    return None


# --- statements -------------------------------------------------------------------------------------------------------


def _lost(gap: Gap, spec: BlockSpec) -> list[str]:
    """What the unreadable text of a block stands for."""
    section = next((s for s in spec.sections if s.kind == gap.section), None)
    if section is None:
        return [_meant(gap.first, spec)]
    if section.columns:
        return []
    meant = _meant(gap.first, section)
    return [meant if meant == "*" else f"{section.kind}.{meant}"]


def _meant(word: str | None, spec: BlockSpec) -> str:
    """The setting, section or verb that a misunderstood statement starting with `word` stands for; "*" where any may be
    meant."""
    if word is None:
        return "*"
    if word in _VOCABULARY:
        return word
    known = [*(s.name for s in spec.settings), *(r.verb for r in spec.rules), *(s.kind for s in spec.sections)]
    return nearest(word, known) or "*"


def _collect(
    ctx: Context,
    decl: Decl,
    body: list[ast.Statement],
    spec: BlockSpec,
    prefix: str,
    written: dict[str, Written],
    sections: dict[str, Span],
) -> dict[str, Written]:
    """The settings as written, first one of each name; everything that has no place in the block is reported."""
    for statement in body:
        if isinstance(statement, ast.Setting):
            _setting(ctx, decl, statement, spec, prefix, written)
        elif isinstance(statement, ast.Section):
            _section(ctx, decl, statement, spec, prefix, written, sections)
        elif isinstance(statement, ast.Rule):
            _rule(ctx, decl, statement, spec)
        elif isinstance(statement, ast.Column):
            if not spec.columns:
                decl.tried.add(_meant(statement.name.text, spec))
                holder = next((s.kind for s in spec.sections if s.columns), None)
                hint = f"Columns stand in a section: {holder} {{ … }}." if holder else None
                message = f"A {_title(spec, prefix)} has no columns of its own."
                ctx.report("misplaced-statement", statement.name.span, message, help=hint)
        elif not spec.selections:
            _stray_selection(ctx, decl, statement, spec, prefix)
    return written


def _title(spec: BlockSpec, prefix: str) -> str:
    return f"{spec.kind} section" if prefix or spec.columns else f"{spec.kind} block"


def _stray_selection(ctx: Context, decl: Decl, statement: ast.Selection, spec: BlockSpec, prefix: str) -> None:
    decl.tried.add(_meant(statement.item.text if isinstance(statement.item, ast.Name) else None, spec))
    if isinstance(statement.item, ast.Name) and not statement.pipe:
        if spec.columns:
            message = f"The column {statement.item.text} has no type."
            ctx.report("misplaced-statement", statement.span, message, help=f"Write {statement.item.text} : TYPE.")
            return
        verbs = {rule.verb for rule in spec.rules}
        names = {setting.name for setting in spec.settings}
        word = statement.item.text
        if word in verbs:
            ctx.damage.torn = True
            ctx.report("misplaced-statement", statement.span, f"{word} needs an expression after it.")
            return
        if word in names:
            ctx.damage.torn = True
            ctx.report("misplaced-statement", statement.span, f"{word} needs a value.", help=f"Write {word} = ….")
            return
    ctx.report("misplaced-statement", statement.span, f"A {_title(spec, prefix)} has no place for this.")


def _setting(
    ctx: Context, decl: Decl, node: ast.Setting, spec: BlockSpec, prefix: str, written: dict[str, Written]
) -> None:
    words = [part.text for part in node.path]
    at = spec
    inner = prefix
    for word in words[:-1]:
        section = next((s for s in at.sections if s.kind == word), None)
        if section is None:
            if not (spec.open or (at.selections and len(words) == 1)):
                decl.tried.add("*")
                known = [s.kind for s in at.sections if s.settings]
                ctx.unknown("unknown-setting", node.path[0], f"A {_title(spec, prefix)} has no section {word}.", known)
            return
        at, inner = section, f"{inner}{word}."
    if at.open or (at.selections and len(words) == 1):
        return
    name = node.path[-1]
    setting = next((s for s in at.settings if s.name == name.text), None)
    if setting is None:
        meant = _meant(name.text, at)
        decl.tried.add(meant if meant == "*" else inner + meant)
        if at.columns and len(node.path) == 1:
            _no_colon(ctx, name, node.value)
        else:
            _unknown_setting(ctx, name, at, inner)
        return
    path = inner + name.text
    if path in written:
        earlier = (Related("first given here", written[path].span),)
        ctx.report("duplicate-setting", name.span, f"{path} is given twice.", related=earlier)
        return
    written[path] = Written(path, setting, name.span, node.value)


def _no_colon(ctx: Context, name: ast.Name, value: ast.Value) -> None:
    """`age int` and `age = int` in a columns section."""
    kind = value
    while isinstance(kind, ast.In):
        kind = kind.item
    word = kind.text if isinstance(kind, ast.Name) else kind.func.text if isinstance(kind, ast.Call) else None
    shown = f"`{name.text}`" if name.quoted else name.text
    hint = f"Write {shown} : {word or 'TYPE'}{'(…)' if isinstance(kind, ast.Call) else ''}."
    edit = Edit((name.end, kind.start), " : ") if word is not None else None
    message = f"A colon stands between the name of a column and its type, and {name.text} has none."
    ctx.report("misplaced-statement", name.span, message, help=hint, edit=edit)


def _unknown_setting(ctx: Context, name: ast.Name, at: BlockSpec, inner: str) -> None:
    sections = {s.kind for s in at.sections}
    if name.text in sections:
        message = f"{name.text} is a section."
        ctx.report("misplaced-statement", name.span, message, help=f"Write {name.text} {{ … }}.")
        return
    known = [s.name for s in at.settings]
    for section in at.sections:
        if any(s.name == name.text for s in section.settings):
            message = f"{name.text} stands in the section {section.kind}."
            full = f"{section.kind}.{name.text}"
            ctx.report("unknown-setting", name.span, message, help=f"Write {full} = ….", edit=Edit(name.span, full))
            return
    ctx.unknown("unknown-setting", name, f"A {_title(at, inner)} has no setting {name.text}.", known)


def _section(
    ctx: Context,
    decl: Decl,
    node: ast.Section,
    spec: BlockSpec,
    prefix: str,
    written: dict[str, Written],
    sections: dict[str, Span],
) -> None:
    if spec.open:
        ctx.report("misplaced-statement", node.name.span, f"A {spec.kind} block has no sections.")
        return
    section = next((s for s in spec.sections if s.kind == node.name.text), None)
    if section is None:
        decl.tried.add(_meant(node.name.text, spec))
        known = [s.kind for s in spec.sections]
        ctx.unknown("unknown-setting", node.name, f"A {_title(spec, prefix)} has no section {node.name.text}.", known)
        return
    path = prefix + section.kind
    if path in sections:
        earlier = (Related("first given here", sections[path]),)
        ctx.report("duplicate-setting", node.name.span, f"The section {path} is given twice.", related=earlier)
        return
    sections[path] = node.name.span
    _collect(ctx, decl, node.body, section, path + ".", written, sections)


def _rule(ctx: Context, decl: Decl, node: ast.Rule, spec: BlockSpec) -> None:
    rule = next((r for r in spec.rules if r.verb == node.verb.text), None)
    if rule is not None:
        clauses(ctx, node, rule)
        return
    decl.tried.add(_meant(node.verb.text, spec))
    if node.called and spec.selections:
        message = f"{node.verb.text}(…) computes a feature, and a feature needs a name."
        ctx.report("bare-call", node.span, message, help=f"Give the feature a name: NAME = {node.verb.text}(…).")
        return
    if spec.columns:
        _no_colon(ctx, node.verb, node.expr)
        return
    known = [r.verb for r in spec.rules]
    setting = next((s for s in spec.settings if s.name == node.verb.text), None)
    if setting is not None:
        message = f"{node.verb.text} is a setting."
        ctx.report("unknown-rule", node.verb.span, message, help=f"Write {node.verb.text} = ….")
        return
    article = "A" if known else "No rule stands in a"
    what = f"{article} {spec.kind} block has no rule {node.verb.text}." if known else f"{article} {spec.kind} block."
    ctx.unknown("unknown-rule", node.verb, what, known)


def clauses(ctx: Context, node: ast.Rule, spec: RuleSpec) -> dict[str, ast.Clause]:
    """The clauses of a rule by their word; unknown, repeated and missing ones are reported."""
    found: dict[str, ast.Clause] = {}
    for clause in node.clauses:
        word = clause.word.text
        if word not in spec.clauses:
            message = (
                f"A {spec.verb} rule has no clause {word} here." if spec.clauses else f"{spec.verb} takes no clause."
            )
            ctx.unknown("unknown-clause", clause.word, message, spec.clauses)
        elif word in found:
            earlier = (Related("first given here", found[word].word.span),)
            ctx.report("duplicate-clause", clause.word.span, f"{word} is given twice.", related=earlier)
        else:
            found[word] = clause
    strange = any(clause.word.text not in spec.clauses for clause in node.clauses)
    for word in spec.required_clauses if not strange else ():
        if word not in found:
            ctx.holes |= {"calls:actions"} if spec.scope == "monitor" else set()
            ctx.report("missing-clause", node.verb.span, f"A {spec.verb} rule needs {word}.")
    return found


def header(ctx: Context, block: ast.Block, spec: BlockSpec) -> dict[str, Decl | None]:
    """The declarations that a block's header names, by clause word; None where one is missing or wrong (reported)."""
    found: dict[str, Decl | None] = {}
    wanted = dict(spec.header)
    strange = False
    for clause in block.clauses:
        word = clause.word.text
        if word not in wanted:
            strange = True
            known = ", ".join(f"{w} {k.upper()}" for w, k in spec.header)
            hint = f"Write {spec.kind} {block.name.text} {known} {{ … }}." if known else None
            ctx.report("header-clause", clause.word.span, f"A {spec.kind} block takes no {word} here.", help=hint)
        elif word in found:
            ctx.report("duplicate-clause", clause.word.span, f"{word} is given twice.")
        elif len(clause.atoms) == 1 and isinstance(clause.atoms[0], ast.Name):
            found[word] = ctx.decl(clause.atoms[0], wanted[word])
        else:
            found[word] = None
            ctx.report("header-clause", clause.span, f"{word} takes the name of one {wanted[word]}.")
    for word, kind in spec.header:
        if word not in found:
            found[word] = None
            if strange:
                continue
            ctx.holes.add(f"ref:{kind}")
            message = f"{spec.kind} {block.name.text} needs its {kind}."
            hint = f"Write {spec.kind} {block.name.text} {word} {kind.upper()} {{ … }}."
            ctx.report("header-clause", block.name.span, message, help=hint)
    return found
