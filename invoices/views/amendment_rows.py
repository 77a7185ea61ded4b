"""How documents that differ from what was sent are written on their pages."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q

from c3portal.database import together
from c3portal.formats import amounts, dates
from invoices.changes import line_differences
from invoices.changes.amending import Amendment, Way
from invoices.changes.line_differences import LINE_FIELDS, Change, Pair
from invoices.models import DocumentType, Posting
from invoices.posting import balances
from xero_integration.client.vocabulary import STATUS_WORDS
from xero_integration.payloads import plain

LABELS = {
    "Description": "description",
    "Quantity": "quantity",
    "UnitAmount": "unit price",
    "AccountCode": "account",
    "TaxType": "tax",
    "LineAmount": "amount",
}
NUMBERS = ("Quantity", "UnitAmount", "LineAmount")
CHANGES = {Change.UNCHANGED: "Same", Change.CHANGED: "Changed", Change.ADDED: "Added", Change.GONE: "Left out"}
WAYS = {
    Way.UPDATE: "Can be updated in place",
    Way.UNDO: "Can be taken back and posted again",
    Way.CREDIT: "Can be corrected by a credit note or an invoice over the difference",
}


@dataclass(frozen=True)
class Share:
    """How many of a currency a way is open for, and by how much their totals change together."""

    words: str
    currency: str
    count: int
    before: Decimal
    change: Decimal

    @property
    def after(self) -> Decimal:
        return self.before + self.change


def shares(amendments: Iterable[Amendment], ways: Sequence[Way] = tuple(Way)) -> list[Share]:
    """Return the shares by way and currency; what several ways are open for counts in each."""
    amendments = list(amendments)
    found = []
    for way in ways:
        for currency in sorted({each.posting.invoice.currency for each in amendments}):
            some = [each for each in amendments if each.allows(way) and each.posting.invoice.currency == currency]
            if some:
                before = sum((each.posting.invoice.total for each in some), Decimal(0))
                change = sum((each.change for each in some), Decimal(0))
                found.append(Share(WAYS[way], currency, len(some), before, change))
    return found


def kinds(amendments: Iterable[Amendment]) -> list[tuple[str, int]]:
    """Return what differs, and on how many documents, the most frequent first."""
    counts = Counter(what for each in amendments for what in _what(each))
    return counts.most_common()


def summary(amendment: Amendment) -> dict[str, Any]:
    """Return a row of the list."""
    posting = amendment.posting
    return {
        "invoice": posting.invoice,
        "status": STATUS_WORDS.get(posting.xero_status, posting.xero_status),
        "what": ", ".join(_what(amendment)) or posting.invoice.difference,
        "total_now": amendment.total_now,
        "change": amendment.change,
        "ways": [WAYS[way] for way in Way if amendment.allows(way)],
        "why_not": amendment.why_not.get(Way.UPDATE, ""),
    }


def _what(amendment: Amendment) -> list[str]:
    found = amendment.differences
    if found is None:
        return []
    facts = [line_differences.HEADER[each.name].lower() for each in found.facts if each.differs]
    names = [LABELS[name] for name in LINE_FIELDS if any(name in pair.fields for pair in found.lines)]
    counts = Counter(pair.change for pair in found.lines)
    lines = [f"lines {words}" for kind, words in ((Change.ADDED, "added"), (Change.GONE, "left out")) if counts[kind]]
    return facts + names + lines


@dataclass(frozen=True)
class Cell:
    text: str
    differs: bool = False
    is_number: bool = False


@dataclass(frozen=True)
class Row:
    """A line as it was sent, and as it is now; one of the two is empty where it is not there."""

    change: str
    is_same: bool
    sent: tuple[Cell, ...]
    now: tuple[Cell, ...]


def page(amendment: Amendment) -> dict[str, Any]:
    """Return the two documents side by side: the facts, the totals, and the lines that differ before the others."""
    found = amendment.differences
    if found is None:
        return {}
    contacts = [text for each in found.facts if each.name == "Contact" for text in (each.sent, each.now)]
    named = _Named(amendment.posting, contacts)
    rows = [_row(each, named) for each in found.lines]
    return {
        "facts": [
            (
                line_differences.HEADER[each.name],
                named.fact(each.name, each.sent),
                named.fact(each.name, each.now),
                each.differs,
            )
            for each in found.facts
        ],
        "totals": _totals(amendment),
        "changed": [row for row in rows if not row.is_same],
        "same": [row for row in rows if row.is_same],
        "is_credit_note": amendment.posting.document_type == DocumentType.CREDIT_NOTE,
    }


class _Named:
    """What codes and ids are called in the organisation now."""

    def __init__(self, posting: Posting, contacts: Sequence[str]) -> None:
        connection, self.currency = posting.connection, posting.invoice.currency
        asked = Q(*(Q(contact_id__iexact=each) for each in contacts), _connector=Q.OR) if contacts else Q(pk__in=())
        accounts, taxes, themes, known = together.read(
            connection.accounts.values_list("code", "name"),
            connection.taxrates.values_list("tax_type", "name"),
            connection.brandingthemes.values_list("theme_id", "name"),
            connection.contacts.filter(asked).order_by("-name").values_list("contact_id", "name"),
        )
        self.accounts, self.taxes = dict(accounts), dict(taxes)
        self.themes: dict[str, str] = {theme_id.lower(): name for theme_id, name in themes}
        # Of ids that differ by their capitals alone the first by name.
        self.contacts: dict[str, str] = {contact_id.lower(): name for contact_id, name in known}

    def fact(self, name: str, value: str) -> str:
        if name == "Contact":
            return self.contacts.get(value.lower(), value)
        if value and name in line_differences.DAYS:
            return dates.day(dt.date.fromisoformat(value))
        return self.themes.get(value.lower(), value) if name == "BrandingThemeID" else value

    def cell(self, name: str, line: Mapping[str, Any]) -> str:
        value = line.get(name)
        if name in NUMBERS:
            number = Decimal(str(value))
            return amounts.written(number, self.currency) if name == "LineAmount" else plain(number)
        names = {"AccountCode": self.accounts, "TaxType": self.taxes}.get(name, {})
        return f"{value} {names[value]}" if value in names else str(value or "")


def _row(pair: Pair, named: _Named) -> Row:
    def cells(line: Mapping[str, Any] | None) -> tuple[Cell, ...]:
        if line is None:
            return ()
        whole = pair.change in (Change.ADDED, Change.GONE)
        return tuple(
            Cell(named.cell(name, line), whole or name in pair.fields, name in NUMBERS) for name in LINE_FIELDS
        )

    return Row(CHANGES[pair.change], pair.change is Change.UNCHANGED, cells(pair.sent), cells(pair.now))


def _totals(amendment: Amendment) -> list[tuple[str, Decimal, Decimal]]:
    """Return net, tax and total, as sent and now; Xero's own total, where it is known, is the one that was sent."""
    sent, document = amendment.sent, amendment.document
    if sent is None or document is None:
        return []
    before, after = line_differences.net(sent), sum((each.line_amount for each in document.lines), Decimal(0))
    told = balances.amount(amendment.posting.sent_facts.get("total"))
    total = abs(amendment.posting.invoice.total) if told is None else told
    return [
        ("Without tax", before, after),
        ("Tax", total - before, document.total - after),
        ("Total", total, document.total),
    ]
