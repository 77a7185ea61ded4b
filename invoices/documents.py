"""From postings to documents for Xero: gathers what the pure modules need, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from invoices import mapping, preflight
from invoices.models import DocumentType, Invoice, InvoiceLine, Posting
from xero_integration import reference
from xero_integration.models import ContactLink, TaxRate, XeroConnection, XeroSettings
from xero_integration.payloads import Charge, Document, line, reference_text


@dataclass(frozen=True)
class Refused:
    """An invoice that must not be sent, with the reason in words."""

    words: str


@dataclass(frozen=True)
class Books:
    """What of the organisation and the settings goes into every document of a batch."""

    accounts: mapping.AccountCodes
    rates: Sequence[mapping.Rate]
    theme_id: str
    organisation: preflight.Organisation


def marker(invoice: Invoice) -> str:
    """Return the text in the Reference that proves a document in Xero to be ours: short, and the same every time."""
    return f"C3-{invoice.pk.hex[:12]}"


def url(invoice: Invoice) -> str:
    """Return the invoice's address in the portal, "" when Xero would refuse it (none with its own name in it)."""
    address = f"{settings.PORTAL_URL}{invoice.get_absolute_url()}"
    return "" if "xero" in address.casefold() or not urlsplit(address).netloc else address


def prepare(connection: XeroConnection, postings: Sequence[Posting]) -> dict[int, Document | Refused]:
    """Return the document for each posting by its id, or why there must not be one; in the postings' order."""
    invoices = Invoice.objects.filter(pk__in=[each.invoice_id for each in postings])
    by_id = {each.pk: each for each in invoices.select_related("customer", "period").prefetch_related("lines")}
    statuses = dict(
        Posting.objects.filter(pk__in=[each.pk for each in postings]).values_list("pk", "upload__invoice_status")
    )
    links = dict(
        ContactLink.objects.filter(
            connection=connection, customer_key__in={each.customer.tenant_id for each in by_id.values()}
        ).values_list("customer_key", "contact_id")
    )
    books = read_books(connection)
    return {
        each.pk: _document_or_refusal(each, by_id[each.invoice_id], statuses[each.pk], links, books)
        for each in postings
    }


def read_books(connection: XeroConnection) -> Books:
    """Read what documents for this organisation are made with."""
    app = XeroSettings.load()
    rates = TaxRate.objects.filter(connection=connection, status="ACTIVE", can_apply_to_revenue=True)
    theme = reference.find_theme(app, connection) if app.theme_name or app.theme_id else None
    problems = reference.settings_problems(app, connection)
    codes = {
        InvoiceLine.Kind.LICENSE.value: app.license_account_code,
        InvoiceLine.Kind.AZURE.value: app.azure_account_code,
        InvoiceLine.Kind.CUSTOM.value: app.custom_account_code,
    }
    return Books(
        accounts=mapping.AccountCodes(codes),
        rates=[mapping.Rate(rate.tax_type, rate.name, rate.effective_rate) for rate in rates],
        theme_id=theme.theme_id if theme else "",
        organisation=preflight.Organisation(
            name=connection.name,
            currencies=frozenset(connection.currencys.values_list("code", flat=True)),
            account_problems={
                getattr(app, field): words for field, words in problems.items() if field in reference.ACCOUNT_FIELDS
            },
        ),
    )


def _document_or_refusal(
    posting: Posting, invoice: Invoice, status: str, links: Mapping[str, str], books: Books
) -> Document | Refused:
    contact_id = links.get(invoice.customer.tenant_id)
    if contact_id is None:
        return Refused("The customer has no contact in Xero yet. Upload again.")
    try:
        document = build(posting, invoice, status, contact_id, books)
    except mapping.Unmapped as error:
        return Refused(str(error))
    problems = preflight.problems(document, abs(invoice.total), books.organisation)
    return Refused(" ".join(problems)) if problems else document


def build(posting: Posting, invoice: Invoice, status: str, contact_id: str, books: Books) -> Document:
    """Return the document for an invoice with its lines loaded. Raises mapping.Unmapped for a line without a place."""
    is_credit_note = posting.document_type == DocumentType.CREDIT_NOTE
    lines = [
        line(_charge(each, books), invoice.currency, is_credit_note=is_credit_note) for each in invoice.lines.all()
    ]
    return Document(
        is_credit_note=is_credit_note,
        number=invoice.xero_number,
        contact_id=contact_id,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        currency=invoice.currency,
        status=status,
        reference=reference_text(
            original_number=invoice.number,
            number=invoice.xero_number,
            period=f"Billing {invoice.period.billing_id}",
            marker=marker(invoice),
        ),
        url=url(invoice),
        theme_id=books.theme_id,
        lines=tuple(lines),
    )


def _charge(each: InvoiceLine, books: Books) -> Charge:
    rate = mapping.tax_rate(books.rates, each.tax_name, each.tax_percentage)
    return Charge(
        name=each.name,
        sku=each.sku,
        is_usage=each.kind == InvoiceLine.Kind.AZURE,
        quantity=each.quantity,
        unit_price=each.unit_price,
        subtotal=each.subtotal,
        starts_on=each.charge_start,
        ends_on=each.charge_end,
        account_code=books.accounts.of(each.kind),
        tax_type=rate.tax_type,
        tax_rate=rate.percentage,
    )
