"""The bounds that keep a hostile file from filling the memory."""

from __future__ import annotations

from collections.abc import Sequence

from invoices.reading.errors import WANTED, FileRefused

ROW_LIMIT = 1_000_000
# C3's download has 39.
MOST_COLUMNS = 1_000


def row_without_end() -> FileRefused:
    return FileRefused(f"More than {ROW_LIMIT:,} characters, or too many brackets, without the end of a row. {WANTED}")


class RowBudget:
    """Keeps a file without rows from filling the memory: FileRefused over ROW_LIMIT characters a row."""

    def __init__(self) -> None:
        self.left = ROW_LIMIT

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise row_without_end()

    def row_done(self) -> None:
        self.left = ROW_LIMIT


def header_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` told apart: the second "Total" becomes "Total (2)". Raises FileRefused over MOST_COLUMNS."""
    if len(names) > MOST_COLUMNS:
        raise FileRefused(f"The file has more than {MOST_COLUMNS:,} columns. {WANTED}")
    taken = set(names)
    header: list[str] = []
    for name in names:
        header.append(_told_apart(name, taken) if name in header else name)
        taken.add(header[-1])
    return tuple(header)


def _told_apart(name: str, taken: set[str]) -> str:
    return next(other for number in range(2, MOST_COLUMNS + 2) if (other := f"{name} ({number})") not in taken)
