"""How dates are written: from "18. Mai 2026" or 05/18/2026 to 2026-05-18, by the order of the column."""

from __future__ import annotations

import datetime as dt
import enum
import re
import unicodedata


class Order(enum.StrEnum):
    """In which order a column is known to have day, month and year."""

    # 2026-05-18, as JSON and C3 have it, and nothing else.
    ISO = "iso"
    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"
    # Days since the end of 1899, as a spreadsheet keeps a date.
    SERIAL = "serial"
    # Only what can be read in one way is read.
    UNKNOWN = ""


class Ambiguous(ValueError):
    """Could be read with the day first and with the month first, as two different days."""


class OtherOrder(ValueError):
    """Is a date only when it is written in the other order."""


_TIME = (
    r"(?:[T ,]\s*(?P<time>\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s*[AaPp]\.?[Mm]\.?)?)"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?)\.?{_TIME}", re.ASCII)
_DIGITS = re.compile(r"(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)", re.ASCII)
_PARTS = re.compile(rf"(?P<first>\d\d?)\s?([-/.])\s?(?P<second>\d\d?)\s?\2\s?(?P<year>\d{{4}}|\d\d){_TIME}", re.ASCII)
_NAMED = re.compile(
    rf"(?P<day>\d\d?)(?:st|nd|rd|th|er|\.|º)?[-\s]*(?:de\s+)?(?P<name>[^\W\d_]{{3,12}})"
    rf"\.?,?[-\s]*(?:de\s+)?(?P<year>\d{{4}}|\d\d){_TIME}"
)
_NAME_FIRST = re.compile(
    rf"(?P<name>[^\W\d_]{{3,12}})\.?[-\s]*(?P<day>\d\d?)(?:st|nd|rd|th)?,?[-\s]+(?P<year>\d{{4}}){_TIME}"
)
_SERIAL = re.compile(r"(?P<days>\d{5})(?:\.\d+)?", re.ASCII)
_SERIAL_START = dt.date(1899, 12, 30)
# 2000 and 2099, as serials.
SERIALS = range(36_526, 73_051)
# How the months begin in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish, without accents.
_MONTHS = (
    ("jan", "janv", "ene", "gen", "sty"),
    ("feb", "fev", "lut"),
    ("mar", "mrz", "maer", "maa", "mrt"),
    ("apr", "avr", "abr", "kwi"),
    ("may", "mai", "mag", "mei", "maj"),
    ("jun", "juin", "giu", "cze"),
    ("jul", "juil", "lug", "lip"),
    ("aug", "aou", "ago", "sie"),
    ("sep", "set", "wrz"),
    ("oct", "okt", "ott", "out", "paz"),
    ("nov", "lis"),
    ("dec", "dez", "dic", "gru"),
)


def iso_date(text: str, order: Order) -> str:
    """Return the date as an ISO text, with its time when an offset stands with it.

    Raises Ambiguous or OtherOrder, and ValueError when it is no date at all.
    """
    if _ISO.fullmatch(text):
        return text
    if order is Order.ISO:
        raise ValueError("is not a date written as 2026-09-18 or 2026-09-18T00:00:00")
    if order is Order.SERIAL:
        return _of_serial(text)
    if match := _PARTS.fullmatch(text):
        return _of_parts(match, order)
    return _of_certain(text)


def orders_of(text: str) -> frozenset[Order]:
    """Return the orders in which `text` is a date: empty when it is none, both when it does not tell."""
    if match := _PARTS.fullmatch(text):
        return frozenset(order for order, found in _readings(match).items() if found)
    try:
        iso_date(text, Order.UNKNOWN)
    except ValueError:
        return frozenset()
    return frozenset((Order.DAY_FIRST, Order.MONTH_FIRST))


def decides(text: str) -> Order | None:
    """Return the one order in which `text` is a date, None when it does not tell."""
    orders = orders_of(text)
    return next(iter(orders)) if len(orders) == 1 else None


def is_ambiguous(text: str) -> bool:
    """Whether `text` is two different days, by the order."""
    match = _PARTS.fullmatch(text)
    return match is not None and len(_distinct(_readings(match))) == 2


def is_serial(text: str) -> bool:
    """Whether `text` can be a day of 2000 to 2099 as a spreadsheet counts."""
    match = _SERIAL.fullmatch(text)
    return match is not None and int(match["days"]) in SERIALS


def _of_parts(match: re.Match[str], order: Order) -> str:
    readings = _readings(match)
    found = _distinct(readings if order is Order.UNKNOWN else {order: readings[order]})
    if len(found) > 1:
        raise Ambiguous("can be read with the day first and with the month first")
    if found:
        return _with_time(next(iter(found)), match)
    if any(readings.values()):
        raise OtherOrder(f"is not a date with the {'month' if order is Order.MONTH_FIRST else 'day'} first")
    raise ValueError("is not a day of the calendar")


def _readings(match: re.Match[str]) -> dict[Order, dt.date | None]:
    first, second, year = int(match["first"]), int(match["second"]), _year(match["year"])
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    # No language writes the month first and dots between.
    if match[2] == "." and day_first:
        month_first = None
    return {Order.DAY_FIRST: day_first, Order.MONTH_FIRST: month_first}


def _distinct(readings: dict[Order, dt.date | None]) -> set[dt.date]:
    return {day for day in readings.values() if day}


def _of_certain(text: str) -> str:
    if match := _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text):
        found = _date(int(match["year"]), int(match["month"]), int(match["day"]))
    elif match := _NAMED.fullmatch(text) or _NAME_FIRST.fullmatch(text):
        found = _date(_year(match["year"]), _month(match["name"]), int(match["day"]))
    else:
        raise ValueError("is not a date")
    if found is None:
        raise ValueError("is not a day of the calendar")
    return _with_time(found, match)


def _of_serial(text: str) -> str:
    if not is_serial(text):
        raise ValueError("is not a date as a spreadsheet counts days")
    return (_SERIAL_START + dt.timedelta(days=int(text.partition(".")[0]))).isoformat()


def _with_time(day: dt.date, match: re.Match[str]) -> str:
    groups = match.groupdict()
    zone, time = groups.get("zone"), groups.get("time")
    if not zone or not time:
        return day.isoformat()
    return f"{day.isoformat()}T{_clock(time)}{'Z' if zone in ('Z', 'UTC', 'GMT') else zone}"


def _clock(time: str) -> str:
    """Return "2:05 pm" as 14:05:00."""
    half = re.search(r"([AaPp])\.?[Mm]", time)
    hours, minutes, *seconds = re.findall(r"\d+", time)[:3]
    hour = int(hours) % 12 + 12 * (half[1] in "Pp") if half else int(hours)
    return f"{hour:02}:{minutes}:{seconds[0] if seconds else '00'}"


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(name: str) -> int:
    """Return the month that begins as `name`, 0 when there is none."""
    folded = unicodedata.normalize("NFKD", name.casefold().replace("ź", "z"))
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    found = [
        (len(start), number)
        for number, starts in enumerate(_MONTHS, start=1)
        for start in starts
        if folded.startswith(start)
    ]
    return max(found, default=(0, 0))[1]


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
