"""The sandbox's own time. Every lifetime here (codes, tokens, keys, limits, dates) reads this clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class _Shift:
    by: timedelta = timedelta()


_shift = _Shift()


def now() -> datetime:
    """Return the sandbox's present moment, aware and in UTC."""
    return datetime.now(UTC) + _shift.by


def shift_to(seconds: float) -> None:
    """Set the clock this many seconds ahead of real time (0 puts it right again)."""
    _shift.by = timedelta(seconds=seconds)


def shift_by(seconds: float) -> None:
    """Move the clock this many seconds further ahead."""
    _shift.by += timedelta(seconds=seconds)


def shifted_seconds() -> float:
    """Return how far ahead of real time the clock is."""
    return _shift.by.total_seconds()
