"""Two stores as one: what a task computes with lies in a folder of its own, what is decided in the store that all share.

Data comes and goes as KFP artifacts; the shared store holds journal, versions and the records of runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlopsc_runtime.store import io, runs
from mlopsc_runtime.store.journal import now_text
from mlopsc_runtime.store.objects import Store, canonical, safe_name

RUNNING = "running"  # the status of a step's first record in a run


class Joined(Store):  # type: ignore[misc]
    """Objects are put into the folder `root` and found there or in `shared`; journal and registry are the shared one's."""

    def __init__(self, root: Path, shared: Store) -> None:
        super().__init__(root)
        self.shared = shared

    @classmethod
    def make(cls, root: Path, shared: Store, run: str) -> Joined:
        Store.open(root)
        found = cls(root, shared)
        io.make_folder(runs.folder(found, run))
        return found

    def path(self, digest: str) -> Path:
        store: Any = super() if self.place(digest).exists() else self.shared
        return Path(store.path(digest))

    def has(self, digest: str) -> bool:
        return self.place(digest).exists() or bool(self.shared.has(digest))

    def trust(self, digest: str, known: Any) -> bool:
        """Whether those who come later find it whole: where the shared store holds it, that copy counts and no other."""
        store: Any = self.shared if self.shared.has(digest) else super()
        return bool(store.trust(digest, known))

    def signature(self, digest: str) -> Any:
        return self.shared.signature(digest) or super().signature(digest)

    def prove(self, digest: str) -> None:
        if self.shared.has(digest):
            self.shared.prove(digest)
        else:
            super().prove(digest)

    def journal(self) -> Any:
        return self.shared.journal()

    def pinned(self, champions: dict[str, Any]) -> Joined:
        seen = Joined(self.root, self.shared)
        seen._trusted = self._trusted
        seen._pinned = champions
        return seen

    def share(self, digest: str) -> None:
        """Keep an object in the shared store, too, whole even where it was damaged there."""
        if not self.shared.trust(digest, self.shared.signature(digest)):
            self.shared.put(self.path(digest))


def _place(shared: Store, run: str, step: str) -> Path:
    folder: Path = runs.folder(shared, run) / "steps"
    if shared.bucket is None and not folder.exists():
        shared.make_folder(folder.parent)
        shared.make_folder(folder)
    return folder / f"{safe_name(step)}.json"


def record(shared: Store, run: str, step: str, outcome: dict[str, Any]) -> None:
    """How a step ended in a run, or that it is at work ("running"): what the last task tells the run's result from. `began`
    in it is the time of the step's first record."""
    began = (recorded(shared, run, step) or {}).get("began") or now_text()
    shared.replace(_place(shared, run, step), canonical({**outcome, "began": began}))


def recorded(shared: Store, run: str, step: str) -> dict[str, Any] | None:
    found = shared.record(_place(shared, run, step))
    assert found is None or isinstance(found, dict)
    return found
