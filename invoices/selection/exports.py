"""A billing period, or invoices of it, as CSV or as a workbook, a few rows in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import batched

from django.db.models import QuerySet

from c3portal.http.csv_response import Cell, as_csv, csv_rows
from c3portal.http.spreadsheet_cells import protect
from c3portal.http.xlsx_response import as_xlsx
from invoices.duplicates import comparison
from invoices.matching.meanings import FIELDS, TEXTS
from invoices.models import BillingPeriod, ImportRun, Invoice, InvoiceLine, Posting
from invoices.readback import documents, states
from invoices.selection import microsoft

FETCHED_AT_ONCE = 2_000

INVOICE_COLUMNS = (
    "InvoiceNumber",
    "ERPCustomerID",
    "TenantID",
    "CustomerName",
    "CustomerEmail",
    "CustomerCountry",
    "InvoiceGeneratedDate",
    "InvoiceDueDate",
    "CurrencyCode",
    "SubTotal",
    "TaxAmount",
    "Total",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "BillingId",
    "State",
    "Message",
    "Difference",
    "XeroInvoiceNumber",
    "XeroInvoiceID",
    "XeroStatus",
    "XeroTotal",
    "XeroLink",
    "BillTo",
    "LooksTheSameAs",
    "XeroState",
    "AmountDue",
    "AmountPaid",
    "AmountCredited",
    "PaidOn",
    "SentToContact",
    "ChangedInXero",
    "ReadFromXeroAt",
    "Corrects",
    "Reason",
    "PurchaseOrder",
    "MicrosoftInvoiceNumber",
)
PAYMENT_COLUMNS = (
    "InvoiceNumber",
    "ERPCustomerID",
    "TenantID",
    "CustomerName",
    "CurrencyCode",
    "BillingId",
    "XeroInvoiceNumber",
    "XeroInvoiceID",
    "XeroStatus",
    "Total",
    "AmountPaid",
    "AmountDue",
    "PaymentID",
    "PaymentDate",
    "PaymentAmount",
    "PaymentReference",
    "PaymentKind",
    "XeroState",
    "AmountCredited",
    "PaidOn",
    "XeroTotal",
)
FINDING_COLUMNS = ("Row", "InvoiceNumber", "Field", "Reason")
NOT_UPLOADED = "Not posted"

_TEXTS = frozenset(TEXTS)


def invoices_csv(period: BillingPeriod) -> Iterator[str]:
    """Yield a row for each of the period's invoices, as `csv_of`."""
    return csv_of(Invoice.objects.filter(period=period))


def csv_of(invoices: QuerySet[Invoice]) -> Iterator[str]:
    """Yield one row an invoice: its facts, where it stands, and what it is in Xero."""
    return as_csv(INVOICE_COLUMNS, _invoice_rows(invoices))


def xlsx_of(invoices: QuerySet[Invoice]) -> Iterator[bytes]:
    """Yield a workbook with the rows of `csv_of`."""
    return as_xlsx("Invoices", INVOICE_COLUMNS, _invoice_rows(invoices))


def _invoice_rows(invoices: QuerySet[Invoice]) -> Iterator[list[Cell]]:
    # Asked once for all; few invoices look like another one. What a list joins cannot be left out as it asks.
    plain = invoices.select_related(None)
    alike = {pk: each.other.number for pk, each in comparison.lookalikes(plain).items() if each.holds}
    rows = invoices.select_related("customer", "bill_to", "period", "posting__connection", "corrects")
    for several in batched(rows.order_by("number").iterator(FETCHED_AT_ONCE), FETCHED_AT_ONCE):
        billed_by = microsoft.numbers_of([each.pk for each in several])
        for each in several:
            last = [each.purchase_order, ", ".join(billed_by.get(each.pk, ()))]
            yield [*_invoice_row(each), alike.get(each.pk, ""), *_xero_cells(each), *_correction(each), *last]


def lines_csv(period: BillingPeriod) -> Iterator[str]:
    """Yield the lines as imported: importing the file again changes nothing. What was made here is not among them."""
    lines = InvoiceLine.objects.filter(invoice__period=period, invoice__corrects=None).order_by(
        "invoice__number", "position"
    )
    sources = lines.values_list("source", flat=True).iterator(FETCHED_AT_ONCE)
    return csv_rows(FIELDS, map(_line_cells, sources))


def payments_csv(period: BillingPeriod) -> Iterator[str]:
    """Yield one row for each payment and set-off as last read, one for an invoice in Xero without any; signed as the
    invoice's total."""
    return as_csv(PAYMENT_COLUMNS, _of_payments(period))


def _of_payments(period: BillingPeriod) -> Iterator[list[Cell]]:
    postings = (
        Posting.objects.filter(invoice__period=period, status=Posting.Status.POSTED)
        .select_related("invoice__customer")
        .prefetch_related("payments", "applied_credits")
        .order_by("invoice__number")
    )
    return (row for posting in postings.iterator(FETCHED_AT_ONCE) for row in _payment_rows(posting, period))


def findings_csv(run: ImportRun, kind: str = "") -> Iterator[str]:
    """Yield what the run found, of one kind alone if that is named."""
    found = run.findings.filter(kind=kind) if kind else run.findings.all()
    findings = found.values_list("row", "invoice_number", "field", "reason")
    return as_csv(FINDING_COLUMNS, findings.iterator(FETCHED_AT_ONCE))


DOWNLOADS: dict[str, Callable[[BillingPeriod], Iterator[str]]] = {
    "invoices": invoices_csv,
    "lines": lines_csv,
    "payments": payments_csv,
}
# Lines come as CSV alone: the form in which they can be imported again.
WORKBOOKS: dict[str, Callable[[BillingPeriod], Iterator[bytes]]] = {
    "invoices": lambda period: xlsx_of(Invoice.objects.filter(period=period)),
    "payments": lambda period: as_xlsx("Payments", PAYMENT_COLUMNS, _of_payments(period)),
}


def _line_cells(source: dict[str, str]) -> list[str]:
    # Only texts can become formulas: numbers and dates were checked to be that.
    return [protect(source.get(name, "")) if name in _TEXTS else source.get(name, "") for name in FIELDS]


def _invoice_row(invoice: Invoice) -> list[Cell]:
    posting = getattr(invoice, "posting", None)
    customer, period = invoice.customer, invoice.period
    return [
        invoice.number,
        customer.erp_id,
        customer.tenant_id,
        customer.name,
        customer.email,
        customer.country,
        invoice.issued_on,
        invoice.due_on,
        invoice.currency,
        invoice.subtotal,
        invoice.tax,
        invoice.total,
        period.starts_on,
        period.ends_on,
        period.billing_id,
        posting.get_status_display() if posting else NOT_UPLOADED,
        posting.message if posting else "",
        invoice.difference,
        invoice.number_in_xero,
        posting.xero_id if posting else "",
        posting.xero_status if posting else "",
        states.signed(posting, posting.xero_total) if posting else None,
        posting.xero_url if posting else "",
        invoice.billed_to.name,
    ]


def _xero_cells(invoice: Invoice) -> list[Cell]:
    posting = getattr(invoice, "posting", None)
    if posting is None or posting.status != Posting.Status.POSTED:
        return ["", None, None, None, None, "", "", None]
    return [
        _state(posting),
        states.signed(posting, posting.amount_due),
        states.signed(posting, posting.amount_paid),
        states.signed(posting, posting.amount_credited),
        posting.paid_off_on,
        _yes_or_no(posting.sent_to_contact),
        ", ".join(documents.FACTS[fact] for fact in posting.edits if fact in documents.FACTS),
        posting.read_at,
    ]


def _correction(invoice: Invoice) -> list[Cell]:
    return [invoice.corrects.number if invoice.corrects else "", invoice.reason]


def _state(posting: Posting) -> str:
    state = states.state_of(posting)
    return str(state.label) if state else posting.xero_status


def _yes_or_no(value: bool | None) -> str:
    return "" if value is None else "Yes" if value else "No"


def _payment_rows(posting: Posting, period: BillingPeriod) -> Iterator[list[Cell]]:
    invoice = posting.invoice
    facts: list[Cell] = [
        invoice.number,
        invoice.customer.erp_id,
        invoice.customer.tenant_id,
        invoice.customer.name,
        invoice.currency,
        period.billing_id,
        invoice.number_in_xero,
        posting.xero_id,
        posting.xero_status,
        invoice.total,
        states.signed(posting, posting.amount_paid),
        states.signed(posting, posting.amount_due),
    ]
    ends: list[Cell] = [
        _state(posting),
        states.signed(posting, posting.amount_credited),
        posting.paid_off_on,
        states.signed(posting, posting.xero_total),
    ]
    parts = [*_payments(posting), *_set_offs(posting)]
    for part in parts or [["", None, None, "", ""]]:
        yield [*facts, *part, *ends]


def _payments(posting: Posting) -> Iterator[list[Cell]]:
    for each in posting.payments.all():
        yield [each.payment_id, each.paid_on, states.signed(posting, each.amount), each.reference, "Payment"]


def _set_offs(posting: Posting) -> Iterator[list[Cell]]:
    for each in posting.applied_credits.all():
        amount = states.signed(posting, each.amount)
        yield [each.xero_id, each.applied_on, amount, each.number, each.get_kind_display()]
