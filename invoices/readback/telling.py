"""Which changes in Xero people are yet to be told of."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet

from c3portal.database import clock
from c3portal.notifications.texts import Changed, Sum
from invoices.models import DocumentChange, Posting
from invoices.readback import documents
from xero_integration.client.vocabulary import STATUS_WORDS
from xero_integration.models import XeroConnection
from xero_integration.payloads import to_cents

GONE, EDITED = "Not in Xero any more", "Edited"


@dataclass(frozen=True)
class Told:
    """What is told `at` a moment, with the billing period that has most of it."""

    at: dt.datetime
    changed: Changed
    billing_id: str


def untold(connection: XeroConnection | OuterRef) -> QuerySet[Posting]:
    """Return the posted documents that were changed in Xero, wait for a decision, and were not told of. What the portal
    itself is changing is none of them."""
    under_way = DocumentChange.objects.in_progress().filter(posting=OuterRef("pk"))
    rows = Posting.objects.filter(connection=connection, status=Posting.Status.POSTED)
    return rows.filter(edits_accepted_at=None, edits_told_at=None).exclude(edits={}).exclude(Exists(under_way))


def tell(connection: XeroConnection) -> Told | None:
    """Take what is new as told, in the caller's transaction; None where another worker did."""
    moment = clock.now()
    found = list(
        untold(connection).select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True)
    )
    if not Posting.objects.filter(pk__in=found, edits_told_at=None).update(edits_told_at=moment):
        return None
    rows = Posting.objects.filter(pk__in=found).select_related("invoice__period").order_by("invoice__period__ends_on")
    return _told(moment, list(rows))


def _told(moment: dt.datetime, rows: Iterable[Posting]) -> Told:
    totals: Counter[str] = Counter()
    periods: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    for each in rows:
        totals[each.invoice.currency] += each.invoice.total  # type: ignore[assignment]
        periods[each.invoice.period.billing_id] += 1
        ways[_way(each)] += 1
    money = {currency: to_cents(Decimal(total)) for currency, total in totals.items()}
    changed = Changed(Sum(sum(ways.values()), money), list(periods), dict(ways.most_common()))
    return Told(moment, changed, periods.most_common(1)[0][0])


def _way(posting: Posting) -> str:
    if "missing" in posting.edits:
        return GONE
    if "status" in posting.edits:
        status = str(posting.edits["status"]["now"])
        return STATUS_WORDS.get(status, status)
    facts = (documents.FACTS.get(fact, fact) for fact in posting.edits)
    return f"{EDITED}: {', '.join(fact.lower() for fact in facts)}"
