"""Which documents are worth reading: those of billing periods that are not settled."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from invoices.models import Posting
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.models import XeroConnection

# Nothing more is to come of these.
SETTLED = (DocumentStatus.PAID, DocumentStatus.VOIDED, DocumentStatus.DELETED)


def posted(connection: XeroConnection) -> QuerySet[Posting]:
    """Return all that is in the organisation by the portal's hand."""
    return Posting.objects.filter(connection=connection, status=Posting.Status.POSTED)


def unsettled(connection: XeroConnection) -> QuerySet[Posting]:
    """Return the posted ones of every billing period that has one still open, the others of it included."""
    is_open = posted(connection).exclude(xero_status__in=SETTLED)
    return posted(connection).filter(Exists(is_open.filter(invoice__period=OuterRef("invoice__period"))))
