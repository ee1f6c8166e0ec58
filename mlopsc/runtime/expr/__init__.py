"""Row expressions: one table of meanings, rendered as SQL for whole tables and as Python for single rows."""

from .python import to_python as to_python
from .sql import to_sql as to_sql
