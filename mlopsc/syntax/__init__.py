"""Text to syntax tree, and back to the canonical layout."""

from mlopsc.syntax.parser import parse
from mlopsc.syntax.reading import read_source

__all__ = ["parse", "read_source"]
