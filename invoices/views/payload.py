"""The exact payload of an invoice, and why."""

from __future__ import annotations

import json
import re
import uuid
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.documents.builder import Prepared
from invoices.models import Invoice
from invoices.preflight.preflight import Inspected, inspect
from xero_integration.context_processors import current_connection
from xero_integration.models import InvoiceStatus, XeroConnection, XeroSettings


@require_safe
@role_required(*roles.ALL)
def payload(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Show the document line by line, with why each goes where, the proof and the JSON."""
    invoice = get_object_or_404(
        Invoice.objects.select_related(
            "customer", "bill_to__same_as", "period", "posting", "corrects__posting__invoice"
        ),
        pk=pk,
    )
    status = _status(request)
    found = _inspected(invoice, current_connection(request), status)
    if found is None:
        return redirect(invoice)
    prepared = found.prepared
    context = {
        "invoice": invoice,
        "found": found,
        "status": status,
        "prepared": prepared,
        "lines": list(zip(prepared.document.lines, _choices(prepared), strict=True)) if prepared else [],
        "json": json.dumps(json.loads(_body(prepared)), indent=2, ensure_ascii=False) if prepared else "",
    }
    return render(request, "invoices/preflight/payload.html", context)


@require_safe
@role_required(*roles.ALL)
def payload_json(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Download the exact bytes for this invoice alone. 404 when no document can be made."""
    invoice = get_object_or_404(Invoice, pk=pk)
    found = _inspected(invoice, XeroConnection.objects.current(), _status(request))
    if found is None or found.prepared is None:
        raise Http404("No document can be made for this invoice.")
    name = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', invoice.number_in_xero)}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(_body(found.prepared), content_type="application/json", headers=headers)


def _inspected(invoice: Invoice, connection: XeroConnection | None, status: str) -> Inspected | None:
    """Return what is known without asking Xero; None while no organisation is connected."""
    if connection is None:
        return None
    (row,) = inspect(
        Invoice.objects.filter(pk=invoice.pk), connection, invoice_status=status, look_up_in_xero=False
    ).rows
    return row


def _status(request: HttpRequest) -> str:
    status = request.GET.get("status", "")
    return status if status in InvoiceStatus.values else XeroSettings.load().invoice_status


def _body(prepared: Prepared | None) -> bytes:
    # Few people open this page, and what it takes to build a body need not be loaded for the others.
    from xero_integration.xero_models import documents_body

    return documents_body([cast(Prepared, prepared).document])


def _choices(prepared: Prepared) -> list[object]:
    more = len(prepared.document.lines) - len(prepared.choices)
    return [*prepared.choices, *[None] * more]
