"""Keeps what an import found wrong: its findings, the invoices that are held back, and which of them are right now."""

from __future__ import annotations

import itertools
from collections.abc import Collection

from django.db.models import QuerySet
from django.utils import timezone

from invoices.importing import held_back
from invoices.importing.aggregation import Gathering
from invoices.importing.comparison import finding
from invoices.importing.held_back import Findings, storable_total
from invoices.importing.parser import shown
from invoices.models import HeldBackInvoice, ImportFinding, ImportRun

AT_ONCE = 500


def refuse(run: ImportRun, findings: Findings) -> None:
    """Keep what is wrong with a file that was refused as a whole."""
    _keep(run, findings, ImportFinding.Kind.ERROR)


def hold_back(run: ImportRun, findings: Findings, billing_ids: Collection[str]) -> None:
    """Keep what is held back of a file, with the reasons; what an earlier file had wrong of the same is closed.
    `billing_ids` are those that the file is about: of a single one are rows that say none, too."""
    of_file = "".join(billing_ids) if len(billing_ids) == 1 else ""
    _keep(run, findings, ImportFinding.Kind.HELD_BACK)
    run.invoices_held_back = findings.held_back_count
    for chunk in itertools.batched(findings.numbers(), AT_ONCE):
        _open().filter(number__in=chunk).update(resolved_at=timezone.now())
    HeldBackInvoice.objects.bulk_create(
        (
            HeldBackInvoice(
                run=run,
                number=held.number,
                customer_name=shown(held.customer_name, 255),
                currency=held.currency,
                total=storable_total(held.total),
                billing_id=shown(held.billing_id or of_file, 50),
            )
            for held in findings.held_back()
        ),
        batch_size=AT_ONCE,
    )
    if findings.numberless_rows > held_back.MAX_ERRORS:
        run.notes.append(
            f"Rows whose number cannot be read: {findings.numberless_rows:,}; {held_back.MAX_ERRORS:,} are listed."
        )


def resolve(run: ImportRun, gathering: Gathering) -> None:
    """Close what was held back of earlier files and is right in this one."""
    now = timezone.now()
    for chunk in itertools.batched(gathering.invoices, AT_ONCE):
        _open().filter(number__in=chunk).exclude(run=run).update(resolved_by=run, resolved_at=now)
    if not gathering.findings.numberless_rows:
        # Nothing tells which row of this file they are, but all rows have their numbers, and it is no part alone.
        numberless = _open().filter(
            number="", billing_id__in=gathering.invoices.period_days(), run__lines__lte=run.lines
        )
        numberless.update(resolved_by=run, resolved_at=now)


def _keep(run: ImportRun, findings: Findings, kind: str) -> None:
    run.errors = min(findings.count, len(findings.errors))
    rows = (finding(run, error, shown(number, 255), kind) for number, error in findings.errors)
    ImportFinding.objects.bulk_create(rows, batch_size=AT_ONCE)


def _open() -> QuerySet[HeldBackInvoice]:
    return HeldBackInvoice.objects.filter(resolved_at=None)
