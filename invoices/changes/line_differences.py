"""Two documents side by side, as they go to Xero: line by line what differs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from xero_integration.client import shapes
from xero_integration.reference import json_date

# An element of a call's body, amounts as Decimal.
Element = Mapping[str, Any]

LINE_FIELDS = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType", "LineAmount")
HEADER = {
    "Contact": "Contact",
    "Date": "Date",
    "DueDate": "Due date",
    "CurrencyCode": "Currency",
    "Reference": "Reference",
    "BrandingThemeID": "Theme",
}
DAYS = ("Date", "DueDate")


class Change(StrEnum):
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ADDED = "added"
    GONE = "gone"


@dataclass(frozen=True)
class Pair:
    """A line as it was sent and as it is now; `fields` are those that differ."""

    sent: Element | None
    now: Element | None

    @property
    def fields(self) -> tuple[str, ...]:
        if self.sent is None or self.now is None:
            return ()
        return tuple(each for each in LINE_FIELDS if self.sent.get(each) != self.now.get(each))

    @property
    def change(self) -> Change:
        if self.sent is None:
            return Change.ADDED
        if self.now is None:
            return Change.GONE
        return Change.CHANGED if self.fields else Change.UNCHANGED


@dataclass(frozen=True)
class Fact:
    """A fact of the document itself, as text."""

    name: str
    sent: str
    now: str

    @property
    def differs(self) -> bool:
        return self.sent.lower() != self.now.lower()


@dataclass(frozen=True)
class Differences:
    facts: tuple[Fact, ...]
    lines: tuple[Pair, ...]

    @property
    def is_any(self) -> bool:
        return any(each.differs for each in self.facts) or any(each.change != Change.UNCHANGED for each in self.lines)


def of(sent: Element, now: Element) -> Differences:
    """Return how two documents differ."""
    facts = tuple(Fact(name, _text(sent, name), _text(now, name)) for name in HEADER)
    return Differences(facts, tuple(_pairs(_lines(sent), _lines(now))))


def net(element: Element) -> Decimal:
    """Return the lines' sum without tax."""
    return sum((Decimal(each["LineAmount"]) for each in _lines(element)), Decimal("0.00"))


def _text(element: Element, name: str) -> str:
    value = element.get(name)
    if day := json_date(value) if name in DAYS else None:
        return day.isoformat()
    return str(value.get("ContactID") if isinstance(value, Mapping) else value or "")


def _lines(element: Element) -> list[Element]:
    return list(shapes.objects(element.get("LineItems")))


def _pairs(sent: Sequence[Element], now: Sequence[Element]) -> Iterator[Pair]:
    # Lines of one description belong together, in their order; what stands in one's place is its change.
    before, after = ([str(each.get("Description")) for each in lines] for lines in (sent, now))
    for kind, *places in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left, right = sent[places[0] : places[1]], now[places[2] : places[3]]
        both = min(len(left), len(right)) if kind in ("equal", "replace") else 0
        yield from (Pair(*pair) for pair in zip(left[:both], right[:both], strict=True))
        yield from (Pair(each, None) for each in left[both:])
        yield from (Pair(None, each) for each in right[both:])
