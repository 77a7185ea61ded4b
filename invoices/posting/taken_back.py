"""What was posted and is no more in Xero: kept as past, and not posted again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from c3portal.database import clock
from invoices.importing import later, locks, numbers_again
from invoices.models import AppliedCredit, Invoice, LaterVersion, PastDocument, Payment, Posting
from invoices.posting import post_log
from xero_integration.client.vocabulary import DocumentStatus

if TYPE_CHECKING:
    from c3portal.models import User

# In place of a status: Xero does not show the document any more.
NOT_SHOWN = "NOT_SHOWN"
# What was true of the document that is no more.
NOTHING_IN_XERO: dict[str, Any] = {
    "xero_id": "",
    "xero_status": "",
    "xero_total": None,
    "total_difference": 0,
    "sent_facts": {},
    "amount_due": None,
    "amount_paid": None,
    "amount_credited": None,
    "paid_off_on": None,
    "sent_to_contact": None,
    "mailed_at": None,
    "mailed_to": "",
    "online_url": "",
    "xero_updated_at": None,
    "read_at": None,
    "edits": {},
    "edits_told_at": None,
    "history_read_at": None,
    "edits_accepted_at": None,
    "edits_accepted_by": None,
    "edits_accepted_because": "",
}


def take_back(ended: Mapping[str, str], *, why: str = "", user: User | None = None) -> int:
    """Take back postings whose documents Xero shows as ended, or not any more (`ended`: Xero's id to `VOIDED`,
    `DELETED` or `NOT_SHOWN`), and keep what they were. Returns how many."""
    with transaction.atomic():
        rows = Posting.objects.filter(status=Posting.Status.POSTED, xero_id__in=ended)
        changed = LaterVersion.objects.filter(invoice__posting__in=rows)
        if changed.exists():
            # Before the postings, in the order in which everyone holds them.
            locks.hold(Invoice.objects.filter(later_versions__in=changed))
        rows = rows.select_for_update(of=("self",), no_key=True).select_related("invoice").order_by("pk")
        # Whoever read it meanwhile knew more.
        held = [each for each in rows if ended[each.xero_id] != NOT_SHOWN or "missing" in each.edits]
        PastDocument.objects.bulk_create(
            [
                PastDocument(
                    posting=each,
                    xero_id=each.xero_id,
                    number=each.number_in_xero,
                    status=ended[each.xero_id],
                    total=each.xero_total,
                    why=why,
                )
                for each in held
            ],
            # What Xero did not show may have been shown, and linked, again.
            update_conflicts=True,
            unique_fields=["posting", "xero_id"],
            update_fields=["number", "status", "total", "ended_at", "why"],
        )
        _number_anew([each for each in held if ended[each.xero_id] == DocumentStatus.VOIDED])
        moved = Posting.objects.filter(pk__in=[each.pk for each in held])
        moved.update(
            status=Posting.Status.UNDONE,
            message=why,
            submission=None,
            compared_at=None,
            attempt=F("attempt") + 1,
            updated_at=clock.now(),
            **NOTHING_IN_XERO,
        )
        # Nothing of it is owed or paid any more.
        Payment.objects.filter(posting__in=moved).delete()
        AppliedCredit.objects.filter(posting__in=moved).delete()
        # Nothing of it was sent now, so that the latest file counts, as when it is imported again.
        versions = later.newest_of([each.invoice_id for each in held])
        later.take_in([each.pk for each in versions.values()])
        post_log.write(moved, Posting.Status.UNDONE, user=user)
    return len(held)


def _number_anew(postings: Collection[Posting]) -> None:
    # Xero may keep the number of a voided document for ever; that of a deleted draft is free, and of what
    # it does not have.
    numbers = numbers_again.next_numbers(postings)
    for each in postings:
        each.number = numbers[each.pk]
    Posting.objects.bulk_update(postings, ["number"], batch_size=200)
