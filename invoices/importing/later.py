"""What a later file says of invoices that were sent, kept line by line until somebody decides what becomes of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping

from django.db.models import QuerySet

from invoices.importing import billed_taxes, bulk_insert, replaced
from invoices.importing.customer_keys import reseller_key
from invoices.importing.facts import Facts
from invoices.importing.parser import Header, Line
from invoices.models import DocumentChange, ImportRun, Invoice, InvoiceLine, LaterLine, LaterVersion

# What a version says of the invoice itself. Whose it is, and of which billing period, is the same.
FIELDS = tuple(
    each
    for each in replaced.INVOICE_FIELDS
    if each not in ("period_id", "customer_id", "bill_to_id", "import_run_id", "difference", "imported_at")
)
_LINE_FIELDS = tuple(
    each.attname for each in LaterLine._meta.concrete_fields if each.attname not in ("id", "version_id")
)
LINES_AT_ONCE = 1_000


class Kept:
    """The later versions that one import brings."""

    def __init__(self) -> None:
        self._ids: dict[uuid.UUID, uuid.UUID] = {}
        self._rows: list[bulk_insert.Row] = []

    def add(self, run: ImportRun, reported: Mapping[uuid.UUID, tuple[Header, Invoice]]) -> None:
        """Keep what `run` says of these invoices, by id, in place of what was kept of them. One that is another
        customer's, or goes to another reseller, is left out: that cannot be changed in its document."""
        stored = Invoice.objects.filter(pk__in=reported)
        forget(stored)
        rows = stored.select_related("customer", "bill_to")
        same = [each for each in rows if _is_theirs(each, reported[each.pk][0])]
        versions = [LaterVersion(pk=uuid.uuid4(), invoice=each, run=run, facts={}) for each in same]
        for version in versions:
            version.facts = replaced.plain_fields(reported[version.invoice_id][1], FIELDS)
            self._ids[version.invoice_id] = version.pk
        LaterVersion.objects.bulk_create(versions)

    def take(self, line: Line, facts: Facts) -> None:
        """Keep a line of an invoice whose version is kept."""
        if version := self._ids.get(facts.pk):
            facts.position += 1
            self._rows.append(bulk_insert.row(line, facts, version))
            if len(self._rows) >= LINES_AT_ONCE:
                self.write()

    def write(self) -> None:
        """Write the lines that were taken."""
        bulk_insert.insert_later(self._rows)
        self._rows = []


def _is_theirs(invoice: Invoice, header: Header) -> bool:
    billed_to = reseller_key(header.reseller).text if header.reseller else ""
    stored = invoice.bill_to.tenant_id if invoice.bill_to else ""
    return (invoice.customer.tenant_id, stored) == (header.tenant_id, billed_to)


def forget(invoices: QuerySet[Invoice]) -> None:
    """Drop what was kept of these, but for what Xero is being asked for."""
    asked = DocumentChange.objects.in_progress().filter(posting__invoice__in=invoices).values_list("details", flat=True)
    wanted = {details["version"] for details in asked if details.get("version")}
    LaterVersion.objects.filter(invoice__in=invoices).exclude(pk__in=wanted).delete()


def newest_of(invoices: Collection[uuid.UUID]) -> dict[uuid.UUID, LaterVersion]:
    """Return the version that counts of each of these invoices that has one, by the invoice's id."""
    rows = LaterVersion.objects.filter(invoice__in=invoices).order_by("kept_at", "pk").prefetch_related("lines")
    return {each.invoice_id: each for each in rows}


def as_invoice(invoice: Invoice, version: LaterVersion) -> Invoice:
    """Return `invoice` as the version has it, lines and all; nothing is stored."""
    fields = {each.attname: getattr(invoice, each.attname) for each in Invoice._meta.concrete_fields}
    changed = Invoice(**fields | {name: _python(name, value) for name, value in version.facts.items()})
    # What is loaded of the stored one need not be read again.
    changed._state.fields_cache |= invoice._state.fields_cache
    # As if they were prefetched.
    changed._prefetched_objects_cache = {"lines": [_line(invoice, each) for each in version.lines.all()]}  # type: ignore[attr-defined]
    return changed


def _python(name: str, value: object) -> object:
    field = next(each for each in Invoice._meta.concrete_fields if each.attname == name)
    return field.to_python(value)


def _line(invoice: Invoice, line: LaterLine) -> InvoiceLine:
    return InvoiceLine(invoice_id=invoice.pk, **{name: getattr(line, name) for name in _LINE_FIELDS})


def take_in(versions: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Make these versions what is stored of their invoices, which the caller holds. Returns the invoices' ids.

    What a still later file says stays a difference.
    """
    found = LaterVersion.objects.filter(pk__in=versions).prefetch_related("lines", "invoice")
    rows = list(found)
    changed_ids = list(dict.fromkeys(each.invoice_id for each in rows))
    billed_taxes.take_off(changed_ids)
    for version in rows:
        invoice = version.invoice_id
        InvoiceLine.objects.filter(invoice=invoice).delete()
        lines = [_line(version.invoice, each) for each in version.lines.all()]
        InvoiceLine.objects.bulk_create(lines, batch_size=500)
        later = LaterVersion.objects.filter(invoice=invoice, kept_at__gt=version.kept_at).exists()
        changed = Invoice.objects.filter(pk=invoice)
        changed.update(**version.facts)
        if not later:
            changed.update(difference="")
        LaterVersion.objects.filter(invoice=invoice, kept_at__lte=version.kept_at).delete()
    billed_taxes.put_on(changed_ids)
    return [each.invoice_id for each in rows]
