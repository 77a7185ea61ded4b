"""What would become of each posted document when it is taken back."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.db.models import Exists, OuterRef, QuerySet

from invoices.models import DocumentChange, Invoice, Posting, Twin
from invoices.models.statuses import ChangeKind
from invoices.readback import states
from xero_integration.client.vocabulary import GONE, DocumentStatus

# Xero deletes what nobody has approved, and voids what was: https://developer.xero.com/documentation/api/accounting/invoices/
KINDS = {
    DocumentStatus.DRAFT: ChangeKind.DELETE,
    DocumentStatus.SUBMITTED: ChangeKind.DELETE,
    DocumentStatus.AUTHORISED: ChangeKind.VOID,
}


class Fate(StrEnum):
    """What becomes of a document."""

    DELETED = "deleted"
    VOIDED = "voided"
    GONE = "gone"
    SETTLED = "settled"
    LOCKED = "locked"
    MISSING = "missing"
    TWICE = "twice"
    UNDER_WAY = "under_way"
    UNKNOWN = "unknown"


FATES = {ChangeKind.DELETE: Fate.DELETED, ChangeKind.VOID: Fate.VOIDED}
# What an undo does something about; the rest is left as it is.
DONE_WITH = (Fate.DELETED, Fate.VOIDED, Fate.GONE)


@dataclass(frozen=True)
class Planned:
    posting: Posting
    fate: Fate

    @property
    def kind(self) -> ChangeKind | None:
        """Return what has to be asked of Xero, None for nothing."""
        return next((kind for kind, fate in FATES.items() if fate == self.fate), None)


@dataclass(frozen=True)
class Share:
    """How many share a fate in a currency, and how much they come to."""

    fate: Fate
    currency: str
    count: int
    total: Decimal

    @property
    def is_done(self) -> bool:
        return self.fate in DONE_WITH


def of(postings: QuerySet[Posting]) -> list[Planned]:
    """Return what becomes of each of these that is posted, by what Xero last showed of it."""
    rows = postings.filter(status=Posting.Status.POSTED).annotate(
        is_twice=Exists(Twin.objects.filter(posting=OuterRef("pk"))),
        is_under_way=Exists(DocumentChange.objects.in_progress().filter(posting=OuterRef("pk"))),
    )
    rows = rows.select_related("invoice__customer", "connection").order_by("invoice__number")
    return [Planned(each, _fate(each, is_twice=each.is_twice, is_under_way=each.is_under_way)) for each in rows]


def digest(going: Iterable[tuple[Posting, str]]) -> str:
    """Return what stands for these documents and what becomes of each, so that what is asked is what was shown."""
    rows = sorted(f"{posting.pk} {posting.xero_id} {fate}" for posting, fate in going)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def shown(planned: Iterable[Planned]) -> str:
    """Return `digest` of what an undo does something about."""
    return digest((each.posting, each.fate) for each in planned if each.fate in DONE_WITH)


def corrections_left(planned: Iterable[Planned]) -> list[Invoice]:
    """Return the credit notes and invoices that correct what would be taken back, and would stay in Xero."""
    going = [each.posting for each in planned if each.fate in DONE_WITH]
    rows = Invoice.objects.filter(
        corrects__in=[each.invoice_id for each in going], posting__status=Posting.Status.POSTED
    )
    rows = rows.exclude(posting__xero_status__in=GONE).exclude(pk__in=[each.invoice_id for each in going])
    return list(rows.order_by("number"))


def _fate(posting: Posting, *, is_twice: bool, is_under_way: bool) -> Fate:
    if is_under_way:
        return Fate.UNDER_WAY
    if is_twice:
        return Fate.TWICE
    if posting.xero_status in GONE:
        return Fate.GONE
    if states.is_gone(posting):
        # It is looked for once more before it counts as gone.
        return Fate.MISSING
    if posting.xero_status == DocumentStatus.PAID or posting.amount_paid or posting.amount_credited:
        return Fate.SETTLED
    kind = next((kind for status, kind in KINDS.items() if status == posting.xero_status), None)
    if kind is None:
        return Fate.UNKNOWN
    # Nobody's draft is in the books that are locked.
    return Fate.LOCKED if kind == ChangeKind.VOID and is_locked(posting) else FATES[kind]


def is_locked(posting: Posting) -> bool:
    """Whether its date lies in a period that is locked, as of when the organisation was last read; invoice and
    connection should be loaded."""
    connection, day = posting.connection, _dated(posting)
    locks = (connection.period_lock_date, connection.end_of_year_lock_date)
    return any(lock is not None and day <= lock for lock in locks)


def _dated(posting: Posting) -> dt.date:
    shown = posting.edits.get("date", {}).get("now") or posting.sent_facts.get("date", "")
    try:
        return dt.date.fromisoformat(shown)
    except ValueError:
        return posting.invoice.issued_on


def shares(planned: Iterable[Planned]) -> list[Share]:
    """Return how many and how much by fate and currency, in the order of `Fate`; credit notes count negative."""
    sums: dict[tuple[Fate, str], list[Decimal]] = {}
    for each in planned:
        sums.setdefault((each.fate, each.posting.invoice.currency), []).append(each.posting.invoice.total)
    return list(_shares(sums))


def _shares(sums: dict[tuple[Fate, str], list[Decimal]]) -> Iterator[Share]:
    order = list(Fate)
    for fate, currency in sorted(sums, key=lambda key: (order.index(key[0]), key[1])):
        totals = sums[fate, currency]
        yield Share(fate, currency, len(totals), sum(totals, Decimal(0)))
