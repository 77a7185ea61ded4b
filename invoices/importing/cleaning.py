"""Cleans the cells of a row where their meaning is certain, and counts what was done."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from invoices.importing.notices import rows_named
from invoices.matching.conversion import RawRow
from invoices.matching.meanings import DATES, LABELS
from invoices.reading.cleaning import Cleaned, Cleaning, clean_country, clean_day, clean_text, is_clean

DAYS_REMEMBERED = 4_096
_WORDS = {
    Cleaning.INVISIBLE: "invisible characters were left out",
    Cleaning.CONTROL: "control characters were left out",
    Cleaning.SPACES: "no-break and other odd spaces became plain ones",
    Cleaning.LINE_BREAKS: "line breaks became spaces",
    Cleaning.COMPOSED: "letters and their accents were put together",
    Cleaning.NO_DATE: "a date that stands for none was left out",
    Cleaning.ZONE: "a moment became its day in the billing time zone",
    Cleaning.COUNTRY: "the country became its two letters",
}


class Cleaner:
    """Cleans one file's rows; `zone` is the billing time zone."""

    def __init__(self, zone: dt.tzinfo) -> None:
        self._zone = zone if isinstance(zone, zoneinfo.ZoneInfo) else zoneinfo.ZoneInfo("UTC")
        self._days: dict[str, Cleaned] = {"": Cleaned("")}
        self._done: dict[tuple[Cleaning, str], list[int]] = {}
        self._counts: dict[tuple[Cleaning, str], int] = {}

    def clean(self, raw: RawRow) -> RawRow:
        """Return the row with its cells cleaned, in place."""
        cells, row = raw.cells, raw.number
        if not is_clean("".join(cells.values())):
            for name, text in cells.items():
                self._set(raw, name, clean_text(text, keep_line_breaks=name == "SubscriptionName"))
        for name in DATES:
            if (day := self._day(cells[name])).done:
                self._set(raw, name, day)
        country = cells["CustomerCountry"]
        if country and not (len(country) == 2 and country.isupper()):
            self._set(raw, "CustomerCountry", clean_country(country))
        if raw.extra and not is_clean("".join((*raw.extra, *raw.extra.values()))):
            extra = {clean_text(name).text: clean_text(text).text for name, text in raw.extra.items()}
            return RawRow(row, cells, raw.errors, extra)
        return raw

    def notes(self) -> list[str]:
        """Return a sentence for each kind of cleaning of each field."""
        return [
            f"{LABELS.get(name, name)}: {_WORDS[done]}{_often(self._counts[done, name])} "
            f"({rows_named(rows, self._counts[done, name])})."
            for (done, name), rows in self._done.items()
            if done in _WORDS
        ]

    def _day(self, text: str) -> Cleaned:
        cleaned = self._days.get(text)
        if cleaned is None:
            if len(self._days) >= DAYS_REMEMBERED:
                self._days = {"": Cleaned("")}
            cleaned = self._days[text] = clean_day(text, self._zone)
        return cleaned

    def _set(self, raw: RawRow, name: str, cleaned: Cleaned) -> None:
        raw.cells[name] = cleaned.text
        for done in cleaned.done:
            rows = self._done.setdefault((done, name), [])
            self._counts[done, name] = self._counts.get((done, name), 0) + 1
            if len(rows) < 6:
                rows.append(raw.number)


def _often(count: int) -> str:
    return "" if count == 1 else f", {count:,} times"
