"""What a person decides about a document that was changed in Xero.

Accepting leaves it as Xero has it. Excluding is for what was voided or deleted there: it is accepted, and the invoice
is set aside, so that it is not posted again. Posting it again is the business of whoever undoes postings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.database import clock
from invoices.importing import locks
from invoices.models import Invoice, Posting
from invoices.readback import documents, history, states

if TYPE_CHECKING:
    from c3portal.models import User

LONGEST_REASON = 500


def accept(
    posting: Posting,
    because: str,
    user: User,
    *,
    seen: dict[str, dict[str, str]],
    exclude: bool = False,
    source: Source = None,
) -> bool:
    """Note that what Xero has is right; `because` has 1 to LONGEST_REASON characters, `seen` is what the person was
    shown. With `exclude` an invoice whose document is gone is set aside too. Returns False where nothing asks for it,
    or by now something else."""
    with transaction.atomic():
        if exclude:
            # Before the posting, as whoever queues or takes back does.
            locks.hold(Invoice.objects.filter(pk=posting.invoice_id))
        rows = Posting.objects.filter(
            pk=posting.pk, status=Posting.Status.POSTED, edits=seen, edits_accepted_at=None
        ).exclude(edits={})
        moment = clock.now()
        if not rows.update(edits_accepted_at=moment, edits_accepted_by=user, edits_accepted_because=because):
            return False
        invoice = Invoice.objects.filter(pk=posting.invoice_id)
        if exclude and is_excludable(posting):
            invoice.update(ignored_because=because, ignored_by=user, ignored_at=timezone.now())
        words = f"{'Excluded' if exclude else 'Accepted as it is in Xero'}: {because}"
        history.note(posting, words, user=user)
        subject = f"Accepted what Xero has of {posting.invoice.number}"
        was = {documents.FACTS.get(fact, fact): each["sent"] for fact, each in seen.items()}
        now = {documents.FACTS.get(fact, fact): each["now"] for fact, each in seen.items()}
        record(source, Action.OPERATION, subject, before=was, after={"Reason": because, **now}, actor=user)
    return True


def is_excludable(posting: Posting) -> bool:
    """Whether its document is gone, so that its invoice may be set aside."""
    return states.is_gone(posting)
