"""Keeps what an import found wrong: its findings, the invoices that are held back, and which of them are right now."""

from __future__ import annotations

import itertools

from django.db.models import QuerySet
from django.utils import timezone

from invoices.importing import held_back
from invoices.importing.aggregation import Gathering
from invoices.importing.comparison import finding
from invoices.importing.customer_keys import folded, is_ours
from invoices.importing.held_back import Findings, storable_total
from invoices.importing.parser import shown
from invoices.models import HeldBackInvoice, ImportFinding, ImportRun

AT_ONCE = 500


def refuse(run: ImportRun, findings: Findings) -> None:
    """Keep what is wrong with a file that was refused as a whole."""
    _keep(run, findings, ImportFinding.Kind.ERROR)


def hold_back(run: ImportRun, findings: Findings) -> None:
    """Keep what is held back of a file, with the reasons; what an earlier file had wrong of the same is closed."""
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
                billing_id=shown(held.billing_id, 50),
                customer_key=shown(held.customer_key, 255),
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
        numberless = _open().filter(number="", billing_id__in=gathering.invoices.period_days()).exclude(run=run)
        right = [held.pk for held in numberless.select_related("run") if _is_right(held, gathering)]
        for keys in itertools.batched(right, AT_ONCE):
            _open().filter(pk__in=keys).update(resolved_by=run, resolved_at=now)


def _is_right(held: HeldBackInvoice, gathering: Gathering) -> bool:
    """Return whether a file, all of whose rows have their numbers, has right what was held back without one."""
    key, name = held.customer_key, folded(held.customer_name)
    if not key and not name:
        return _covers(gathering, held)
    # A name is no proof of a tenant id, but the row may have said none.
    name = name if not key or is_ours(key) else ""
    return gathering.invoices.has_of(held.billing_id, key, name)


def _covers(gathering: Gathering, held: HeldBackInvoice) -> bool:
    """Return whether a file without fault has at least as many invoices of the billing period as the other file had."""
    if gathering.findings.held_back_count:
        return False
    run = held.run
    came = run.invoices_new + run.invoices_updated + run.invoices_unchanged + run.invoices_differing
    here = sum(gathering.invoices.period_days()[held.billing_id].values())
    return here >= max(came + run.held_back.exclude(number="").count(), 1)


def _keep(run: ImportRun, findings: Findings, kind: str) -> None:
    run.errors = min(findings.count, len(findings.errors))
    rows = (finding(run, error, shown(number, 255), kind) for number, error in findings.errors)
    ImportFinding.objects.bulk_create(rows, batch_size=AT_ONCE)


def _open() -> QuerySet[HeldBackInvoice]:
    return HeldBackInvoice.objects.filter(resolved_at=None)
