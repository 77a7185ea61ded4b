"""Which column of a file means what, and how its numbers and dates are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from invoices.matching.meanings import DATES, FIELDS, NUMBERS, REQUIRED
from invoices.matching.written_dates import Order
from invoices.matching.written_numbers import Mark

# How reading tells columns of one name apart.
_COUNTED = re.compile(r"(.+) \(\d+\)")


@dataclass(frozen=True, slots=True)
class Formats:
    """How a column's values are written, by the field; what is not here is read only where it can be read in one way.

    `fixed` are the values of fields that are the same for every line and have no column.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    rate_is_fraction: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Formats:
        """Return the formats that `as_json` gave; unknown names are left out."""
        known = {name: stored[name] for name in ("numbers", "dates", "rate_is_fraction", "fixed") if name in stored}
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def mark(self, name: str) -> Mark:
        return Mark(self.numbers.get(name, ""))

    def order(self, name: str) -> Order:
        return Order(self.dates.get(name, ""))


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """The column of each field, by the field's name. `header` are all columns that were there when it was made; `pk`
    is None for one that is not stored. `encoding` is the guess that a person confirmed, `sheet` the one of a workbook
    that they chose, "" where nothing was asked."""

    name: str
    columns: Mapping[str, str]
    formats: Formats = field(default_factory=Formats)
    header: tuple[str, ...] = ()
    pk: int | None = None
    encoding: str = ""
    sheet: str = ""

    def fits(self, header: Sequence[str]) -> bool:
        """Whether all its columns are in `header`, none of them twice where it was once."""
        names, known = {folded(name) for name in header}, {folded(name) for name in self.header}
        used = {folded(name) for name in self.columns.values()}
        if not used or not used <= names:
            return False
        again = {match[1] for name in names - known if (match := _COUNTED.fullmatch(name))}
        return not again & used


def folded(name: str) -> str:
    """Return a column's name as it is compared: capitals and the number of spaces do not count."""
    return " ".join(name.casefold().split())


_FIELD_OF = {folded(name): name for name in FIELDS}

# The shape that the portal itself writes, and the first that it read: each field under its own name.
BUILT_IN = ColumnProfile(
    name="C3's invoice lines, as the portal downloads them",
    columns={name: name for name in REQUIRED},
    formats=Formats(numbers=dict.fromkeys(NUMBERS, Mark.PLAIN), dates=dict.fromkeys(DATES, Order.ISO)),
    header=FIELDS,
)


def field_of(name: str) -> str:
    """Return the field that a column is named after, "" when there is none."""
    return _FIELD_OF.get(folded(name), "")


def columns_in(profile: ColumnProfile, header: Sequence[str]) -> dict[str, str]:
    """Return the column of each field in this file: those of the profile, and the columns named after a field that the
    profile knows nothing of, which are kept as that field."""
    by_name = {folded(name): name for name in reversed(header)}
    columns = {name: by_name[folded(column)] for name, column in profile.columns.items() if folded(column) in by_name}
    if profile is BUILT_IN:
        columns |= {name: column for column in header if (name := field_of(column)) and name not in columns}
    return columns
