"""What a posted document is in Xero, in the words of the pages; in Python and as SQL, and nowhere else."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from invoices.models import Posting
from invoices.readback.documents import MISSING
from xero_integration.client.vocabulary import GONE, DocumentStatus

# A filter's value must not be another state's.
CHANGED = "changed"


class XeroState(models.TextChoices):
    DRAFT = "xero_draft", "Draft"
    SUBMITTED = "xero_submitted", "Awaiting approval"
    AUTHORISED = "xero_authorised", "Approved"
    PART_PAID = "xero_part_paid", "Part paid"
    PAID = "xero_paid", "Paid"
    VOIDED = "xero_voided", "Voided"
    DELETED = "xero_deleted", "Deleted"


ENDED = (XeroState.VOIDED, XeroState.DELETED)
_BY_STATUS = {status: XeroState[status.name] for status in DocumentStatus}
_POSTED = Q(posting__status=Posting.Status.POSTED)
_SET_OFF = Q(posting__amount_paid__gt=0) | Q(posting__amount_credited__gt=0)


def state_of(posting: Posting | None) -> XeroState | None:
    """Return the state of the document, None where it is not in Xero or its status is unknown."""
    if posting is None or posting.status != Posting.Status.POSTED:
        return None
    state = _BY_STATUS.get(posting.xero_status)  # type: ignore[call-overload]
    settled = (posting.amount_paid or 0) + (posting.amount_credited or 0)
    return XeroState.PART_PAID if state == XeroState.AUTHORISED and settled > 0 else state


def with_state(state: str) -> Q:
    """Return the condition on invoices that their document is in this state."""
    if state in (XeroState.PART_PAID, XeroState.AUTHORISED):
        approved = _POSTED & Q(posting__xero_status=DocumentStatus.AUTHORISED)
        return approved & (_SET_OFF if state == XeroState.PART_PAID else _not_set_off())
    return _POSTED & Q(posting__xero_status=XeroState(state).name)


def _not_set_off() -> Q:
    # What was never read is neither.
    paid = Q(posting__amount_paid=None) | Q(posting__amount_paid__lte=0)
    return paid & (Q(posting__amount_credited=None) | Q(posting__amount_credited__lte=0))


def is_gone(posting: Posting | None) -> bool:
    """Return whether its document is no more: voided or deleted, or one that Xero does not show any more."""
    is_posted = posting is not None and posting.status == Posting.Status.POSTED
    return state_of(posting) in ENDED or (is_posted and "missing" in posting.edits)  # type: ignore[union-attr]


def gone() -> Q:
    """Return the condition on postings that they are posted and their document is no more."""
    return Q(status=Posting.Status.POSTED, xero_status__in=GONE) | missing()


def missing() -> Q:
    """Return the condition on postings that Xero does not show their document any more."""
    return Q(status=Posting.Status.POSTED, edits=MISSING)


def is_changed() -> Q:
    """Return the condition on invoices that their document was changed in Xero and nobody decided about it."""
    return _POSTED & ~Q(posting__edits={}) & Q(posting__edits_accepted_at=None)


def asks(posting: Posting | None) -> bool:
    """Return whether it was changed in Xero and nobody decided about it."""
    is_posted = posting is not None and posting.status == Posting.Status.POSTED
    return is_posted and bool(posting.edits) and posting.edits_accepted_at is None  # type: ignore[union-attr]


def signed(posting: Posting, amount: Decimal | None) -> Decimal | None:
    """Return an amount of the document with the sign of its invoice's total, None where it is unknown."""
    return -amount if amount and posting.invoice.is_credit_note else amount
