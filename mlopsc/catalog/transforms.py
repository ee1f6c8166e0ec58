"""The transforms that may stand right of |>: their arguments, what they take and what they give.

The same names are implemented in `mlopsc.runtime.ml`; `mlopsc.semantics.pipes` checks with this table.
"""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.catalog.schema import Argument, CallSpec

NUMBERS = frozenset({"int", "float", "bool"})
LEVELS = frozenset({"category", "string", "int", "bool"})
TEXTS = frozenset({"category", "string"})
ANY = frozenset({"int", "float", "bool", "string", "category", "date", "timestamp", "duration"})


class Transform(NamedTuple):
    """`takes`: kinds of type that may enter. `gives`: the kind that leaves ("same": what entered). `nulls`: "keeps" (a null
    stays null), "fills" (none leaves), "refuses" (none may enter). `joins`: all inputs become one block of columns,
    numbered. `widens`: one input becomes several columns."""

    spec: CallSpec
    takes: frozenset[str]
    gives: str = "float"
    nulls: str = "keeps"
    joins: bool = False
    widens: bool = False


def _table(*transforms: Transform) -> dict[str, Transform]:
    return {t.spec.name: t for t in transforms}


TRANSFORMS: dict[str, Transform] = _table(
    Transform(
        CallSpec(
            "impute",
            "Fills nulls with what the training rows show: the median of numbers, else the most frequent value.",
            (
                Argument("strategy", "choice:median|mean|most_frequent", "Which value to fill in; by default by type."),
                Argument("constant", "literal", "A fixed value to fill in."),
            ),
        ),
        takes=NUMBERS | TEXTS,
        gives="same",
        nulls="fills",
    ),
    Transform(CallSpec("standardize", "Centres on the mean and divides by the standard deviation."), NUMBERS),
    Transform(CallSpec("minmax", "Scales the training rows' range to 0..1."), NUMBERS),
    Transform(CallSpec("robust", "Centres on the median and divides by the interquartile range."), NUMBERS),
    Transform(
        CallSpec("log", "The logarithm of 1 + x with the sign of x kept, so that every number has one."), NUMBERS
    ),
    Transform(CallSpec("power", "Yeo-Johnson's power transform, standardized."), NUMBERS),
    Transform(CallSpec("quantile", "Maps to the ranks of the training rows, 0..1."), NUMBERS),
    Transform(
        CallSpec(
            "onehot",
            "One column of 0 and 1 for each level of the training rows; an unseen level is all zeros, a null a level of its own.",
            (Argument("min_share", "share", "Levels in fewer training rows than this share one column.", lo=0, hi=1),),
        ),
        LEVELS,
        nulls="fills",
        widens=True,
    ),
    Transform(
        CallSpec(
            "ordinal", "The number of the level: as listed, else in text order; an unseen level is -1, a null -2."
        ),
        LEVELS,
        gives="int",
        nulls="fills",
    ),
    Transform(
        CallSpec("target_encode", "The smoothed mean of the target for each level, out of fold on training rows."),
        LEVELS,
        nulls="fills",
        widens=True,
    ),
    Transform(
        CallSpec(
            "bin",
            "The number of the quantile bin.",
            (Argument("n", "int", "How many bins.", required=True, lo=2, hi=10_000),),
        ),
        NUMBERS,
        gives="int",
    ),
    Transform(
        CallSpec(
            "hash",
            "Spreads levels over n columns by a hash of their text.",
            (Argument("n", "int", "How many columns.", required=True, lo=1, hi=2**20),),
        ),
        LEVELS,
        nulls="fills",
        widens=True,
    ),
    Transform(
        CallSpec(
            "tfidf",
            "Term frequencies weighted by inverse document frequency.",
            (Argument("max_features", "int", "How many terms at most.", lo=1, hi=10_000_000),),
        ),
        TEXTS,
        nulls="fills",
        widens=True,
    ),
    Transform(
        CallSpec(
            "pca",
            "The first n principal components of all inputs together.",
            (Argument("n", "int", "How many components.", required=True, lo=1, hi=100_000),),
        ),
        NUMBERS,
        nulls="refuses",
        joins=True,
    ),
    Transform(
        CallSpec(
            "select_best",
            "The n input columns that a univariate test ties most closely to the target.",
            (Argument("n", "int", "How many columns.", required=True, lo=1, hi=100_000),),
        ),
        NUMBERS,
        nulls="refuses",
        joins=True,
    ),
    Transform(
        CallSpec(
            "sklearn",
            "Any scikit-learn transformer, by its class; its arguments are checked against the class at check --data and run.",
            (Argument("class", "string", "package.Class", required=True),),
            open=True,
        ),
        ANY,
        nulls="fills",
        widens=True,
    ),
)
