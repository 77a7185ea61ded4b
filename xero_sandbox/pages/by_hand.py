"""What a person does to a document on its page: approve, pay, take payments back, allocate, void, delete and edit."""

import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from xero_sandbox import bookkeeping, clock, wire
from xero_sandbox.api import by_hand
from xero_sandbox.api.document_types import INVOICE
from xero_sandbox.api.reading import by_ident
from xero_sandbox.models import Document
from xero_sandbox.pages.books import document_page
from xero_sandbox.storage import writing

Action = Callable[[Document, QueryDict], None]
FIELDS = ("Date", "DueDate", "Reference")
LINE_FIELDS = ("Description", "Quantity", "UnitAmount", "AccountCode")
KEPT_OF_LINE = ("LineItemID", "TaxType", "Tracking", "DiscountRate", "DiscountAmount")


def _view(action: Action, done: str) -> Callable[..., HttpResponse]:
    """Make a view that does something to a document and shows its page, with what was refused or that it is done."""

    def view(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
        row = _document(document_id)
        try:
            action(row, request.POST)
        except InvalidOperation:
            return document_page(request, row, "The amount must be a number, such as 120.50.")
        except bookkeeping.BookkeepingRefused as refused:
            return document_page(request, _document(document_id), str(refused))
        return redirect(f"/documents/{document_id}/?done={done}")

    return require_POST(view)


def _document(document_id: uuid.UUID) -> Document:
    return get_object_or_404(Document.objects.select_related("contact", "organisation"), document_id=document_id)


def _amount(form: QueryDict) -> Decimal:
    return Decimal(form.get("amount", "").replace(",", "")).quantize(Decimal("0.01"))


def _approve(row: Document, form: QueryDict) -> None:
    _written(by_hand.change(row, {"Status": "AUTHORISED"}))


def _written(errors: list[str]) -> None:
    if errors:
        raise bookkeeping.BookkeepingRefused(" ".join(errors))


def _pay(row: Document, form: QueryDict) -> None:
    bookkeeping.record(row, _amount(form), reference=form.get("reference", "")[:255])


def _allocate(row: Document, form: QueryDict) -> None:
    invoice = by_ident(row.organisation, INVOICE, form.get("invoice", "").strip())
    if invoice is None:
        raise bookkeeping.BookkeepingRefused("There is no invoice with this number.")
    with writing():
        bookkeeping.allocate(row, invoice, _amount(form), clock.now().date())


def _unallocate(row: Document, form: QueryDict) -> None:
    with writing():
        for allocation in [*row.credits.all(), *row.allocations.all()]:
            bookkeeping.take_back(allocation)


approve = _view(_approve, "approved")
pay = _view(_pay, "paid")
unpay = _view(lambda row, form: bookkeeping.remove_payments(row), "unpaid")
allocate = _view(_allocate, "allocated")
unallocate = _view(_unallocate, "unallocated")
void = _view(lambda row, form: bookkeeping.void(row), "voided")


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Change what a document says: contact, dates, reference and lines. An emptied line is taken out."""
    row = _document(document_id)
    errors: list[str] = []
    if request.method == "POST":
        errors = by_hand.change(row, _changes(row, request.POST))
        if not errors:
            return redirect(f"/documents/{document_id}/?done=edited")
    context = {
        "organisation": row.organisation,
        "document": row,
        "kind": "Invoice" if row.type == INVOICE.type else "Credit note",
        "contacts": row.organisation.contacts.filter(status="ACTIVE").order_by("name"),
        "lines": [*wire.decode(row.lines.encode()), {}],
        "errors": errors,
    }
    return render(request, "xero_sandbox/edit.html", context, status=400 if errors else 200)


def _changes(row: Document, form: QueryDict) -> dict[str, Any]:
    kept = wire.decode(row.lines.encode())
    sent = zip(*(form.getlist(name) for name in LINE_FIELDS), strict=False)
    lines = [
        {name: old[name] for name in KEPT_OF_LINE if name in old} | dict(zip(LINE_FIELDS, values, strict=True))
        for old, values in zip([*kept, {}], sent, strict=False)
        if any(value.strip() for value in values)
    ]
    dates = {name: form.get(name) or None for name in FIELDS}
    return {"Contact": {"ContactID": form.get("contact")}, "LineItems": lines} | dates
