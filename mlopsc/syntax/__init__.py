"""Text to syntax tree; `mlopsc.syntax.format` goes back to the canonical layout, which few commands need."""

from mlopsc.syntax.parser import parse
from mlopsc.syntax.reading import read_source

__all__ = ["parse", "read_source"]
