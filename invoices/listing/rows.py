"""One line of the list for each invoice: what it is, what became of it in Xero, and why."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from c3portal.formats import amounts, dates
from invoices.models import Invoice, Posting
from invoices.models.statuses import HAS_REASON, IN_PROGRESS, UPLOADABLE
from invoices.readback import states
from invoices.readback.states import XeroState

Status = Posting.Status
# A number is shortened in the middle: its end tells invoices of one customer apart, its beginning customers.
LONGEST_NUMBER = 24
_HEAD = 10

# The colour and the words of a posting's state; POSTED is told by the document's own.
_BY_STATUS = {
    Status.QUEUED: ("info", "Queued"),
    Status.SENDING: ("info", "Sending"),
    Status.UNCERTAIN: ("wait", "Confirming with Xero"),
    Status.REJECTED: ("bad", "Rejected"),
    Status.UNDONE: ("", "Taken back"),
    Status.WITHDRAWN: ("", "Withdrawn"),
}
_BY_DOCUMENT = {
    XeroState.DRAFT: ("", "Draft"),
    XeroState.SUBMITTED: ("info", "Awaiting approval"),
    XeroState.AUTHORISED: ("good", "Approved"),
    XeroState.PART_PAID: ("good", "Part paid"),
    XeroState.PAID: ("good", "Paid"),
    XeroState.VOIDED: ("wait", "Voided in Xero"),
    XeroState.DELETED: ("wait", "Deleted in Xero"),
}
ALREADY_IN_XERO = "already in Xero"
# What a row reads. The rest of them is long, and a list is sorted with all that it reads.
READ = (
    *("period", "number", "xero_number", "issued_on", "due_on", "currency", "subtotal", "tax", "total"),
    *("purchase_order", "ignored_because", "ignored_by__name", "ignored_by__email"),
    *("customer__name", "bill_to__name", "posting__connection__short_code"),
    *(f"posting__{name}" for name in ("status", "document_type", "message", "number", "xero_id", "xero_status")),
    *(f"posting__{name}" for name in ("total_difference", "amount_due", "amount_paid", "amount_credited")),
    *(f"posting__{name}" for name in ("edits", "edits_accepted_at", "mailed_at", "mailed_to", "sent_to_contact")),
)


@dataclass(frozen=True)
class Chip:
    """A state: `colour` is a class of the pages' own (good, bad, wait, info, "" for quiet)."""

    colour: str
    label: str


@dataclass(frozen=True)
class Row:
    """What one line shows. Amounts are in the invoice's currency; `cents` is the total as a whole number."""

    pk: uuid.UUID
    url: str
    customer: str
    bill_to: str
    number: str
    short: str
    xero_number: str
    issued_on: dt.date
    due_on: dt.date
    currency: str
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    cents: int
    purchase_order: str
    microsoft: str
    period: str
    is_credit_note: bool
    is_excluded: bool
    chips: tuple[Chip, ...]
    reason: str
    owed: Decimal | None
    is_posted: bool
    xero_url: str
    why_not: str


def shorten(number: str) -> str:
    """Return the number, shortened in the middle to at most LONGEST_NUMBER characters."""
    if len(number) <= LONGEST_NUMBER:
        return number
    return f"{number[:_HEAD]}…{number[-(LONGEST_NUMBER - _HEAD - 1) :]}"


def rows_of(
    invoices: Iterable[Invoice],
    *,
    looks_same: Set[uuid.UUID] = frozenset(),
    outdated: Set[uuid.UUID] = frozenset(),
    billed_by: Mapping[uuid.UUID, Sequence[str]] = MappingProxyType({}),
) -> Iterator[Row]:
    """Yield a row for each invoice; customer, reseller, posting, connection and who excluded it should be loaded.

    `billed_by` are Microsoft's invoices of each.
    """
    for invoice in invoices:
        posting = getattr(invoice, "posting", None)
        yield Row(
            pk=invoice.pk,
            url=invoice.get_absolute_url(),
            customer=str(invoice.customer),
            bill_to=str(invoice.bill_to or ""),
            number=invoice.number,
            short=shorten(invoice.number),
            xero_number=invoice.number_in_xero if invoice.number_in_xero != invoice.number else "",
            issued_on=invoice.issued_on,
            due_on=invoice.due_on,
            currency=invoice.currency,
            subtotal=invoice.subtotal,
            tax=invoice.tax,
            total=invoice.total,
            cents=int(invoice.total * 100),
            purchase_order=invoice.purchase_order,
            microsoft=", ".join(billed_by.get(invoice.pk, ())),
            period=f"{invoice.period.ends_on:%B %Y}" if Invoice.period.is_cached(invoice) else "",
            is_credit_note=invoice.is_credit_note,
            is_excluded=bool(invoice.ignored_because),
            chips=tuple(_chips(invoice, posting, invoice.pk in looks_same, invoice.pk in outdated)),
            reason=_reason(invoice, posting),
            owed=_owed(invoice, posting),
            is_posted=posting is not None and posting.status == Status.POSTED,
            xero_url=posting.xero_url if posting is not None else "",
            why_not="" if is_in_xero(invoice) else why_not_uploadable(invoice),
        )


def _chips(invoice: Invoice, posting: Posting | None, looks_same: bool, outdated: bool) -> Iterator[Chip]:
    if invoice.ignored_because:
        yield Chip("", "Excluded")
    elif posting is None:
        yield Chip("", "Not posted")
    else:
        yield _of_posting(posting)
    if states.asks(posting):
        yield Chip("bad", "Changed in Xero")
    if posting is not None and posting.total_difference:
        yield Chip("bad", f"Differs by {amounts.written(posting.total_difference, invoice.currency)}")
    if looks_same:
        yield Chip("wait", "Looks the same")
    if outdated:
        yield Chip("bad", "Out of date")


def _of_posting(posting: Posting) -> Chip:
    if posting.status != Status.POSTED:
        return Chip(*_BY_STATUS[Status(posting.status)])
    state = states.state_of(posting)
    if state in states.ENDED:
        return Chip(*_BY_DOCUMENT[state])
    if states.is_gone(posting):
        return Chip("bad", "Gone from Xero")
    return Chip(*_BY_DOCUMENT[state]) if state else Chip("good", "In Xero")


def _reason(invoice: Invoice, posting: Posting | None) -> str:
    if invoice.ignored_because:
        return f"{invoice.ignored_because} ({invoice.ignored_by})" if invoice.ignored_by else invoice.ignored_because
    if posting is None:
        return ""
    if posting.status == Status.POSTED:
        return _sent(posting)
    return posting.message if posting.status in HAS_REASON else ""


def _sent(posting: Posting) -> str:
    if posting.mailed_at:
        to = f" to {posting.mailed_to}" if posting.mailed_to else ""
        return f"Sent {dates.day(posting.mailed_at)}{to}"
    return "Marked as sent in Xero" if posting.sent_to_contact else ""


def _owed(invoice: Invoice, posting: Posting | None) -> Decimal | None:
    if posting is None or posting.status != Status.POSTED or posting.amount_due is None:
        return None
    return -posting.amount_due if invoice.is_credit_note else posting.amount_due


def why_not_uploadable(invoice: Invoice) -> str:
    """Return why UPLOAD TO XERO would not take this invoice now, "" when it would."""
    if invoice.ignored_because:
        return "excluded from Xero"
    if is_in_xero(invoice):
        return ALREADY_IN_XERO
    posting = getattr(invoice, "posting", None)
    return "" if posting is None or posting.status in UPLOADABLE else "already on its way to Xero"


def is_in_xero(invoice: Invoice) -> bool:
    """Whether a document of it is in Xero that is followed: of an excluded one nobody asks."""
    posting = getattr(invoice, "posting", None)
    return not invoice.ignored_because and posting is not None and posting.status == Status.POSTED


def is_on_the_way(invoice: Invoice) -> bool:
    """Whether an upload has it, and no answer yet."""
    posting = getattr(invoice, "posting", None)
    return posting is not None and posting.status in IN_PROGRESS
