"""One cell made clean where its meaning is certain; what was done is said, and the rest is left as it is."""

from __future__ import annotations

import datetime as dt
import enum
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from invoices.reading.countries import country_code


class Cleaning(enum.StrEnum):
    """What was done to a cell; UNKNOWN_COUNTRY says that nothing could be done."""

    INVISIBLE = "invisible"
    CONTROL = "control"
    SPACES = "spaces"
    LINE_BREAKS = "line_breaks"
    COMPOSED = "composed"
    NO_DATE = "no_date"
    ZONE = "zone"
    COUNTRY = "country"
    UNKNOWN_COUNTRY = "unknown_country"


class Cleaned(NamedTuple):
    """A cell's text, and what was done to it."""

    text: str
    done: tuple[Cleaning, ...] = ()


_LINE_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# No-break and other wide or narrow ones, and tabs; the ideographic space is one that people type.
_SPACE = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f]")
# Byte order mark, zero-width, soft hyphen, marks of direction.
_INVISIBLE = re.compile("[\ufeff\u200b\u2060-\u2064\u00ad\u200e\u200f\u202a-\u202e\u2066-\u206f\u180e]")
# Joiners spell words of Arabic and Indian scripts, and emoji: they go only where no such letter stands before.
_JOINER = re.compile("(?<![\u0590-\u1fff\u2190-\u2fff\u3001-\U0010ffff])[\u200c\u200d]")

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})? ?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII | re.IGNORECASE
)
# What .NET has for no date, and people for no end, in the orders of the world; with a time or without.
_NO_DATE = re.compile(
    r"(?:0001-0?1-0?1|0?1[/.-]0?1[/.-]0001|9999-12-31|(?:31[/.-]12|12[/.-]31)[/.-]9999)(?:[T ].*)?", re.ASCII
)


def is_clean(text: str) -> bool:
    """Whether `clean_text` has surely nothing to do for `text`, or for any cell of a row joined to one text."""
    return text.isprintable() and (text.isascii() or unicodedata.is_normalized("NFC", text))


def clean_text(text: str, keep_line_breaks: bool = False) -> Cleaned:
    """Return `text` without what nobody sees: it compares and prints as it looks.

    A line break becomes a space, or \\n where it is kept (descriptions: Xero takes them).
    """
    if is_clean(text):
        return Cleaned(text)
    done = []
    line_break = "\n" if keep_line_breaks else " "
    for pattern, instead, cleaning in (
        (_LINE_BREAK, line_break, Cleaning.LINE_BREAKS),
        (_SPACE, " ", Cleaning.SPACES),
        (_INVISIBLE, "", Cleaning.INVISIBLE),
        (_CONTROL, "", Cleaning.CONTROL),
        (_JOINER, "", Cleaning.INVISIBLE),
    ):
        cleaned = pattern.sub(instead, text)
        if cleaned != text:
            done.append(cleaning)
        text = cleaned
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        done.append(Cleaning.COMPOSED)
    if keep_line_breaks and done == [Cleaning.LINE_BREAKS]:
        done = []
    return Cleaned(composed.strip(), tuple(dict.fromkeys(done)))


@lru_cache(maxsize=8192)
def clean_day(text: str, zone: ZoneInfo) -> Cleaned:
    """Return an ISO date, with or without a time, as its day: "2026-09-18".

    A time with an offset is the day in `zone`; one without says nothing of a zone and is the day that is written. What
    is no date is "", and what is none of these stays as it is.
    """
    if _NO_DATE.fullmatch(text):
        return Cleaned("", (Cleaning.NO_DATE,))
    match = _MOMENT.fullmatch(text)
    if not match or not match[3]:
        return Cleaned(match[1] if match else text)
    try:
        moment = dt.datetime.fromisoformat("".join((match[1], "T", match[2], match[3].upper())))
        day = moment.astimezone(zone).date().isoformat()
    except (ValueError, OverflowError):
        return Cleaned(text)
    return Cleaned(day, (Cleaning.ZONE,) if day != match[1] else ())


def clean_country(text: str) -> Cleaned:
    """Return a country as its two letters; what is none stays as it is and is said."""
    if not text:
        return Cleaned(text)
    code = country_code(text)
    if not code:
        return Cleaned(text, (Cleaning.UNKNOWN_COUNTRY,))
    return Cleaned(code, (Cleaning.COUNTRY,) if code != text else ())
