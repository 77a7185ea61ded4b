"""What reading says against a file: as a whole, or of one field of one row."""

from __future__ import annotations

from dataclasses import dataclass

WANTED = "The import takes C3's invoice line download, or another system's invoice lines, as CSV, Excel or JSON."


class FileRefused(Exception):
    """The file as a whole cannot be imported; `str()` says why and what to do, for the page."""


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one field of one row; `field` is "" when it is the row as a whole."""

    row: int
    field: str
    reason: str


class EndsInTheMiddle(Exception):
    """The file ends before its content does."""
