"""Two stores as one: what a task computes with lies in a folder of its own, what is decided in the store that all share.

Data comes and goes as KFP artifacts; the shared store holds journal, versions and the records of runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlopsc_runtime.store import io, runs
from mlopsc_runtime.store.objects import Store, canonical, safe_name


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

    def journal(self) -> Any:
        return self.shared.journal()

    def pinned(self, champions: dict[str, Any]) -> Joined:
        seen = Joined(self.root, self.shared)
        seen._trusted = self._trusted
        seen._pinned = champions
        return seen

    def share(self, digest: str) -> None:
        """Keep an object in the shared store, too."""
        if not self.shared.has(digest):
            self.shared.put(self.path(digest))


def _place(shared: Store, run: str, step: str) -> Path:
    folder: Path = runs.folder(shared, run) / "steps"
    if shared.bucket is None and not folder.exists():
        shared.make_folder(folder.parent)
        shared.make_folder(folder)
    return folder / f"{safe_name(step)}.json"


def record(shared: Store, run: str, step: str, outcome: dict[str, Any]) -> None:
    """How a step ended in a run: what the last task tells the run's result from."""
    shared.replace(_place(shared, run, step), canonical(outcome))


def recorded(shared: Store, run: str, step: str) -> dict[str, Any] | None:
    found = shared.record(_place(shared, run, step))
    assert found is None or isinstance(found, dict)
    return found
