"""Brings a file of invoice lines into the portal: all of it or nothing.

Read twice from disk, to check and to write in one transaction, so that memory does not grow with the lines.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import logging
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from c3portal.audit import record as audit
from c3portal.database import outages
from invoices.importing import bulk_insert
from invoices.importing.aggregation import Action, Facts, FieldSums, Gathering, clash
from invoices.importing.comparison import finding, report
from invoices.importing.file_reader import FileRefused, HashingFile, RowError, open_source
from invoices.importing.numbers import xero_number
from invoices.importing.parser import BadRow, Line, parse_row, shown
from invoices.models import BillingPeriod, Customer, ImportFinding, ImportRun, Invoice, InvoiceLine, Posting
from invoices.models.statuses import UPLOADABLE

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

# Nobody reads more of them; each is a row in the database.
MAX_ERRORS = 1_000
LONGEST_IMPORT = dt.timedelta(hours=1)
CUT_SHORT = "The import was cut short by an error; nothing was imported."
DISK_FULL = (
    "The disk is full, so nothing was imported. Invoices that were there before are as they were. "
    "Ask an administrator of the portal to make room, then import the file again."
)
CHUNK = 500
LINES_AT_ONCE = 1_000

# Any number that nothing else in this database locks.
_IMPORT_LOCK = 0x1C3
_INVOICE_FIELDS = [
    "period",
    "customer",
    "issued_on",
    "due_on",
    "currency",
    "subtotal",
    "tax",
    "total",
    "source_hash",
    "difference",
    "imported_at",
]


class _RowsRefused(Exception):
    """Rows that only the database could tell to be wrong; undoes the writing."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__(f"{len(errors)} rows refused")
        self.errors = errors


def import_file(
    path: Path | str, *, user: User | None = None, name: str = "", source: audit.Source = None
) -> ImportRun:
    """Import the file at `path`, known to people as `name`, and return its run.

    A file with anything wrong, or a full disk, changes nothing: its run is REFUSED, with a `reason` or the first
    MAX_ERRORS findings. Otherwise the findings say what differs in invoices that were sent. Raises OSError when the
    file cannot be read, DatabaseError when the disk is too full to note even that, and anything unforeseen after noting
    that nothing was imported.
    """
    path = Path(path)
    run = ImportRun.objects.create(
        file_name=shown(name or path.name, 255) or "file", size=path.stat().st_size, user=user
    )
    try:
        _import(path, run, source)
    except FileRefused as refused:
        run.state, run.reason = ImportRun.State.REFUSED, str(refused)
    except BaseException as error:
        _undo(run, DISK_FULL if outages.is_full(error) else CUT_SHORT)
        if not outages.is_full(error):
            raise
        # Half of what a file had wrong would read as all of it.
        run.errors = 0
        run.findings.all().delete()
    finally:
        _close(run, source)
    return run


def _undo(run: ImportRun, reason: str) -> None:
    # A failure may only show at the commit, after the counts were set.
    run.state, run.reason, run.period = ImportRun.State.REFUSED, reason, None
    run.invoices_new = run.invoices_updated = run.invoices_unchanged = run.invoices_differing = 0


def _close(run: ImportRun, source: audit.Source) -> None:
    run.finished_at = timezone.now()
    try:
        with transaction.atomic():
            run.save()
            if run.state == ImportRun.State.REFUSED:
                _record(run, source)
    except DatabaseError as error:
        if not outages.is_full(error):
            raise
        # Room for a row that is there already may be left where there is none for another.
        logger.exception("The audit record of an import could not be written: the disk is full.")
        run.save()


def close_abandoned() -> None:
    """Close the runs of which nothing was heard for LONGEST_IMPORT."""
    # The process died, or the disk was too full to note the end. An import that works on still notes its own end.
    long_ago = timezone.now() - LONGEST_IMPORT
    running = ImportRun.objects.filter(state=ImportRun.State.RUNNING, started_at__lt=long_ago)
    running.update(state=ImportRun.State.REFUSED, reason=CUT_SHORT, finished_at=timezone.now())


def _record(run: ImportRun, source: audit.Source) -> None:
    after = {"Result": run.get_state_display(), "Summary": run.summary, "Reason": run.reason, "SHA-256": run.sha256}
    after = {label: value for label, value in after.items() if value}
    audit.record(source, audit.Action.IMPORT, f"Import of {run.file_name}", after=after, actor=run.user)


def _import(path: Path, run: ImportRun, source: audit.Source) -> None:
    gathering = _check(path, run)
    if run.errors:
        run.state = ImportRun.State.REFUSED
        return
    try:
        with transaction.atomic():
            _one_import_at_a_time()
            _write(path, run, gathering)
            _record(run, source)
    except _RowsRefused as refused:
        _keep(run, refused.errors, gathering)
        run.state = ImportRun.State.REFUSED


# First reading


def _check(path: Path, run: ImportRun) -> Gathering:
    """Return what the whole file says; its errors are kept. Raises FileRefused."""
    gathering = Gathering()
    with HashingFile(path) as file:
        source = open_source(io.BufferedReader(file))
        findings = _findings(run, (parse_row(raw) for raw in source.rows), gathering)
        for batch in itertools.batched(itertools.islice(findings, MAX_ERRORS), LINES_AT_ONCE):
            ImportFinding.objects.bulk_create(batch)
            run.errors += len(batch)
        run.sha256 = file.sha256.hexdigest() if run.errors < MAX_ERRORS else ""
    if not run.errors:
        _keep(run, gathering.closing_errors(), gathering)
    if run.errors >= MAX_ERRORS:
        run.reason = f"Reading stopped after {MAX_ERRORS:,} errors."
    run.lines = gathering.lines
    run.notes = gathering.notes()
    if source.ignored:
        run.notes.append(f"Columns that the portal does not know were left aside: {', '.join(source.ignored[:20])}.")
    return gathering


def _findings(run: ImportRun, rows: Iterable[Line | BadRow], gathering: Gathering) -> Iterator[ImportFinding]:
    for row in rows:
        if isinstance(row, Line):
            number, errors = row.header.number, gathering.add(row)
        else:
            number, errors = row
        for error in errors:
            yield finding(run, error, number)


def _keep(run: ImportRun, errors: list[RowError], gathering: Gathering) -> None:
    if not errors:
        return
    numbers = {facts.row: number for number, facts in gathering.invoices.items()}
    errors = errors[: MAX_ERRORS - run.errors]
    findings = [finding(run, error, numbers.get(error.row, "")) for error in errors]
    ImportFinding.objects.bulk_create(findings, batch_size=LINES_AT_ONCE)
    run.errors += len(errors)


# Second reading


def _one_import_at_a_time() -> None:
    # SQLite's transactions exclude each other from their start.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_IMPORT_LOCK])


def _write(path: Path, run: ImportRun, gathering: Gathering) -> None:
    """Raises _RowsRefused, and FileRefused when the file changed between the readings."""
    periods = _write_periods(gathering)
    errors: list[RowError] = []
    for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
        errors += _decide(chunk, periods)
    if errors:
        raise _RowsRefused(errors)
    for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
        _write_invoices([facts for facts in chunk if facts.action in (Action.CREATE, Action.UPDATE)], periods)
    if any(facts.action is not Action.KEEP for facts in gathering.invoices.values()):
        _write_lines(path, run, gathering)
        for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
            report(run, [facts for facts in chunk if facts.action is Action.REPORT], most=MAX_ERRORS)
    _conclude(run, gathering, periods)


def _write_periods(gathering: Gathering) -> dict[str, BillingPeriod]:
    return {
        billing_id: BillingPeriod.objects.update_or_create(
            billing_id=billing_id, defaults={"starts_on": starts_on, "ends_on": ends_on}
        )[0]
        for billing_id, (starts_on, ends_on) in gathering.periods.items()
    }


def _decide(chunk: Iterable[Facts], periods: dict[str, BillingPeriod]) -> list[RowError]:
    """Set each invoice's action, locking those that differ. Returns clashes with stored ones."""
    by_number = {facts.header.number: facts for facts in chunk}
    stored = {invoice.number: invoice for invoice in Invoice.objects.filter(number__in=by_number)}
    matching = [
        invoice.pk for number, invoice in stored.items() if by_number[number].source_hash == invoice.source_hash
    ]
    Invoice.objects.filter(pk__in=matching).exclude(difference="").update(difference="")
    differing = [invoice.pk for invoice in stored.values() if invoice.pk not in set(matching)]
    changeable = _lock_changeable(differing)
    for number, facts in by_number.items():
        invoice = stored.get(number)
        if invoice is None:
            facts.action = Action.CREATE
            continue
        facts.pk = invoice.pk
        if invoice.pk in changeable:
            facts.action = Action.UPDATE
        elif invoice.source_hash != facts.source_hash:
            facts.action, facts.field_sums = Action.REPORT, FieldSums()
    return _clashes(by_number, stored, periods)


def _lock_changeable(keys: list[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these invoices that were not sent: until the end of the transaction they stay so."""
    # The lock on an invoice keeps an upload from making a posting for it (the foreign key waits), the one on a posting
    # keeps it from being queued again: an upload pressed meanwhile sends what was imported.
    locked = set(Invoice.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk", flat=True))
    postings = Posting.objects.select_for_update().filter(invoice__in=keys).order_by("pk")
    # A queued one may be claimed at any moment, so it counts as sent: withdraw it first, then import again.
    sent = {pk for pk, status in postings.values_list("invoice_id", "status") if status not in UPLOADABLE}
    return locked - sent


def _clashes(
    by_number: dict[str, Facts], stored: dict[str, Invoice], periods: dict[str, BillingPeriod]
) -> list[RowError]:
    errors = []
    for number, invoice in stored.items():
        facts = by_number[number]
        if invoice.period_id != periods[facts.header.billing_id].pk:
            reason = f"is already there in another billing period, {invoice.period.billing_id}"
            errors.append(RowError(facts.row, "InvoiceNumber", reason))
    spelt = {xero_number(number): facts for number, facts in by_number.items() if number not in stored}
    taken = Invoice.objects.filter(xero_number__in=spelt).values_list("xero_number", "number")
    return errors + [clash(spelt[text].row, text, other) for text, other in taken]


def _write_invoices(chunk: list[Facts], periods: dict[str, BillingPeriod]) -> None:
    if not chunk:
        return
    customers = _write_customers(chunk)
    now = timezone.now()
    invoices = {
        action: [
            Invoice(
                id=facts.pk,
                period=periods[facts.header.billing_id],
                customer=customers[facts.header.tenant_id],
                number=facts.header.number,
                xero_number=xero_number(facts.header.number),
                issued_on=facts.header.issued_on,
                due_on=facts.header.due_on,
                currency=facts.header.currency,
                subtotal=facts.subtotal,
                tax=facts.tax,
                total=facts.total,
                source_hash=facts.source_hash,
                imported_at=now,
            )
            for facts in chunk
            if facts.action is action
        ]
        for action in (Action.CREATE, Action.UPDATE)
    }
    Invoice.objects.bulk_create(invoices[Action.CREATE])
    Invoice.objects.bulk_update(invoices[Action.UPDATE], _INVOICE_FIELDS, batch_size=100)
    InvoiceLine.objects.filter(invoice__in=invoices[Action.UPDATE]).delete()


def _write_customers(chunk: list[Facts]) -> dict[str, Customer]:
    """Return the customers of `chunk` by tenant id, as the newest period has them."""
    latest: dict[str, Facts] = {}
    for facts in sorted(chunk, key=lambda facts: facts.header.ends_on):
        latest[facts.header.tenant_id] = facts
    known = Customer.objects.filter(tenant_id__in=latest).annotate(last_day=Max("invoices__period__ends_on"))
    last_days: dict[str, dt.date | None] = {customer.tenant_id: customer.last_day for customer in known}
    newest = [
        Customer(tenant_id=tenant, name=facts.header.customer_name, **facts.details._asdict())
        for tenant, facts in latest.items()
        if (last_days.get(tenant) or facts.header.ends_on) <= facts.header.ends_on
    ]
    Customer.objects.bulk_create(
        newest,
        update_conflicts=True,
        unique_fields=["tenant_id"],
        update_fields=["name", "erp_id", "email", "country"],
    )
    return {customer.tenant_id: customer for customer in Customer.objects.filter(tenant_id__in=latest)}


def _write_lines(path: Path, run: ImportRun, gathering: Gathering) -> None:
    """Raises FileRefused when the file is not the one that was checked."""
    with HashingFile(path) as file:
        lines = (line for raw in open_source(io.BufferedReader(file)).rows if isinstance(line := parse_row(raw), Line))
        for batch in itertools.batched(_to_store(lines, gathering), LINES_AT_ONCE):
            bulk_insert.insert(batch)
        if file.sha256.hexdigest() != run.sha256:
            raise FileRefused("The file changed while it was being imported. Import it again.")


def _to_store(lines: Iterable[Line], gathering: Gathering) -> Iterator[bulk_insert.Row]:
    for line in lines:
        facts = gathering.invoices.get(line.header.number)
        if facts is None or facts.action is Action.KEEP:
            continue
        if facts.field_sums is not None:
            facts.field_sums.add(line.cells)
            continue
        facts.position += 1
        yield bulk_insert.row(line, facts)


def _conclude(run: ImportRun, gathering: Gathering, periods: dict[str, BillingPeriod]) -> None:
    counts = dict.fromkeys(Action, 0)
    for facts in gathering.invoices.values():
        counts[facts.action] += 1
    run.invoices_new, run.invoices_updated = counts[Action.CREATE], counts[Action.UPDATE]
    run.invoices_unchanged, run.invoices_differing = counts[Action.KEEP], counts[Action.REPORT]
    if run.invoices_differing > MAX_ERRORS:
        run.notes.append(f"The first {MAX_ERRORS:,} that differ are listed; the others say so on their own pages.")
    run.period = next(iter(periods.values())) if len(periods) == 1 else None
    written = run.invoices_new + run.invoices_updated
    run.state = ImportRun.State.IMPORTED if written else ImportRun.State.NOTHING_NEW
    absent = Invoice.objects.filter(period__in=periods.values()).count() - len(gathering.invoices)
    if absent > 0:
        run.notes.append(
            f"Invoices of the same billing period that are not in this file: {absent}. They stay as they are."
        )
