"""Fitted transforms of levels: text, int and bool become numbers by what the training rows showed.

Each stage is fitted once (`fit`), applied to any rows (`apply`) and kept as JSON (`state`, `KIND(**state)`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .columns import Floats, Ints
from .libraries import load
from .parts import Codes, Indicator, Part, rows

UNSEEN, NULL = -1, -2


@dataclass
class LevelIndex:
    """Levels in a fixed order. `numeric`: levels are numbers (int or bool columns), else text."""

    levels: list[Any]
    numeric: bool
    _lookup: dict[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(cls, part: Part, named: Sequence[str] | None) -> LevelIndex:
        """Named levels as listed, then others of the rows of `part`: text in text order, numbers by size."""
        if isinstance(part, Codes):
            listed = list(named or ())
            seen = {level for level, count in zip(part.levels, _counts(part)[:-1].tolist(), strict=True) if count}
            return cls([*listed, *sorted(seen.difference(listed))], False)
        values = np.unique(_single(part))
        return cls(values[~np.isnan(values)].tolist(), True)

    def of(self, part: Part) -> Ints:
        """Position of each row's level; UNSEEN or NULL where it has none."""
        if isinstance(part, Codes):
            coded: Ints = self.of_codes(part)[part.values]
            return coded
        values = _single(part)
        known = np.array(self.levels, dtype=np.float64)
        if not len(known):
            return np.where(np.isnan(values), NULL, UNSEEN)
        at = np.minimum(np.searchsorted(known, values), len(known) - 1)
        found = np.where(known[at] == values, at, UNSEEN)
        return np.where(np.isnan(values), NULL, found)

    def of_codes(self, part: Codes) -> Ints:
        """Position of the level of each of the part's codes, and of null in the last place, which code -1 takes."""
        if not self._lookup:
            self._lookup = {level: at for at, level in enumerate(self.levels)}
        return np.array([*(self._lookup.get(level, UNSEEN) for level in part.levels), NULL], dtype=np.int64)

    def counts(self, part: Part) -> tuple[Ints, bool]:
        """Rows of each level, and whether there are nulls."""
        if isinstance(part, Codes):
            by_code, at = _counts(part), self.of_codes(part)
            found = np.zeros(len(self.levels), dtype=np.int64)
            np.add.at(found, at[at >= 0], by_code[at >= 0])
            return found, bool(by_code[-1])
        at = self.of(part)
        return np.bincount(at[at >= 0], minlength=len(self.levels)), bool((at == NULL).any())

    def texts(self) -> list[str]:
        return [_number_text(level) if self.numeric else level for level in self.levels]


def _counts(part: Codes) -> Ints:
    """Rows of each code, those of null last."""
    found: Ints = np.bincount(np.where(part.values < 0, len(part.levels), part.values), minlength=len(part.levels) + 1)
    return found


def _number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _single(part: Part) -> NDArray[np.float64]:
    assert isinstance(part, np.ndarray)
    return part[:, 0]


@dataclass
class OneHot:
    """One column a level, then one for rare levels where there are any, then one for null where the type has nulls.
    Levels in fewer training rows than `min_share` share the column of the rare; an unseen level is all zeros."""

    KIND: ClassVar[str] = "onehot"
    index: LevelIndex
    columns: list[int]  # of each level
    null: int  # column of null, -1: none
    size: int

    @classmethod
    def fit(cls, part: Part, named: Sequence[str] | None, nullable: bool, min_share: float) -> OneHot:
        index = LevelIndex.fit(part, named)
        counts, nulls = index.counts(part)
        rare = counts < min_share * rows(part)
        columns, size = [], int((~rare).sum())
        frequent = iter(range(size))
        for is_rare in rare.tolist():
            columns.append(size if is_rare else next(frequent))
        size += bool(rare.any())
        null = size if nullable or nulls else -1
        return cls(index, columns, null, size + (null >= 0))

    def apply(self, part: Part) -> Indicator:
        table = np.array([*self.columns, self.null, -1], dtype=np.int32)  # NULL is -2, UNSEEN -1: from the end
        if isinstance(part, Codes):
            return Indicator(table[self.index.of_codes(part)][part.values], self.size)
        return Indicator(table[self.index.of(part)], self.size)

    def names(self, name: str) -> list[str]:
        found = [""] * self.size
        for column, level in zip(self.columns, self.index.texts(), strict=True):
            found[column] = f"{name}=(rare)" if self.columns.count(column) > 1 else f"{name}={level}"
        if self.null >= 0:
            found[self.null] = f"{name}=(null)"
        return found


@dataclass
class Ordinal:
    """The number of the level, from 0; an unseen level is -1, a null -2."""

    KIND: ClassVar[str] = "ordinal"
    index: LevelIndex

    @classmethod
    def fit(cls, part: Part, named: Sequence[str] | None) -> Ordinal:
        return cls(LevelIndex.fit(part, named))

    def apply(self, part: Part) -> Part:
        return self.index.of(part).astype(np.float64).reshape(-1, 1)


@dataclass
class TargetEncode:
    """The smoothed mean of the target for each level (one column a class where there are more than two); null is a level,
    an unseen level gets the target's mean. Micci-Barreca 2001, with scikit-learn's empirical Bayes smoothing."""

    KIND: ClassVar[str] = "target_encode"
    index: LevelIndex
    table: list[list[float]]  # one row a level, then unseen, then null

    @classmethod
    def fit(
        cls, part: Part, named: Sequence[str] | None, y: NDArray[Any], task: str, seed: int
    ) -> tuple[TargetEncode, Part]:
        """The stage, and the training rows' own values, each encoded by folds that it is not in."""
        index = LevelIndex.fit(part, named)
        codes = index.of(part)
        selection = load("sklearn.model_selection")
        splitter = selection.KFold if task == "regression" else selection.StratifiedKFold
        encoder = load("sklearn.preprocessing").TargetEncoder(
            target_type={"regression": "continuous"}.get(task, task),
            cv=splitter(5, shuffle=True, random_state=seed),
        )
        out_of_fold = np.ascontiguousarray(encoder.fit_transform(codes.reshape(-1, 1), y), dtype=np.float64)
        means = np.atleast_1d(encoder.target_mean_).astype(float)
        known = {int(code): at for at, code in enumerate(encoder.categories_[0])}
        encodings = np.array(encoder.encodings_).T.reshape(-1, len(means))
        rows = [*range(len(index.levels)), UNSEEN, NULL]
        table = [(encodings[known[code]] if code in known else means).tolist() for code in rows]
        return cls(index, table), out_of_fold

    def apply(self, part: Part) -> Part:
        at = self.index.of(part)
        levels = len(self.index.levels)
        return np.array(self.table)[np.where(at >= 0, at, np.where(at == UNSEEN, levels, levels + 1))]


@dataclass
class Hash:
    """n columns; a level adds 1 or -1 to the column that its hash names (Weinberger et al. 2009). Nulls are all zeros."""

    KIND: ClassVar[str] = "hash"
    n: int

    def apply(self, part: Part) -> Part:
        if not isinstance(part, Codes):
            values = _single(part)
            uniques, at = np.unique(values, return_inverse=True)
            at = np.where(np.isnan(values), -1, at)
            levels = [_number_text(value) for value in uniques.tolist()]
            part = Codes(at, levels)
        hasher = load("sklearn.feature_extraction").FeatureHasher(n_features=self.n, input_type="string")
        table = np.zeros((len(part.levels) + 1, self.n))
        if part.levels:
            table[:-1] = hasher.transform([[level] for level in part.levels]).toarray()
        hashed: Floats = table[part.values]
        return hashed


def state(stage: OneHot | Ordinal | TargetEncode | Hash) -> dict[str, Any]:
    found = asdict(stage)
    if "index" in found:
        del found["index"]["_lookup"]
    return {"kind": stage.KIND, **found}


KINDS: dict[str, type[Any]] = {kind.KIND: kind for kind in (OneHot, Ordinal, TargetEncode, Hash)}


def restore(saved: dict[str, Any]) -> Any:
    fields = {name: value for name, value in saved.items() if name != "kind"}
    if "index" in fields:
        fields["index"] = LevelIndex(**fields["index"])
    return KINDS[saved["kind"]](**fields)
