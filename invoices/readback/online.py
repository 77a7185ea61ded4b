"""Where a customer sees an approved invoice online."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from invoices.models import DocumentType, Posting
from xero_integration import connections

LONGEST = 500


def address(posting: Posting) -> str:
    """Return the address of a posted invoice, "" where Xero has none; it is asked for once, and kept. Raises
    XeroError."""
    if kept := known(posting):
        return kept
    if not posting.xero_id or posting.document_type != DocumentType.INVOICE:
        return ""
    found = connections.call(posting.connection, lambda gateway: gateway.online_invoice(posting.xero_id), click=True)
    if not _leads_to_xero(found):
        return ""
    Posting.objects.filter(pk=posting.pk, xero_id=posting.xero_id).update(online_url=found)
    return found


def known(posting: Posting) -> str:
    """Return the address as it is kept, "" when it was not asked for yet."""
    return posting.online_url if _leads_to_xero(posting.online_url) else ""


def _leads_to_xero(found: str) -> bool:
    # Whatever else an answer holds is no address that a reader may be sent to.
    parts = urlsplit(found)
    is_plain = parts.scheme == "http" and parts.netloc == urlsplit(settings.XERO_API_URL).netloc
    return len(found) <= LONGEST and bool(parts.netloc) and (parts.scheme == "https" or is_plain)
