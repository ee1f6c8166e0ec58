"""What the parent imports before it forks, so that children share it. Imports only: no connection, no thread, no BLAS."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

PACKAGE = __name__.rpartition(".")[0]
_TYPE_OBJECTS = "duckdb._dbapi_type_object"
_NAMES = ("BINARY", "DATETIME", "NUMBER", "ROWID", "STRING", "DBAPITypeObject")


def duckdb() -> None:
    """Import DuckDB without the connection that its own import opens.

    duckdb 1.5 builds its DB-API type objects by parsing the type names BIGNUM and DECIMAL, for which it opens its default
    connection, and that a thread: a child forked from such a parent could wait for ever. Nothing here reads those objects,
    so empty ones stand in their place. Where the package is laid out otherwise, nothing is imported: each child does it.
    """
    if "duckdb" in sys.modules:
        return
    stub = ModuleType(_TYPE_OBJECTS)
    for name in _NAMES:
        setattr(stub, name, None)
    sys.modules[_TYPE_OBJECTS] = stub
    try:
        importlib.import_module("duckdb")
    except ImportError:
        sys.modules.pop(_TYPE_OBJECTS, None)
        for name in [name for name in sys.modules if name == "duckdb" or name.startswith("duckdb.")]:
            sys.modules.pop(name)


def own(settings: dict[str, Any]) -> None:
    """A step that needs nothing but this runtime."""
    importlib.import_module(f".{settings['kind']}", PACKAGE)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Modules are no garbage: looking for some while importing takes a fifth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def data(settings: dict[str, Any]) -> None:
    """A step on rows."""
    with _uncollected():
        duckdb()
        importlib.import_module(f".data.{settings['kind']}", PACKAGE)


def split(settings: dict[str, Any]) -> None:
    with _uncollected():
        importlib.import_module("numpy")
    data(settings)


def model(settings: dict[str, Any]) -> None:
    """Training, evaluation, gates: the libraries of the model's own algorithms."""
    with _uncollected():
        duckdb()
        importlib.import_module(".ml.libraries", PACKAGE).warm(settings)
        with contextlib.suppress(ImportError):
            importlib.import_module(f".ml.{settings['kind']}", PACKAGE)
