"""The back end of a name, whole: for `compile` only, because it brings pydantic and jinja2 along."""

from __future__ import annotations

import importlib

from mlopsc.target.protocol import Backend
from mlopsc.target.registry import reference


def backend(name: str) -> Backend:
    """UnknownTarget where none is installed under `name`."""
    module, _, attribute = reference(name).partition(":")
    found: Backend = getattr(importlib.import_module(module), attribute)
    return found
