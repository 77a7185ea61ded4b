"""Dead workers' rows are freed, lost answers are looked up in Xero."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import count, groupby
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from c3_integration import fetches
from c3portal.database import clock
from c3portal.processes import liveness
from invoices.documents.builder import first_marker
from invoices.importing import numbers_again
from invoices.models import ChangeCall, DocumentType, Invoice, Posting, Submission
from invoices.posting import ownership, responses, transitions
from invoices.posting.outcomes import (
    Absent,
    DocumentOutcome,
    Outcome,
    Posted,
    Rejected,
    Released,
    StillUncertain,
    Uncertain,
)
from invoices.posting.responses import KINDS, Recorded
from invoices.posting.settlement import settle
from xero_integration import connections, rate_limits
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroRejected
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import GONE
from xero_integration.models import XeroConnection, XeroSettings

logger = logging.getLogger(__name__)

MAX_LOOKED_UP = 500
KEPT = (
    "Xero keeps the number {number} for a document that was voided or deleted there. Nothing was posted. Upload again: "
    "it then goes as {next}."
)
# A question that Xero refuses would be refused again; asking it at every sweep would use up the day's calls.
PAUSE_AFTER_REFUSAL = dt.timedelta(minutes=15)
LONGEST_WAIT = dt.timedelta(hours=1)


def release_expired_leases() -> int:
    """Release what dead processes held, and rows past their lease. Returns how many rows moved."""
    dead = liveness.dead()
    if dead:
        rate_limits.free(dead)
        connections.free(dead)
    fetches.free(dead)
    freed = 0
    expired = Q(lease_until__lt=clock.now()) | Q(process__in=dead)
    for submission in Submission.objects.open().filter(expired):
        freed += _free(submission)
    return freed


@transaction.atomic
def _free(submission: Submission) -> int:
    # Without stored bytes nothing was ever sent, so the rows queue again; with them the outcome is unknown.
    was_sent = submission.outcome == Submission.Outcome.SENDING
    won = Submission.objects.filter(
        pk=submission.pk, outcome=submission.outcome, lease_until=submission.lease_until
    ).update(
        outcome=Submission.Outcome.UNKNOWN if was_sent else Submission.Outcome.NOT_RECORDED,
        problem="The worker stopped on the way.",
    )
    if not won:
        return 0
    stopped = Uncertain("The worker stopped before Xero's answer was stored.", clock.now())
    return settle(submission, Outcome(rest=stopped if was_sent else Released()))


def require_lookups(connection: XeroConnection) -> int:
    """Have what a restored database would send looked up first. Returns how many moved."""
    if connection.restored_at is None:
        return 0
    return transitions.require_lookup(
        connection, transitions.not_looked_up(connection), transitions.RESTORED, most=MAX_LOOKED_UP
    )


def is_due(now: dt.datetime) -> Q:
    """Which uncertain postings to look up."""
    # Nobody waits longer than LONGEST_WAIT, but by a clock that was put back since.
    return Q(not_before__lte=now) | Q(not_before__gt=now + LONGEST_WAIT)


def reconcile(connection: XeroConnection, *, only: Sequence[int] | None = None) -> int:
    """Look up uncertain postings that are due, or those of `only` when a person asks. Returns how many were settled.
    Raises XeroUnavailable and XeroAuthError; then they stay uncertain."""
    rows = Posting.objects.filter(connection=connection, status=Posting.Status.UNCERTAIN)
    rows = rows.filter(is_due(clock.now())) if only is None else rows.filter(pk__in=only)
    rows = rows.select_related("invoice", "submission__connection").prefetch_related("past_documents")
    due = rows.order_by("document_type", "submission_id", "pk")[:MAX_LOOKED_UP]
    settled = 0
    for document_type, some in groupby(due, key=lambda each: each.document_type):
        alike = list(some)
        try:
            settled += _look_up(connection, DocumentType(document_type), alike, click=only is not None)
        except XeroRejected as error:
            # The rows stay uncertain, but must not hold up everything else of the organisation.
            logger.warning("Xero refuses to be asked for %s documents: %s", len(alike), error)
            refused = Posting.objects.filter(pk__in=[each.pk for each in alike], status=Posting.Status.UNCERTAIN)
            transitions.postpone_lookup(refused, clock.now() + PAUSE_AFTER_REFUSAL)
    return settled


def _look_up(connection: XeroConnection, document_type: DocumentType, due: Sequence[Posting], *, click: bool) -> int:
    # The answer tells how it was then: on its way it may grow old, and Xero finish a lost call meanwhile.
    looked_up_at = clock.now()
    seen = connections.call(connection, lambda gateway: _seek(gateway, document_type, due, looked_up_at), click=click)
    settled = 0
    for submission, some in groupby(due, key=lambda each: each.submission):
        if submission is not None:
            settled += _settle(submission, list(some), seen, looked_up_at)
    return settled


def _seek(
    gateway: Gateway, document_type: DocumentType, due: Sequence[Posting], looked_up_at: dt.datetime
) -> FoundDocuments:
    """Ask by number, and by marker for credit notes that would else be absent or someone else's."""
    numbers = [number for each in due for number in numbers_of(each.invoice)]
    if document_type == DocumentType.INVOICE:
        found = gateway.find_invoices(numbers)
        found += _later_attempts(gateway, due, found)
        return FoundDocuments([*found, *_under_any_number(gateway, due, found)], document_type)
    # Xero refuses an invoice whose number is taken, but promises nothing of a credit note's: two may bear one number,
    # and a second try is not refused. So before a credit note is believed absent it is looked up by its marker as
    # well.
    # https://developer.xero.com/documentation/api/accounting/creditnotes/
    found, allowed = gateway.find_credit_notes(numbers), ownership.tolerance()
    by_number = FoundDocuments(found, document_type)
    missing = [
        each.invoice
        for each in due
        if each.submission is not None
        and isinstance(_absent(each.submission, looked_up_at), Absent)
        and not by_number.shows(each.invoice, allowed)
    ]
    return FoundDocuments(
        [*found, *gateway.find_marked_credit_notes([first_marker(each) for each in missing])], document_type
    )


def numbers_of(invoice: Invoice) -> list[str]:
    """Return the number that it goes under and those that it went under before; posting and past documents should be
    loaded."""
    posting = getattr(invoice, "posting", None)
    past = [] if posting is None else [each.number for each in posting.past_documents.all()]
    return list(dict.fromkeys([invoice.number_in_xero, *past]))


def _later_attempts(gateway: Gateway, due: Sequence[Posting], found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask for what a restored database does not know of: an ended document that was never taken back here was taken
    back and posted again, under the next number."""
    suffix, more = XeroSettings.load().again_suffix, list[dict[str, Any]]()
    seen = FoundDocuments(found, DocumentType.INVOICE)
    wanted = {each: each.invoice.number_in_xero for each in due}
    for again in count(1):
        wanted = {
            each: numbers_again.with_suffix(each.invoice.xero_number, suffix, again)
            for each, number in wanted.items()
            if seen.ended_unknown(each.invoice, number) and first_marker(each.invoice) not in seen.by_marker
        }
        if not wanted:
            return more
        rows = gateway.find_invoices(wanted.values())
        more += rows
        seen = FoundDocuments(rows, DocumentType.INVOICE)
    raise AssertionError("Numbers do not end.")


def _under_any_number(
    gateway: Gateway, due: Sequence[Posting], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Ask for the later attempts that bear a number which a restored database cannot know, since the suffix was another
    when they were posted: by the contacts of the documents that ended, for what bears the marker."""
    seen = FoundDocuments(found, DocumentType.INVOICE)
    restored = [each.invoice for each in due if each.submission and each.submission.connection.restored_at]
    unseen = [each for each in restored if first_marker(each) not in seen.by_marker]
    contacts = {contact for each in unseen for contact in seen.contacts_of_ended(each)}
    if not contacts:
        return []
    markers = {first_marker(each) for each in unseen}
    return [row for row in gateway.find_invoices_of(sorted(contacts)) if markers & ownership.markers_of(row)]


class FoundDocuments:
    """What a look in Xero showed of one kind of document, without the voided and deleted."""

    def __init__(self, found: Iterable[dict[str, Any]], document_type: DocumentType) -> None:
        number_key = KINDS[document_type].number_key
        self.by_number: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.by_marker: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.ended: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in found:
            # Xero does not say whether capitals tell two numbers apart.
            number = str(row.get(number_key)).lower()
            # They prove nothing, and may free their numbers.
            if row.get("Status") in GONE:
                self.ended[number].append(row)
                continue
            self.by_number[number].append(row)
            for text in ownership.markers_of(row):
                self.by_marker[text].append(row)

    def ended_unknown(self, invoice: Invoice, number: str) -> bool:
        """Whether a document of the invoice's ended under this number, of an attempt that was never taken back here."""
        attempts = (ownership.attempt_of(invoice, row) for row in self.ended.get(number.lower(), []))
        return any(attempt is not None and attempt >= invoice.attempt for attempt in attempts)

    def contacts_of_ended(self, invoice: Invoice) -> set[str]:
        """Return Xero's ids of the contacts that documents of the invoice's were on which ended."""
        ours = (row for rows in self.ended.values() for row in rows if ownership.attempt_of(invoice, row) is not None)
        return {str((row.get("Contact") or {}).get("ContactID") or "") for row in ours} - {""}

    def document(self, invoice: Invoice, allowed: Decimal) -> dict[str, Any] | None:
        """Return the document proved ours, else any with a marker of the invoice's or its number, else None."""
        alike = self.by_number.get(invoice.number_in_xero.lower(), [])
        rows = [*self.by_marker.get(first_marker(invoice), []), *alike]
        return next((row for row in rows if ownership.is_ours(invoice, row, allowed)), rows[0] if rows else None)

    def is_only_one(self, invoice: Invoice) -> bool:
        """Whether no more than one document has its number."""
        return len(self.by_number.get(invoice.number_in_xero.lower(), [])) < 2

    def shows(self, invoice: Invoice, allowed: Decimal) -> bool:
        """Whether it is there and proved ours."""
        row = self.document(invoice, allowed)
        return row is not None and ownership.is_ours(invoice, row, allowed)


@transaction.atomic
def _settle(submission: Submission, rows: Sequence[Posting], seen: FoundDocuments, looked_up_at: dt.datetime) -> int:
    # Whoever moved a row in the meantime knew more than this look.
    absent = cache(partial(_absent, submission, looked_up_at))
    allowed = ownership.tolerance()
    outcomes = {each.pk: _shown(each, seen, allowed, absent) for each in rows}
    kept = [each for each in rows if outcomes[each.pk] is None]
    outcomes |= _number_anew(submission, kept)
    _catch_up(submission, rows, outcomes, seen, allowed)
    return settle(submission, Outcome({pk: one for pk, one in outcomes.items() if one}))


def _number_anew(submission: Submission, rows: Sequence[Posting]) -> dict[int, DocumentOutcome | None]:
    """Give the next numbers to those whose number an ended document keeps in Xero, and refuse them in words."""
    held = transitions.answered_by(submission, [each.pk for each in rows]).select_related("invoice")
    numbers = numbers_again.next_numbers(held.select_for_update(of=("self",), no_key=True).order_by("pk"))
    for pk, number in numbers.items():
        Posting.objects.filter(pk=pk).update(number=number, attempt=F("attempt") + 1)
    return {
        each.pk: Rejected(KEPT.format(number=each.number_in_xero, next=numbers[each.pk]))
        for each in rows
        if each.pk in numbers
    }


def _catch_up(
    submission: Submission,
    rows: Sequence[Posting],
    outcomes: Mapping[int, DocumentOutcome | None],
    seen: FoundDocuments,
    allowed: Decimal,
) -> None:
    """Note of what was found as a later attempt, which a restored database did not know of, which one it is."""
    for each in rows:
        row = seen.document(each.invoice, allowed)
        attempt = row and ownership.attempt_of(each.invoice, row)
        if row and attempt and attempt > each.attempt and isinstance(outcomes[each.pk], Posted):
            values = {"attempt": attempt, "number": ownership.number_of(row)[:255]}
            transitions.answered_by(submission, [each.pk]).update(**values)


def _shown(
    posting: Posting, seen: FoundDocuments, allowed: Decimal, absent: Callable[[], Absent | StillUncertain]
) -> DocumentOutcome | None:
    """Return what the look showed, None where an ended document keeps the number; `absent`: what nothing there comes
    to."""
    row = seen.document(posting.invoice, allowed)
    if row is None and _was_refused_as_taken(posting):
        if posting.number_in_xero.lower() in seen.ended:
            return None
        return Rejected(f"{posting.message} Xero does not show which document has the number: look for it there.")
    if row is None:
        return absent()
    document = responses.recorded(responses.kind_of(posting), row)
    if document and ownership.is_ours(posting.invoice, row, allowed):
        return Posted(_renumbered(posting, row, document))
    # Whoever else has the number now may give it up, and its own still be coming.
    if isinstance(early := absent(), StillUncertain):
        return early
    return Rejected(ownership.clash(posting.invoice, row))


def _was_refused_as_taken(posting: Posting) -> bool:
    # By the call that it belongs to now: workers of the release before leave the flag as an earlier call left it.
    call = posting.submission
    return posting.is_number_taken and call is not None and call.outcome == Submission.Outcome.ANSWERED


def _absent(submission: Submission, looked_up_at: dt.datetime) -> Absent | StillUncertain:
    later = next_look(submission, looked_up_at)
    return Absent(looked_up_at) if later is None else StillUncertain(later)


def next_look(call: Submission | ChangeCall, looked_up_at: dt.datetime) -> dt.datetime | None:
    """Return when to look again for what a look did not show; None when Xero must have finished with the call by then,
    and it may be sent again."""
    settled_at = _settled_at(call, looked_up_at)
    if settled_at is None or settled_at <= looked_up_at:
        return None
    # Each wait is as long as all before it together: a few looks find what finishes late without burning calls.
    waited = looked_up_at - (call.sent_at or call.created_at)
    return min(settled_at, looked_up_at + max(waited, timeouts.lookup_delay()))


def _settled_at(call: Submission | ChangeCall, looked_up_at: dt.datetime) -> dt.datetime | None:
    """When Xero cannot be at work on this call any more; None when that is long since so."""
    # Nor on a call that left before the database was restored.
    began = [call.connection.restored_at]
    if call.outcome not in (Submission.Outcome.ANSWERED, Submission.Outcome.NOT_RECORDED):
        # Time that the clock jumped over has not passed. What lies far ahead was sent before the clock was put back,
        # and that was noted.
        sent_at, certain_since = call.sent_at or call.created_at, liveness.certain_since(looked_up_at)
        is_far_ahead = sent_at > looked_up_at + LONGEST_WAIT
        began += [certain_since] if certain_since and is_far_ahead else [sent_at, certain_since]
    latest = max((moment for moment in began if moment), default=None)
    return latest and latest + timeouts.settles_after()


def _renumbered(posting: Posting, row: Mapping[str, Any], document: Recorded) -> Recorded:
    number = ownership.number_of(row)
    attempt = ownership.attempt_of(posting.invoice, row)
    if number in ("", posting.number_in_xero) or (attempt and attempt > posting.attempt):
        return document
    words = f"It bears the number {number} in Xero, where someone changed it."
    return replace(document, message=f"{words} {document.message}".strip())
