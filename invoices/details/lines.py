"""The lines of one invoice with the account and the tax type that each has in Xero, or would have now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from invoices.documents import billing_contact, mapping, places
from invoices.documents.places import PlaceRules
from invoices.models import AccountOverride, Invoice, InvoiceLine, TaxOverride
from xero_integration import reference
from xero_integration.client import shapes
from xero_integration.models import XeroConnection, XeroSettings

AS_SENT = "As sent."
# An invoice of Azure usage has thousands.
LINES_A_PAGE = 100


@dataclass(frozen=True)
class Goes:
    """An account or a tax type: its code, "" where there is none, its name, and why."""

    code: str
    name: str
    why: str


@dataclass(frozen=True)
class PlacedLine:
    line: InvoiceLine
    account: Goes
    tax: Goes


def marked(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Return `invoices`, each with how many lines it has, and with what of the settings decides about these and about
    who gets it, so that `page_of`, `placed` and `recipient_of` need not ask for it."""
    codes = {
        f"code_of_{kind}": Subquery(XeroSettings.objects.order_by("pk").values(name)[:1])
        for kind, name in places.CODE_FIELDS.items()
    }
    counted = InvoiceLine.objects.filter(invoice=OuterRef("pk")).order_by().values("invoice").annotate(n=Count("pk"))
    line_count = Coalesce(Subquery(counted.values("n"), output_field=IntegerField()), 0)
    return invoices.annotate(
        tax_country=billing_contact.tax_country(),
        recipient_key=billing_contact.recipient_key(),
        line_count=line_count,
        **codes,
    )


def page_of(invoice: Invoice, number: str | None) -> Page[InvoiceLine]:
    """Return the page of the lines of an invoice of `marked` with this number; the nearest where there is none."""
    pages = Paginator(invoice.lines.defer("source"), LINES_A_PAGE)
    pages.count = invoice.line_count  # type: ignore[attr-defined]
    return pages.get_page(number)


def placed(
    invoice: Invoice,
    page: Page[InvoiceLine],
    connection: XeroConnection | None,
    sent: Mapping[str, Any] | None = None,
) -> list[PlacedLine]:
    """Return the lines of a page of an invoice of `marked`, whose customer is loaded, in five queries: where they went
    by the document that was `sent`, else where they would go now. Without an organisation they go nowhere."""
    lines = list(page)
    if connection is None:
        nowhere = Goes("", "", "")
        return [PlacedLine(each, nowhere, nowhere) for each in lines]
    rules = _rules(invoice, connection)
    now = [PlacedLine(each, _account(each, invoice, rules), _tax(each, invoice, rules)) for each in lines]
    items = shapes.objects((sent or {}).get("LineItems"))
    # A line for rounding may come after them.
    if len(items) < page.paginator.count:
        return now
    first = page.start_index() - 1 if lines else 0
    return [_as_sent(each, item, rules) for each, item in zip(now, items[first : first + len(now)], strict=True)]


def _rules(invoice: Invoice, connection: XeroConnection) -> PlaceRules:
    own = Q(customer=None) | Q(customer=invoice.customer_id)
    overrides = AccountOverride.objects.filter(own).select_related("customer")
    codes = {kind: getattr(invoice, f"code_of_{kind}") or "" for kind in places.CODE_FIELDS}
    return PlaceRules(
        places.account_rules(codes, overrides),
        places.tax_rules(reference.sales_taxes(connection), TaxOverride.objects.all()),
        reference.accounts_of(connection),
    )


def _account(line: InvoiceLine, invoice: Invoice, rules: PlaceRules) -> Goes:
    try:
        chosen = places.account_of(line, invoice.customer, rules)
    except mapping.Unmapped as error:
        return Goes("", "", str(error))
    return Goes(chosen.code, places.name_of(chosen.code, rules), chosen.because)


def _tax(line: InvoiceLine, invoice: Invoice, rules: PlaceRules) -> Goes:
    country: str = invoice.tax_country  # type: ignore[attr-defined]
    try:
        rate, because = places.rate_of(line, country, rules)
    except mapping.Unmapped as error:
        return Goes("", "", str(error))
    return Goes(rate.tax_type, rate.name, because)


def _as_sent(line: PlacedLine, item: Mapping[str, Any], rules: PlaceRules) -> PlacedLine:
    code, tax_type = str(item.get("AccountCode") or ""), str(item.get("TaxType") or "")
    rate = next((each for each in rules.taxes.rates if each.tax_type == tax_type), None)
    return PlacedLine(
        line.line,
        _then(line.account, code, places.name_of(code, rules)),
        _then(line.tax, tax_type, rate.name if rate else ""),
    )


def _then(now: Goes, code: str, name: str) -> Goes:
    """Return what was sent, with the reason of today where that comes to the same."""
    if code == now.code:
        return now
    return Goes(code, name, f"{AS_SENT} Now {now.code}: {now.why}" if now.code else f"{AS_SENT} Now: {now.why}")
