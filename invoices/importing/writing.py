"""Writes what a file brings, in one transaction: invoices by the chunk, lines as they are read again."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db.models import Max
from django.utils import timezone

from invoices.importing import (
    billed_taxes,
    bulk_insert,
    held_back,
    later,
    locks,
    periods,
    replaced,
    replaced_customers,
    xero_numbers,
)
from invoices.importing.aggregation import Gathering
from invoices.importing.cleaning import Cleaner
from invoices.importing.comparison import report
from invoices.importing.customer_keys import reseller_key
from invoices.importing.decisions import CHUNK
from invoices.importing.facts import Action, Facts
from invoices.importing.first_reading import Progress, Reading, watched
from invoices.importing.opening import Wanted, open_lines
from invoices.importing.parser import BadRow, Line
from invoices.models import BillingPeriod, Customer, ImportRun, Invoice, InvoiceLine
from invoices.reading.errors import FileRefused
from invoices.reading.hashing import HashingFile

LINES_AT_ONCE = 1_000

_INVOICE_FIELDS = [
    "period",
    "customer",
    "bill_to",
    "issued_on",
    "due_on",
    "currency",
    "subtotal",
    "tax",
    "total",
    "exact_total",
    "service_start",
    "service_end",
    "billed_hash",
    "charges_hash",
    "keyless_hash",
    "named_hash",
    "purchase_order",
    "source_hash",
    "difference",
    "imported_at",
]


def write(path: Path, run: ImportRun, reading: Reading, wanted: Wanted, progress: Progress) -> None:
    """Write what was decided. Raises FileRefused when the file changed between the readings."""
    gathering = reading.gathering
    known = periods.write(gathering)
    if gathering.actions[Action.KEEP]:
        for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
            _forget_differences([facts for facts in chunk if facts.action is Action.KEEP])
    if gathering.actions[Action.CREATE] or gathering.actions[Action.UPDATE]:
        _hold_customers(gathering)
    for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
        _write_invoices(run, [facts for facts in chunk if facts.action in (Action.CREATE, Action.UPDATE)], known)
    kept = later.Kept()
    if gathering.actions[Action.REPORT]:
        for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
            reported = [facts for facts in chunk if facts.action is Action.REPORT]
            kept.add(run, {facts.pk: (facts.header, _invoice(facts)) for facts in reported})
    if len(gathering.invoices) > gathering.actions[Action.KEEP]:
        _write_lines(path, reading, wanted, progress, kept)
    if gathering.actions[Action.CREATE] or gathering.actions[Action.UPDATE]:
        written = (each.pk for each in gathering.invoices.values() if each.action in (Action.CREATE, Action.UPDATE))
        billed_taxes.put_on(written)
        billed_taxes.settle()
    if gathering.actions[Action.REPORT]:
        for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
            report(run, [facts for facts in chunk if facts.action is Action.REPORT], most=held_back.MAX_ERRORS)
    run.period = next(iter(known.values())) if len(known) == 1 else None


def _forget_differences(kept: list[Facts]) -> None:
    rows = Invoice.objects.filter(pk__in=[facts.pk for facts in kept]).exclude(difference="")
    if rows.exists():
        locks.hold(rows)
        later.forget(rows)
        rows.update(difference="")


def _hold_customers(gathering: Gathering) -> None:
    chunks = itertools.batched(gathering.invoices.customers(), CHUNK)
    # Asked for only where there is something to hold.
    known = (Customer.objects.filter(tenant_id__in=chunk).order_by().values_list("pk", flat=True) for chunk in chunks)
    locks.hold_customers(itertools.chain.from_iterable(known))


def _write_invoices(run: ImportRun, chunk: list[Facts], known: dict[str, BillingPeriod]) -> None:
    if not chunk:
        return
    customers, resellers = _write_customers(run, chunk), _write_resellers(chunk)
    now = timezone.now()
    numbers = xero_numbers.for_new(facts.header.number for facts in chunk if facts.action is Action.CREATE)
    run.notes += xero_numbers.notes(numbers)
    invoices: dict[Action, list[Invoice]] = {Action.CREATE: [], Action.UPDATE: []}
    for facts in chunk:
        invoice = _invoice(facts)
        invoice.xero_number = numbers.get(invoice.number, "")
        invoice.period = known[facts.header.billing_id]
        invoice.customer = customers[facts.header.tenant_id]
        invoice.bill_to = resellers[facts.header.reseller] if facts.header.reseller else None
        invoice.import_run, invoice.imported_at = run, now
        invoices[facts.action].append(invoice)
    Invoice.objects.bulk_create(invoices[Action.CREATE])
    replaced.keep(run, invoices[Action.UPDATE])
    billed_taxes.take_off(each.pk for each in invoices[Action.UPDATE])
    Invoice.objects.bulk_update(invoices[Action.UPDATE], _INVOICE_FIELDS, batch_size=100)
    InvoiceLine.objects.filter(invoice__in=invoices[Action.UPDATE]).delete()
    later.forget(Invoice.objects.filter(pk__in=[each.pk for each in invoices[Action.UPDATE]]))


def _invoice(facts: Facts) -> Invoice:
    header = facts.header
    service_start, service_end = facts.billed.service_days(facts.days)
    return Invoice(
        id=facts.pk,
        number=header.number,
        issued_on=header.issued_on,
        due_on=header.due_on,
        currency=header.currency,
        subtotal=facts.subtotal,
        tax=facts.tax,
        total=facts.total,
        exact_total=facts.exact,
        service_start=service_start,
        service_end=service_end,
        **facts.hashes(),
        purchase_order=facts.purchase_order,
        source_hash=facts.source_hash,
    )


def _write_customers(run: ImportRun, chunk: list[Facts]) -> dict[str, Customer]:
    """Return the customers of `chunk` by key, as the newest period has them; what it leaves empty stays."""
    latest: dict[str, Facts] = {}
    for facts in sorted(chunk, key=lambda facts: facts.header.ends_on):
        latest[facts.header.tenant_id] = facts
    rows = Customer.objects.filter(tenant_id__in=latest).annotate(last_day=Max("invoices__period__ends_on"))
    known = {customer.tenant_id: customer for customer in rows}
    last_days: dict[str, dt.date | None] = {key: customer.last_day for key, customer in known.items()}
    newest = [
        _customer(facts, known.get(key))
        for key, facts in latest.items()
        if (last_days.get(key) or facts.header.ends_on) <= facts.header.ends_on
    ]
    replaced_customers.keep(run, [(known[each.tenant_id], each) for each in newest if each.tenant_id in known])
    Customer.objects.bulk_create(
        newest,
        update_conflicts=True,
        unique_fields=["tenant_id"],
        update_fields=replaced_customers.FIELDS,
    )
    return {customer.tenant_id: customer for customer in Customer.objects.filter(tenant_id__in=latest)}


def _customer(facts: Facts, known: Customer | None) -> Customer:
    header = facts.header
    return Customer(
        tenant_id=header.tenant_id,
        key_from=header.key_from,
        name=header.customer_name,
        erp_id=header.erp_id or (known.erp_id if known else ""),
        email=header.email or (known.email if known else ""),
        country=header.country or (known.country if known else ""),
    )


def _write_resellers(chunk: list[Facts]) -> dict[str, Customer]:
    """Return the resellers who are billed by their names in the file, one for each name as people read it."""
    keys = {facts.header.reseller: reseller_key(facts.header.reseller) for facts in chunk if facts.header.reseller}
    wanted: dict[str, Customer] = {}
    for name, key in keys.items():
        wanted.setdefault(key.text, Customer(tenant_id=key.text, key_from=key.made_from, name=name))
    Customer.objects.bulk_create(wanted.values(), ignore_conflicts=True)
    stored = Customer.objects.in_bulk(wanted, field_name="tenant_id")
    return {name: stored[key.text] for name, key in keys.items()}


def _write_lines(path: Path, reading: Reading, wanted: Wanted, progress: Progress, kept: later.Kept) -> None:
    """Raises FileRefused when the file is not the one that was read first."""
    with HashingFile(path) as file:
        rows = watched(open_lines(file, wanted), wanted, Cleaner(wanted.time_zone), file, progress)
        for batch in itertools.batched(_to_store(rows, reading.gathering, kept), LINES_AT_ONCE):
            bulk_insert.insert(batch)
        kept.write()
        if file.sha256.hexdigest() != reading.sha256:
            raise FileRefused("The file changed while it was being imported. Import it again.")


def _to_store(rows: Iterable[Line | BadRow], gathering: Gathering, kept: later.Kept) -> Iterator[bulk_insert.Row]:
    lines = (row for row in rows if isinstance(row, Line))
    for line in lines:
        facts = gathering.invoices.get(line.header.number)
        if facts is None or facts.action is Action.KEEP:
            continue
        if facts.field_sums is not None:
            facts.field_sums.add(line.cells)
            kept.take(line, facts)
            continue
        facts.position += 1
        yield bulk_insert.row(line, facts, facts.pk)
