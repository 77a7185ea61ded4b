"""How pages write days and times: in the reader's zone, and dates as they chose.

Mails, files and what is kept have forms of their own, whoever reads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils import dateformat, timezone

from c3portal.models.people import DateFormat

# Of each format a whole date, and one within a year that is plain from what stands around it.
WHOLE = {DateFormat.WORDS: "j M Y", DateFormat.DAY: "d/m/Y", DateFormat.MONTH: "m/d/Y", DateFormat.YEAR: "Y-m-d"}
SHORT = {DateFormat.WORDS: "j M", DateFormat.DAY: "d/m", DateFormat.MONTH: "m/d", DateFormat.YEAR: "Y-m-d"}

_chosen: ContextVar[str] = ContextVar("date_format", default=DateFormat.WORDS)


@contextmanager
def written_as(date_format: str) -> Iterator[None]:
    """Write the dates within in this DateFormat; in words when it is none."""
    token = _chosen.set(date_format if date_format in DateFormat else DateFormat.WORDS)
    try:
        yield
    finally:
        _chosen.reset(token)


def day(when: dt.date) -> str:
    """Return a date, of a time the one that it is for the reader: 25 Nov 2026, 25/11/2026."""
    return dateformat.format(_local(when), WHOLE[DateFormat(_chosen.get())])


def short_day(when: dt.date) -> str:
    """Return a date without its year where the format can do without: 25 Nov, 25/11."""
    return dateformat.format(_local(when), SHORT[DateFormat(_chosen.get())])


def moment(at: dt.datetime, *, seconds: bool = False) -> str:
    """Return a date and a time: 25 Nov 2026, 14:05."""
    return f"{day(at)}, {dateformat.format(_local(at), 'H:i:s' if seconds else 'H:i')}"


def short_moment(at: dt.datetime) -> str:
    """Return a short date and a time: 25 Nov, 14:05."""
    return f"{short_day(at)}, {dateformat.format(_local(at), 'H:i')}"


def whole_moment(at: dt.datetime) -> str:
    """Return a date, a time to the second and the zone: 25 Nov 2026, 14:05:10 (Europe/Dublin)."""
    return f"{moment(at, seconds=True)} ({zone_name()})"


def zone_name() -> str:
    """Return the name of the zone that times are shown in."""
    return timezone.get_current_timezone_name()


def _local(when: dt.date) -> dt.date:
    return timezone.localtime(when) if isinstance(when, dt.datetime) and timezone.is_aware(when) else when
