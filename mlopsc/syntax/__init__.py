"""Text to syntax tree, and back to the canonical layout."""

from mlopsc.syntax.format import format_file, format_source
from mlopsc.syntax.parser import parse
from mlopsc.syntax.reading import read_source

__all__ = ["format_file", "format_source", "parse", "read_source"]
