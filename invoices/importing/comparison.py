"""What a later file says differently of an invoice that was sent, in words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from c3portal.formats import amounts
from invoices.importing.facts import Facts
from invoices.matching.meanings import FIELDS
from invoices.models import ImportFinding, ImportRun, Invoice, InvoiceLine
from invoices.reading.errors import RowError


def finding(run: ImportRun, error: RowError, number: str, kind: str) -> ImportFinding:
    """Return the record of an error of invoice `number`, unsaved."""
    return ImportFinding(
        run=run, kind=kind, row=error.row, field=error.field, reason=error.reason, invoice_number=number
    )


def report(run: ImportRun, chunk: list[Facts], *, most: int) -> None:
    """Note on each invoice of `chunk`, and in at most `most` findings of the run, what the file says differently.

    Their `field_sums` hold the file's lines by now.
    """
    by_pk = {facts.pk: facts for facts in chunk}
    counts: dict[uuid.UUID, int] = {}
    lines = InvoiceLine.objects.filter(invoice__in=by_pk).order_by().values_list("invoice_id", "source")
    for pk, source in lines.iterator(chunk_size=1_000):
        sums = by_pk[pk].field_sums
        counts[pk] = counts.get(pk, 0) + 1
        if sums is not None:
            sums.take(_cells(source))
    findings = []
    for invoice in Invoice.objects.filter(pk__in=by_pk).select_related("customer", "bill_to"):
        facts = by_pk[invoice.pk]
        invoice.difference = _difference(invoice, facts, counts.get(invoice.pk, 0))
        error = RowError(facts.row, "", invoice.difference)
        findings.append(finding(run, error, invoice.number, ImportFinding.Kind.DIFFERENCE))
        Invoice.objects.filter(pk=invoice.pk).update(difference=invoice.difference)
    kept = run.findings.filter(kind=ImportFinding.Kind.DIFFERENCE).count()
    ImportFinding.objects.bulk_create(findings[: max(0, most - kept)])


def _billed_to(invoice: Invoice) -> str:
    return invoice.bill_to.name if invoice.bill_to else "the customer"


def _cells(source: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(FIELDS, "") | source


def _difference(invoice: Invoice, facts: Facts, lines: int) -> str:
    """Return the differences in words: "total AUD 100.00 → AUD 110.00; lines 3 → 4"."""
    header = facts.header
    pairs: list[tuple[str, object, object]] = [
        ("customer", invoice.customer.tenant_id, header.tenant_id),
        ("billed to", _billed_to(invoice), header.reseller or "the customer"),
        ("currency", invoice.currency, header.currency),
        ("date", invoice.issued_on, header.issued_on),
        ("due date", invoice.due_on, header.due_on),
        *_money(invoice, facts),
        ("lines", lines, facts.lines),
    ]
    parts = [f"{what} {old} → {new}" for what, old, new in pairs if old != new]
    fields = facts.field_sums.differing() if facts.field_sums else []
    if fields and lines == facts.lines:
        parts.append(f"fields of its lines: {', '.join(fields)}")
    return "; ".join(parts) or "the same values, put together differently"


def _money(invoice: Invoice, facts: Facts) -> Iterator[tuple[str, str, str]]:
    """Yield the amounts that differ. One in another currency alone is told by the currency."""
    for what in ("subtotal", "tax", "total"):
        old, new = getattr(invoice, what), getattr(facts, what)
        if old != new:
            yield what, amounts.written(old, invoice.currency), amounts.written(new, facts.header.currency)
