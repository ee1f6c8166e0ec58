"""The words for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option within an edit distance of a third of its length (at least 1, but no other name of one or two letters), the
    nearest first; None if there is none.

    Options of a very different length are passed over before any distance is computed, so the search stays linear."""
    lowered = word.lower()
    best: tuple[int, str] | None = None
    for option in options:
        longer = max(len(word), len(option))
        limit = max(1, longer // 3) if longer > 2 else 0
        if abs(len(option) - len(word)) > limit:
            continue
        far = 0 if option.lower() == lowered else distance(lowered, option.lower(), limit)
        if far <= limit and (best is None or (far, option) < best):
            best = (far, option)
    return best[1] if best else None


def distance(a: str, b: str, limit: int) -> int:
    """Edit distance with transpositions (optimal string alignment); limit + 1 as soon as it must exceed `limit`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            cost = min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            new.append(cost)
        if min(new) > limit:
            return limit + 1
        before, row = row, new
    return row[-1]
