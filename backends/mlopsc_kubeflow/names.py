"""Names that Kubernetes and KFP take, for names that a spec may spell with any character."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LONGEST = 60  # characters; a label value of Kubernetes takes 63


def kebab(text: str) -> str:
    """Lower-case letters, digits and single dashes, beginning with a letter; never empty."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return found if found[:1].isalpha() else f"p-{found}".rstrip("-")


def word(text: str) -> str:
    """Letters, digits and underscores, beginning with a letter; never empty."""
    found = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    return found if found[:1].isalpha() else f"p_{found}".rstrip("_")


def unique(texts: Iterable[str], taken: Iterable[str] = (), *, dashes: bool = True) -> dict[str, str]:
    """A name for each text, no two alike and none of `taken`: cut where it is too long, and told apart by eight digits of
    the text's hash where cutting or replacing made it ambiguous. A text's name depends on the texts, not on their order."""
    make, joint = (kebab, "-") if dashes else (word, "_")
    wanted = {text: make(text) for text in dict.fromkeys(texts)}
    counts: dict[str, int] = dict.fromkeys(taken, 2)
    for name in wanted.values():
        counts[name] = counts.get(name, 0) + 1
    found = {}
    for text, name in wanted.items():
        if counts[name] > 1 or len(name) > LONGEST:
            mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            name = f"{name[: LONGEST - 9].rstrip(joint)}{joint}{mark}"
        found[text] = name
    return found
