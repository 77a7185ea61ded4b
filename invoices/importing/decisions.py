"""What becomes of each invoice of a file, beside what is stored."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable

from django.db.models import Q

from invoices.importing import locks, near_billing, same_billing
from invoices.importing.aggregation import Gathering
from invoices.importing.contradictions import clash
from invoices.importing.facts import Action, Facts, FieldSums
from invoices.importing.fingerprint import Days
from invoices.importing.numbers import xero_number
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.models.statuses import UPLOADABLE
from invoices.reading.errors import RowError
from xero_integration.client.vocabulary import GONE

CHUNK = 500


def decide(gathering: Gathering, *, lock: bool) -> list[str]:
    """Set each invoice's action, and set aside those that clash with stored ones. Return sentences on what is noticed.

    With `lock` those that may be changed stay so until the end of the transaction.
    """
    known, same, near = _known_periods(gathering), same_billing.SameBilling(), near_billing.NearBilling()
    for chunk in itertools.batched(gathering.invoices.values(), CHUNK):
        for facts in chunk:
            # The dates of a period that is known already stand, whatever the file says.
            facts.period_days = known.get(facts.header.billing_id)
        clashes = _decide(chunk, lock=lock)
        for number, error in clashes:
            gathering.findings.add(number, error)
        clashing = {number for number, _ in clashes}
        right = [facts for facts in chunk if facts.header.number not in clashing]
        gathering.actions.update(facts.action for facts in right)
        gathering.invoices.note_billed(same.look(right))
        near.look(right)
    gathering.set_aside()
    return same.notes(gathering.invoices.billed_alike()) + near.notes()


def _known_periods(gathering: Gathering) -> dict[str, Days]:
    rows = BillingPeriod.objects.filter(billing_id__in=gathering.invoices.period_days())
    return {
        billing_id: (starts, ends)
        for billing_id, starts, ends in rows.values_list("billing_id", "starts_on", "ends_on")
    }


def _decide(chunk: Iterable[Facts], *, lock: bool) -> list[tuple[str, RowError]]:
    by_number = {facts.header.number: facts for facts in chunk}
    stored = {
        invoice.number: invoice for invoice in Invoice.objects.filter(number__in=by_number).select_related("period")
    }
    differing = [
        invoice.pk for number, invoice in stored.items() if by_number[number].source_hash != invoice.source_hash
    ]
    changeable = changeable_of(differing, lock=lock)
    corrected = _corrected(differing)
    for number, facts in by_number.items():
        invoice = stored.get(number)
        if invoice is None:
            facts.action = Action.CREATE
            continue
        facts.pk = invoice.pk
        # Whatever became of the invoice since, the correction stands beside it.
        if (invoice.pk, facts.source_hash) in corrected:
            continue
        if invoice.pk in changeable:
            facts.action = Action.UPDATE
        elif invoice.source_hash != facts.source_hash:
            facts.action, facts.field_sums = Action.REPORT, FieldSums()
    return _clashes(by_number, stored)


def _corrected(keys: list[uuid.UUID]) -> set[tuple[uuid.UUID, str]]:
    """Return which of these invoices were corrected by the difference to which file's version of them, by corrections
    that count still."""
    ended = Q(posting__status=Posting.Status.POSTED, posting__xero_status__in=GONE)
    rows = Invoice.objects.filter(corrects__in=keys, ignored_because="").exclude(source_hash="").exclude(ended)
    return {
        (corrects, source_hash) for corrects, source_hash in rows.values_list("corrects", "source_hash") if corrects
    }


def changeable_of(keys: list[uuid.UUID], *, lock: bool) -> set[uuid.UUID]:
    """Return those of these invoices that were not sent: with `lock`, until the end of the transaction they stay so."""
    # Whoever queues holds the invoice first: an upload pressed meanwhile sends what was imported.
    invoices = Invoice.objects.filter(pk__in=keys)
    if lock and keys:
        locks.hold(invoices)
    found = set(invoices.values_list("pk", flat=True))
    rows = Posting.objects.filter(invoice__in=keys).values_list("invoice_id", "status")
    # A queued one may be claimed at any moment, so it counts as sent: withdraw it first, then import again.
    return found - {pk for pk, status in rows if status not in UPLOADABLE}


def _clashes(by_number: dict[str, Facts], stored: dict[str, Invoice]) -> list[tuple[str, RowError]]:
    errors = []
    for number, invoice in stored.items():
        facts = by_number[number]
        if invoice.is_correction:
            reason = "is the number of a correction that was made here, not by an import"
            errors.append((number, RowError(facts.row, "InvoiceNumber", reason)))
        elif invoice.period.billing_id != facts.header.billing_id:
            reason = f"is already there in another billing period, {invoice.period.billing_id}"
            errors.append((number, RowError(facts.row, "InvoiceNumber", reason)))
    spelt = {xero_number(number): facts for number, facts in by_number.items() if number not in stored}
    taken = Invoice.objects.filter(xero_number__in=spelt).values_list("xero_number", "number")
    return errors + [(spelt[text].header.number, clash(spelt[text].row, text, other)) for text, other in taken]
