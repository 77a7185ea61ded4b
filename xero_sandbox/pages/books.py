"""An organisation's books: documents, contacts and reference data, to look at and to act in by hand."""

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from xero_sandbox import wire
from xero_sandbox.api.document_types import CREDIT_NOTE, INVOICE, Kind
from xero_sandbox.api.mailing import mails_left
from xero_sandbox.models import Allocation, Connection, Document, Organisation, dollars

PER_PAGE = 50
KIND_WORDS = {
    "ACCREC": "Invoice",
    "ACCRECCREDIT": "Credit note",
    "RECEIVE-PREPAYMENT": "Prepayment",
    "RECEIVE-OVERPAYMENT": "Overpayment",
}
DONE = {
    "paid": "The payment is recorded.",
    "unpaid": "The payments are removed.",
    "allocated": "The credit is allocated.",
    "unallocated": "The credit is taken back.",
    "approved": "The document is approved.",
    "edited": "The changes are saved.",
    "voided": "The document is {}.",
}
CONTACT_PAGE = "/Contacts/View/"
STATUSES = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting approval",
    "AUTHORISED": "Awaiting payment",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say what this is, and where to go."""
    return render(request, "xero_sandbox/home.html", {"organisations": Organisation.objects.all()})


@require_safe
def organisation(request: HttpRequest, short_code: str) -> HttpResponse:
    """Show an organisation at a glance, with the apps connected to it."""
    one = get_object_or_404(Organisation, short_code=short_code)
    context = {
        "organisation": one,
        "facts": _facts(one),
        "connections": one.connections.select_related("app"),
        "done": request.GET.get("done"),
    }
    return render(request, "xero_sandbox/organisation.html", context)


def _facts(one: Organisation) -> list[tuple[str, Any]]:
    return [
        ("Country", one.country),
        ("Base currency", one.base_currency),
        ("Currencies", ", ".join(one.currencies.values_list("code", flat=True))),
        ("Short code", one.short_code),
        ("Organisation ID", one.tenant_id),
        ("Period lock date", one.period_lock_date or "none"),
        ("End of year lock date", one.year_lock_date or "none"),
        ("Mails left today", mails_left(one)),
    ]


@require_POST
def disconnect(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    """End a connection from this side, as a user can in Xero under Connected apps."""
    connection = get_object_or_404(Connection.objects.select_related("organisation"), pk=connection_id)
    connection.delete()
    return redirect(f"/organisations/{connection.organisation.short_code}/?done=disconnected")


@require_safe
def invoices(request: HttpRequest, short_code: str) -> HttpResponse:
    """List the invoices."""
    return _documents(request, short_code, INVOICE, "Invoices")


@require_safe
def credit_notes(request: HttpRequest, short_code: str) -> HttpResponse:
    """List the credit notes."""
    return _documents(request, short_code, CREDIT_NOTE, "Credit notes")


def _documents(request: HttpRequest, short_code: str, kind: Kind, title: str) -> HttpResponse:
    one = get_object_or_404(Organisation, short_code=short_code)
    found = one.documents.filter(type=kind.type).select_related("contact").order_by("-id")
    term, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    if term:
        found = found.filter(
            Q(number__icontains=term) | Q(reference__icontains=term) | Q(contact__name__icontains=term)
        )
    if status in STATUSES:
        found = found.filter(status=status)
    context = _paged(request, found) | {
        "organisation": one,
        "title": title,
        "term": term,
        "status": status,
        "statuses": STATUSES.items(),
    }
    for row in context["page"]:
        row.status_words = STATUSES[row.status]
    return render(request, "xero_sandbox/documents.html", context)


def _paged(request: HttpRequest, found: Any) -> dict[str, Any]:
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    kept = [(name, str(value)) for name, value in request.GET.items() if name != "page" and value]
    return {"page": page, "query": f"&{urlencode(kept)}" if kept else ""}


@require_safe
def document(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Show one invoice or credit note."""
    row = get_object_or_404(Document.objects.select_related("contact", "organisation"), document_id=document_id)
    return document_page(request, row)


@require_safe
def online_invoice(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Show an approved invoice as the customer sees it."""
    found = Document.objects.select_related("contact", "organisation").filter(type=INVOICE.type)
    row = get_object_or_404(found, document_id=document_id, status__in=("AUTHORISED", "PAID"))
    context = {"document": row, "lines": wire.decode(row.lines.encode()), "tax": dollars(row.tax_cents)}
    return render(request, "xero_sandbox/online_invoice.html", context)


def document_page(request: HttpRequest, row: Document, error: str = "") -> HttpResponse:
    """Show a document, with what was refused about it."""
    theme = row.organisation.themes.filter(theme_id=row.theme_id or wire.ZERO_ID).first()
    context = {
        "organisation": row.organisation,
        "document": row,
        "kind": KIND_WORDS[row.type],
        "status_words": STATUSES[row.status],
        "theme": theme or "",
        "lines": wire.decode(row.lines.encode()),
        "sub_total": dollars(row.sub_total_cents),
        "tax": dollars(row.tax_cents),
        "payments": row.payments.all(),
        "error": error,
        "credits": _credits(row),
        "actions": _actions(row),
        "history": row.history.order_by("-at", "-id"),
        "done_words": DONE.get(request.GET.get("done", ""), "").format(STATUSES[row.status].lower()),
    }
    return render(request, "xero_sandbox/document.html", context, status=400 if error else 200)


def _credits(row: Document) -> list[Allocation]:
    """Return what was set against a document or out of it, each with the document at its other end."""
    found = [*row.credits.select_related("source"), *row.allocations.select_related("invoice")]
    for one in found:
        one.other = one.invoice if one.source_id == row.pk else one.source
    return found


def _actions(row: Document) -> list[tuple[str, str]]:
    """Return what may be done to a document: where, and in which words."""
    draft, approved = row.status in ("DRAFT", "SUBMITTED"), row.status == "AUTHORISED"
    writable = row.type in (INVOICE.type, CREDIT_NOTE.type)
    possible = (
        (draft, "approve", "Approve"),
        ((draft or approved) and writable and not row.settled, "edit", "Edit"),
        (row.paid_cents > 0, "unpay", "Remove the payments"),
        (row.credited_cents > 0, "unallocate", "Take the credit back"),
        ((draft or approved) and not row.settled, "void", "Void" if approved else "Delete"),
    )
    return [(place, words) for may, place, words in possible if may]


@require_safe
def contacts(request: HttpRequest, short_code: str) -> HttpResponse:
    """List the contacts."""
    one = get_object_or_404(Organisation, short_code=short_code)
    term = request.GET.get("q", "").strip()
    found = one.contacts.order_by("name")
    if term:
        found = found.filter(Q(name__icontains=term) | Q(number__icontains=term) | Q(email__icontains=term))
    context = _paged(request, found) | {
        "organisation": one,
        "title": "Contacts",
        "term": term,
        "headers": ["Name", "Contact number", "E-mail", "Status"],
    }
    context["rows"] = [[row.name, row.number, row.email, row.status] for row in context["page"]]
    return render(request, "xero_sandbox/table.html", context)


@require_safe
def accounts(request: HttpRequest, short_code: str) -> HttpResponse:
    """Show the chart of accounts."""
    one = get_object_or_404(Organisation, short_code=short_code)
    rows = [[row.code, row.name, row.type, row.tax_type, row.status] for row in one.accounts.all()]
    return _table(request, one, "Chart of accounts", ["Code", "Name", "Type", "Tax type", "Status"], rows)


@require_safe
def themes(request: HttpRequest, short_code: str) -> HttpResponse:
    """Show the invoice themes."""
    one = get_object_or_404(Organisation, short_code=short_code)
    rows = [[row.name, row.theme_id] for row in one.themes.all()]
    return _table(request, one, "Invoice themes", ["Name", "BrandingThemeID"], rows)


@require_safe
def tax_rates(request: HttpRequest, short_code: str) -> HttpResponse:
    """Show the tax rates."""
    one = get_object_or_404(Organisation, short_code=short_code)
    rows = [
        [row.name, row.tax_type, f"{row.rate.normalize():f}%", ", ".join(row.applies_to).lower(), row.status]
        for row in one.tax_rates.all()
    ]
    return _table(request, one, "Tax rates", ["Name", "Tax type", "Rate", "For accounts of class", "Status"], rows)


def _table(
    request: HttpRequest, one: Organisation, title: str, headers: list[str], rows: list[list[Any]]
) -> HttpResponse:
    context = {"organisation": one, "title": title, "headers": headers, "rows": rows}
    return render(request, "xero_sandbox/table.html", context)


@require_safe
def deep_link(request: HttpRequest) -> HttpResponse:
    """Follow a deep link as Xero gives them: an organisation's short code and a path inside it."""
    one = Organisation.objects.filter(short_code=request.GET.get("shortcode", "")).first()
    if one is None:
        raise Http404("There is no organisation with this short code.")
    parts = urlsplit(request.GET.get("redirecturl", ""))
    if parts.path.startswith(CONTACT_PAGE):
        contact = get_object_or_404(one.contacts, contact_id=wire.parse_id(parts.path.removeprefix(CONTACT_PAGE)))
        return redirect(f"{reverse('contacts', args=[one.short_code])}?{urlencode({'q': contact.name})}")
    return _by_wire_id({name: values[0] for name, values in parse_qs(parts.query).items()}, one)


@require_safe
def wire_link(request: HttpRequest) -> HttpResponse:
    """Follow the path inside an organisation alone."""
    return _by_wire_id(request.GET.dict())


def _by_wire_id(query: dict[str, str], one: Organisation | None = None) -> HttpResponse:
    named = {name.lower(): value for name, value in query.items()}
    document_id = wire.parse_id(named.get("invoiceid") or named.get("creditnoteid"))
    rows = Document.objects.filter(document_id=document_id) if document_id else Document.objects.none()
    row = (rows.filter(organisation=one) if one else rows).first()
    if row is None:
        raise Http404("There is no such document in this organisation.")
    return redirect("document", document_id=row.document_id)
