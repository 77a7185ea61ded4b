"""Crediting what is in Xero: what the credit note would say, and making it."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from c3portal.audit.record import Action, record
from c3portal.formats import amounts
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.changes import allocating
from invoices.corrections import as_in_xero, limit
from invoices.corrections.as_in_xero import InXero
from invoices.corrections.creating import CorrectingLine, NotPossible, create, next_number, total_of
from invoices.corrections.forms import CreditForm
from invoices.models import DocumentType, Invoice, Posting, UploadDraft
from invoices.posting import wakeups
from invoices.preflight import upload_drafts
from invoices.selection.selection import Selection
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection, XeroSettings

OTHER_TOTAL = "The invoice was changed in Xero since: look at the new amounts, then confirm."


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(*roles.FINANCE)
def invoice_credit(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Ask what is to be credited, show what would be sent, then make the credit note and lead it to the preflight."""
    related = ("posting__connection", "posting__invoice", "period", "customer")
    invoice = get_object_or_404(Invoice.objects.select_related(*related), pk=pk)
    try:
        _require_posted(invoice)
        shown = as_in_xero.read(invoice)
    except (NotPossible, XeroError) as error:
        messages.warning(request, f"{invoice.number} cannot be credited now. {error}")
        return redirect(invoice)
    initial = {"invoice_status": XeroSettings.load().invoice_status}
    form = CreditForm(request.POST or None, initial=initial, lines=shown.lines)
    lines = _chosen(form, shown) if request.method == "POST" and form.is_valid() else []
    if lines and _is_confirmed(request, total_of(lines)):
        try:
            return redirect(_make(request, invoice, lines, form, shown))
        except NotPossible as error:
            form.add_error(None, str(error))
    return render(request, "invoices/credit.html", _context(invoice, shown, form, lines))


def _require_posted(invoice: Invoice) -> None:
    posting = getattr(invoice, "posting", None)
    if posting is None or posting.status != Posting.Status.POSTED:
        raise NotPossible("It is not in Xero.")
    if posting.document_type != DocumentType.INVOICE:
        raise NotPossible("It is a credit note itself.")
    current = XeroConnection.objects.current()
    if posting.connection != current:
        raise NotPossible(f"It is in {posting.connection.name}, which is not in use now: choose that organisation.")


def _chosen(form: CreditForm, shown: InXero) -> list[CorrectingLine]:
    try:
        return shown.credited(form.amounts())
    except NotPossible as error:
        form.add_error(None, str(error))
        return []


def _is_confirmed(request: HttpRequest, total: Decimal) -> bool:
    if "confirm" not in request.POST:
        return False
    if request.POST.get("total") == str(total):
        return True
    messages.warning(request, OTHER_TOTAL)
    return False


def _context(invoice: Invoice, shown: InXero, form: CreditForm, lines: list[CorrectingLine]) -> dict[str, Any]:
    left, total = limit.left(invoice), total_of(lines)
    return {
        "invoice": invoice,
        "posting": invoice.posting,
        "shown": shown,
        "total": total_of(shown.lines),
        "form": form,
        "left": left,
        "earlier": limit.live_credits(invoice).select_related("posting").order_by("number"),
        "lines": lines,
        "number": next_number(invoice, total) if lines else "",
        "credited": -total,
        "confirmed_total": str(total),
        "left_then": left + total,
        "set_off": min(-total, limit.owed(invoice)),
        "stays": max(-total - limit.owed(invoice), limit.NOTHING),
        "too_much": -total > left,
    }


def _make(
    request: HttpRequest, invoice: Invoice, lines: list[CorrectingLine], form: CreditForm, shown: InXero
) -> Invoice | UploadDraft:
    """Return where to go on: the preflight of the new credit note."""
    facts, user = form.cleaned_data, cast(User, request.user)
    with transaction.atomic():
        number = request.POST.get("number", "")
        made = create(invoice, lines, reason=facts["reason"], contact_id=shown.contact_id, number=number)
        after = {
            "Credit note": made.number,
            "Total": amounts.written(made.total, made.currency),
            "Lines": len(lines),
            "Reason": made.reason,
        }
        record(request, Action.UPLOAD, f"{invoice.number}: credit note made", after=after)
        draft = upload_drafts.make(
            Selection(invoice.period),
            [str(made.pk)],
            everything=False,
            invoice_status=facts["invoice_status"],
            connection=invoice.posting.connection,
            user=user,
        )
    messages.success(request, f"{made.number} is made, and not in Xero yet: post it below.")
    return draft or made


@require_POST
@role_required(*roles.FINANCE)
def credit_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Ask Xero once more to set a credit note against its invoice."""
    note = get_object_or_404(Invoice.objects.select_related("corrects"), pk=pk)
    posting = Posting.objects.select_related("connection").filter(invoice=note, invoice__corrects__isnull=False).first()
    with transaction.atomic():
        asked = posting is not None and allocating.again(posting, cast(User, request.user))
        if posting is not None and asked:
            record(request, Action.OPERATION, f"{note.number}: to be set against {note.corrects}", after={})
            wakeups.wake_after_commit(posting.connection_id)
    if asked:
        messages.success(request, f"Xero is asked to set it against {note.corrects}.")
    else:
        messages.info(request, "There is nothing to ask Xero for: see below how the two documents stand.")
    return redirect(note)
