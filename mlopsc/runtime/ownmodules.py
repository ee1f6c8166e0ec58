"""Imports of the modules that a spec's author wrote.

They are always read from their text. Python takes a module's bytecode for current when the text has the size and the second
of its last change; a function edited twice in a second would then run as it was, under the key of what it has become.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


class _FromText(SourceFileLoader):
    """Reads and writes no bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def load_own(name: str, root: Path) -> ModuleType:
    """The module `name`, of `root` or installed. Raises what importing it raises."""
    find_under(root)
    return importlib.import_module(name)


def find_under(root: Path) -> None:
    """From now on, imports find the modules under `root`, each by its text."""
    folder = str(root)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if getattr(sys.path_importer_cache.get(folder), "own", None) is None:
        base = root.resolve()

        def finder(path: str) -> FileFinder:
            if path != folder and not Path(path).resolve().is_relative_to(base):
                raise ImportError
            if "site-packages" in Path(path).parts:
                raise ImportError  # an environment beside the spec: installed packages keep their bytecode
            found = FileFinder(path, (_FromText, [".py"]))
            found.own = True  # type: ignore[attr-defined]
            return found

        sys.path_hooks.insert(0, finder)
        for path in [p for p in sys.path_importer_cache if p == folder or p.startswith(folder + "/")]:
            del sys.path_importer_cache[path]
    importlib.invalidate_caches()
