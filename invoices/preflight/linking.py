"""*Link it*: a look in Xero, and then what was seen and is still the same is linked."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from c3portal.audit.record import Action, Source, record
from c3portal.database import clock
from invoices.importing import locks
from invoices.models import DocumentEvent, Invoice, Posting
from invoices.posting import linking
from invoices.posting.responses import kind_of
from invoices.preflight.preflight import inspect
from invoices.readback import documents, store
from xero_integration.models import XeroConnection

if TYPE_CHECKING:
    from c3portal.models import User


def look(
    invoices: QuerySet[Invoice], connection: XeroConnection, *, invoice_status: str
) -> dict[uuid.UUID, Mapping[str, Any]]:
    """Return the documents in Xero that are the same as these invoices, as they are there now, by invoice id. Raises
    XeroUnavailable, XeroAuthError and XeroRejected."""
    found = inspect(invoices, connection, invoice_status=invoice_status)
    return {row.invoice.pk: row.same for row in found.rows if row.same}


def link(
    invoices: QuerySet[Invoice], connection: XeroConnection, *, user: User, invoice_status: str, source: Source
) -> int:
    """Link the invoices to the documents in Xero that are the same, after another look. Returns how many. Raises as
    `look`, and then nothing was linked."""
    asked_at = clock.now()
    seen = look(invoices, connection, invoice_status=invoice_status)
    with transaction.atomic():
        # Once held, no import changes them any more: what the look compared is compared again with what they say now.
        chosen = Invoice.objects.filter(pk__in=seen)
        locks.hold(chosen)
        now = inspect(chosen, connection, invoice_status=invoice_status, look_up_in_xero=False)
        same = {
            row.invoice.pk: seen[row.invoice.pk]
            for row in now.rows
            if row.prepared and linking.is_same(row.prepared.document, seen[row.invoice.pk])
        }
        upload = linking.mark_linked(chosen, same, connection=connection, user=user, invoice_status=invoice_status)
        if upload is None:
            return 0
        linked = Posting.objects.filter(upload=upload).order_by("invoice__number")
        _keep_parts(connection, linked, same, asked_at)
        facts = linked.values_list("invoice__number", "xero_id")
        record(
            source,
            Action.UPLOAD,
            f"{len(facts):,} linked to documents in {connection.name}",
            after={
                "Organisation": connection.name,
                "Invoices": ", ".join(number for number, _ in facts),
                "Documents": ", ".join(xero_id for _, xero_id in facts),
                "Upload": upload.pk,
            },
        )
    return len(facts)


def _keep_parts(
    connection: XeroConnection,
    linked: QuerySet[Posting],
    rows: Mapping[uuid.UUID, Mapping[str, Any]],
    asked_at: dt.datetime,
) -> None:
    """Keep the payments and set-offs that the documents had already: no poll brings what does not change."""
    shown = (documents.read(kind_of(each), rows[each.invoice_id]) for each in linked)
    store.keep(connection, [each for each in shown if each is not None], DocumentEvent.Source.US, asked_at)
