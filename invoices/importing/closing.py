"""Closing by hand what was held back, where no file will ever have it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from invoices.models import HeldBackInvoice

if TYPE_CHECKING:
    from c3portal.models import User

LONGEST_REASON = 200


def close(held: HeldBackInvoice, because: str, user: User, *, source: Source = None) -> bool:
    """Close an entry; `because` has 1 to LONGEST_REASON characters. Return False where it is closed already."""
    with transaction.atomic():
        # A later file may close it at the same moment: whoever is first.
        still_open = HeldBackInvoice.objects.filter(pk=held.pk, resolved_at=None)
        if not still_open.update(resolved_at=timezone.now(), closed_by=user, close_reason=because):
            return False
        after = {"Reason": because, "Billing period": held.billing_id, "Import": held.run_id}
        record(source, Action.IMPORT, f"Held back invoice closed: {held}", after=after, actor=user)
    return True
