"""The state machine of a posting: nothing else changes `status`, but `queueing`, with which it begins, and
`taken_back`, which ends what is posted.

Nothing goes from sending or uncertain back to queued unless Xero recorded nothing, as it said or a lookup showed.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from c3portal.database import clock
from c3portal.formats import amounts
from c3portal.processes import liveness
from c3portal.telemetry import tracing
from invoices.documents import billing_contact, exact_sum
from invoices.models import DocumentType, Posting, Submission, Upload
from invoices.posting import post_log, sent_documents, sent_facts
from invoices.posting.outcomes import CallEnd
from invoices.posting.responses import Recorded, kind_of
from xero_integration.client import timeouts
from xero_integration.models import ContactLink, XeroConnection, XeroSettings

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

# Each move is one conditional UPDATE, which is right on SQLite and PostgreSQL alike; whoever comes second finds nothing
# to change. Every move leaves a PostLog line. Nothing is sent to an organisation that may know more than a restored
# database before we looked.
#
# | from                       | to        | function                                                              |
# |----------------------------|-----------|-----------------------------------------------------------------------|
# | (new), rejected, withdrawn | queued    | `queueing.enqueue`: UPLOAD TO XERO                                    |
# | undone                     | queued    | `queueing.enqueue`: posted again                                      |
# | (new) or ended outside     | posted    | `linking.mark_linked`: *Link it*; somebody posted it by hand before,  |
# | of Xero                    |           | and nothing is sent                                                   |
# | queued                     | sending   | `claim`                                                               |
# | queued, sending            | rejected  | `mark_rejected`: Xero's validation errors, or the portal knows them,  |
# |                            |           | or it is out of date and none of it was sent                          |
# | sending, uncertain         | posted    | `mark_posted`: Xero's answer or a lookup shows it there, proved ours  |
# | sending                    | queued    | `requeue`: nothing was recorded                                       |
# | queued                     | uncertain | `require_lookup`: Xero has it, or may since the database was restored |
# | sending                    | uncertain | `mark_uncertain`: the answer is lost                                  |
# | uncertain                  | queued    | `requeue`: looked, and it is not there                                |
# | queued                     | withdrawn | `withdraw`                                                            |
# | posted                     | undone    | `taken_back.take_back`: its document is voided or deleted             |

Status = Posting.Status
RESTORED = "The database came back from a backup, so this is looked up in Xero before it is sent."
ALREADY_IN_XERO = "Xero has it already, so it is looked up there and not sent."


def sendable(connection: XeroConnection) -> QuerySet[Posting]:
    """Return the queued postings that have a contact to go to, in order."""
    # The order of the index, so that the first rows of a long queue are found without sorting it.
    return _with_recipient(connection).filter(_has_contact(connection)).order_by("document_type", "pk")


def without_contact(connection: XeroConnection) -> QuerySet[Posting]:
    """Return the queued postings whose recipient has no contact yet."""
    return _with_recipient(connection).filter(~_has_contact(connection))


def not_looked_up(connection: XeroConnection) -> QuerySet[Posting]:
    """Return the queued postings that Xero may have without this restored database knowing."""
    if connection.restored_at is None:
        return Posting.objects.none()
    return Posting.objects.filter(connection=connection, status=Status.QUEUED, looked_at=None)


def _queued(connection: XeroConnection) -> QuerySet[Posting]:
    rows = Posting.objects.filter(connection=connection, status=Status.QUEUED)
    return rows if connection.restored_at is None else rows.exclude(looked_at=None)


def _with_recipient(connection: XeroConnection) -> QuerySet[Posting]:
    return _queued(connection).alias(recipient_key=billing_contact.recipient_key("invoice__"))


def _has_contact(connection: XeroConnection) -> Exists:
    return Exists(ContactLink.objects.filter(connection=connection, customer_key=OuterRef("recipient_key")))


def _at_home() -> Q:
    # After a move another portal sends the same invoices.
    return ~Q(Exists(XeroSettings.objects.exclude(moved_to="")))


def claim(connection: XeroConnection) -> Submission | None:
    """Claim up to 50 queued postings of one document type for one call; None when there is nothing to send."""
    first = sendable(connection).only("document_type", "batch_cap").first()
    if first is None:
        return None
    now = clock.now()
    if not liveness.may_claim(now):
        return None
    alike = sendable(connection).filter(document_type=first.document_type)
    limit = settings.XERO_BATCH
    # Rows that Xero refused together travel in halves until the culprit stands alone.
    if first.batch_cap is None:
        alike = alike.filter(batch_cap__isnull=True)
    else:
        alike, limit = alike.filter(batch_cap=first.batch_cap), first.batch_cap
    with transaction.atomic():
        submission = Submission.objects.create(
            connection=connection,
            document_type=first.document_type,
            process=liveness.current(),
            trace_id=tracing.current_id(),
            created_at=now,
            lease_until=now + timeouts.row_lease(),
        )
        # Rows that another worker is claiming right now are passed over (PostgreSQL; SQLite has one writer at a time).
        candidates = list(
            alike.select_for_update(skip_locked=True, of=("self",), no_key=True).values_list("pk", flat=True)[:limit]
        )
        claimed = Posting.objects.filter(_at_home(), pk__in=candidates, status=Status.QUEUED).update(
            status=Status.SENDING, submission=submission, updated_at=timezone.now()
        )
        if not claimed:
            submission.delete()
            return None
        Submission.objects.filter(pk=submission.pk).update(postings_count=claimed)
        post_log.write(Posting.objects.filter(submission=submission), Status.SENDING)
    return submission


def store_body(submission: Submission, body: bytes, sha256: str) -> bool:
    """Store and commit the exact bytes before the call leaves, and tell `submission` when. Returns False when this
    worker was declared dead, or the portal moved away."""
    now, preparing = clock.now(), Submission.Outcome.PREPARING
    submission.sent_at = now
    return bool(
        Submission.objects.filter(_at_home(), pk=submission.pk, outcome=preparing, lease_until__gt=now).update(
            body=body,
            body_sha256=sha256,
            sent_at=now,
            outcome=Submission.Outcome.SENDING,
            lease_until=now + timeouts.row_lease(),
        )
    )


def close(submission: Submission, call: CallEnd) -> None:
    """Store how its call ended."""
    Submission.objects.filter(pk=submission.pk).update(
        outcome=call.outcome,
        answered_at=clock.now(),
        status_code=call.status_code,
        correlation_id=call.correlation_id,
        problem=call.problem,
    )


def answered_by(submission: Submission, among: Collection[int] | None = None) -> QuerySet[Posting]:
    """Return the postings that this submission still answers for."""
    # An answer that comes after its worker was given up for dead is as good as one in time.
    rows = Posting.objects.in_flight().filter(submission=submission)
    return rows if among is None else rows.filter(pk__in=among)


def hold(submission: Submission, among: Collection[int]) -> None:
    """Hold these of its postings until the transaction ends."""
    _lock(answered_by(submission, among))


def mark_posted(submission: Submission, results: Mapping[int, Recorded]) -> int:
    """Mark postings (by id) as in Xero. Returns how many moved."""
    if not results:
        return 0
    with transaction.atomic(savepoint=False):
        rows = _lock(answered_by(submission, results))
        moved = rows.update(
            status=Status.POSTED,
            xero_id=_by_pk({pk: each.xero_id for pk, each in results.items()}),
            xero_status=_by_pk({pk: each.status for pk, each in results.items()}),
            xero_total=_by_pk({pk: each.total for pk, each in results.items()}),
            **balances_of(results, submission.sent_at),
            message=_by_pk({pk: each.message for pk, each in results.items()}),
            batch_cap=None,
            not_before=None,
            updated_at=clock.now(),
        )
        _keep_what_was_sent(submission, rows)
        _flag_differences(rows)
        post_log.write(rows, Status.POSTED)
    return moved


def note_posted(upload: Upload, user: User | None) -> None:
    """Write the log of postings that a person linked to what was in Xero already (`linking.mark_linked`)."""
    rows = upload.postings.all()
    _flag_differences(rows)
    post_log.write(rows, Status.POSTED, user=user)
    period_ids = set(rows.values_list("invoice__period", flat=True))
    if len(period_ids) == 1:
        Upload.objects.filter(pk=upload.pk).update(period_id=period_ids.pop())
    Upload.objects.filter(pk=upload.pk).count_invoices()


def balances_of(results: Mapping[int, Recorded], asked_at: dt.datetime | None) -> dict[str, Any]:
    """Return the columns of what these documents (by posting id) show of their balances, now that they are as sent;
    `asked_at` is when the call left, by the database's clock."""
    facts = {pk: each.balance for pk, each in results.items()}
    return {
        "amount_due": _by_pk({pk: each.due for pk, each in facts.items()}),
        "amount_paid": _by_pk({pk: each.paid for pk, each in facts.items()}),
        "amount_credited": _by_pk({pk: each.credited for pk, each in facts.items()}),
        "paid_off_on": _by_pk({pk: each.paid_off_on for pk, each in facts.items()}),
        "sent_to_contact": _by_pk({pk: each.sent_to_contact for pk, each in facts.items()}),
        "xero_updated_at": _by_pk({pk: each.updated_at for pk, each in facts.items()}),
        # What was asked for while the answer was under way may be newer than it.
        "read_at": asked_at or clock.now(),
        "edits": {},
        "edits_accepted_at": None,
        "edits_accepted_by": None,
        "edits_accepted_because": "",
    }


def _keep_what_was_sent(submission: Submission, rows: QuerySet[Posting]) -> None:
    # What was looked up without a call, after a restore, was sent by bytes that are lost.
    body = Submission.objects.values_list("body", flat=True).get(pk=submission.pk)
    if body is None:
        rows.update(sent_facts={})
        return
    sent = sent_documents.elements(bytes(body), kind_of(submission))
    found = list(rows.select_related("invoice").only("xero_id", "xero_total", "number", "invoice__xero_number"))
    for row in found:
        element = sent.get(row.number_in_xero)
        row.sent_facts = sent_facts.with_total(sent_facts.of_element(element) if element else {}, row.xero_total)
    Posting.objects.bulk_update(found, ["sent_facts"])
    sent_documents.keep((row, sent[row.number_in_xero]) for row in found if row.number_in_xero in sent)


def _flag_differences(rows: QuerySet[Posting]) -> None:
    for row in rows.exclude(xero_total=None).select_related("invoice"):
        invoiced = abs(exact_sum.due(row.invoice))
        total, code = cast("Decimal", row.xero_total), row.invoice.currency
        difference = total - invoiced
        if not difference:
            continue
        words = (
            f"Xero's total is {amounts.written(total, code)}, {amounts.signed(difference, code)} from the invoice's "
            f"{amounts.written(invoiced, code)}."
        )
        Posting.objects.filter(pk=row.pk).update(
            total_difference=difference, message=f"{words} {row.message}".strip(), updated_at=clock.now()
        )


def mark_rejected(rows: QuerySet[Posting], reasons: Mapping[int, str]) -> int:
    """Refuse postings, by id with the reason; `rows`: queued ones or of `answered_by`. Returns how many moved."""
    if not reasons:
        return 0
    with transaction.atomic(savepoint=False):
        rows = _lock(rows.filter(pk__in=reasons))
        moved = rows.update(
            status=Status.REJECTED,
            message=_by_pk(reasons),
            batch_cap=None,
            not_before=None,
            updated_at=timezone.now(),
        )
        post_log.write(rows, Status.REJECTED)
    return moved


def requeue(rows: QuerySet[Posting], message: str, *, looked_at: dt.datetime | None = None) -> int:
    """Queue again: only what Xero did not record, was never sent, or was looked for (at `looked_at`)."""
    with transaction.atomic(savepoint=False):
        rows = _lock(rows)
        moved = rows.update(
            status=Status.QUEUED,
            submission=None,
            message=message,
            not_before=None,
            looked_at=looked_at or F("looked_at"),
            updated_at=timezone.now(),
        )
        post_log.write(rows, Status.QUEUED)
    return moved


def mark_uncertain(
    submission: Submission,
    message: str,
    *,
    lookup_from: dt.datetime,
    among: Collection[int] | None = None,
    is_number_taken: bool = False,
) -> int:
    """Have the call's postings (only of `among`, when given) looked up, no earlier than `lookup_from`."""
    with transaction.atomic(savepoint=False):
        rows = _lock(answered_by(submission, among).filter(status=Status.SENDING))
        moved = rows.update(
            status=Status.UNCERTAIN,
            message=message,
            is_number_taken=is_number_taken,
            not_before=lookup_from,
            updated_at=timezone.now(),
        )
        post_log.write(rows, Status.UNCERTAIN)
    return moved


def require_lookup(connection: XeroConnection, rows: QuerySet[Posting], why: str, *, most: int | None = None) -> int:
    """Have queued postings, up to `most` of each kind, looked up before they are sent. Returns how many."""
    moved = 0
    with transaction.atomic():
        for document_type in DocumentType:
            locked = _lock(rows.filter(status=Status.QUEUED, document_type=document_type), most)
            if count := locked.count():
                moved += _doubt(locked, count, why, connection, document_type)
    return moved


def _doubt(
    rows: QuerySet[Posting], count: int, why: str, connection: XeroConnection, document_type: DocumentType
) -> int:
    now = clock.now()
    # One that carries no call, since whatever is uncertain belongs to a submission.
    submission = Submission.objects.create(
        connection=connection,
        document_type=document_type,
        created_at=now,
        outcome=Submission.Outcome.NOT_RECORDED,
        postings_count=count,
        answered_at=now,
        lease_until=now,
        problem=why,
        trace_id=tracing.current_id(),
    )
    moved = rows.update(
        status=Status.UNCERTAIN,
        submission=submission,
        message=why,
        is_number_taken=False,
        not_before=now,
        updated_at=now,
    )
    post_log.write(rows, Status.UNCERTAIN)
    return moved


def postpone_lookup(rows: QuerySet[Posting], lookup_from: dt.datetime) -> None:
    """Look again from `lookup_from`: too early to say that it is not there."""
    rows.update(not_before=lookup_from)


def withdraw(rows: QuerySet[Posting], user: User) -> int:
    """Take back what has not been sent. Returns how many."""
    with transaction.atomic():
        waiting = _lock(rows.filter(status=Status.QUEUED))
        moved = waiting.update(status=Status.WITHDRAWN, message="", updated_at=timezone.now())
        post_log.write(waiting, Status.WITHDRAWN, user=user)
    return moved


def _by_pk(values: Mapping[int, Any]) -> Case | Value:
    first = next(iter(values.values()))
    if all(value == first for value in values.values()):
        return Value(first)
    return Case(*(When(pk=pk, then=Value(value)) for pk, value in values.items()))


def _lock(rows: QuerySet[Posting], most: int | None = None) -> QuerySet[Posting]:
    """Return the rows that `rows` names now, up to `most`, held until the transaction ends."""
    # PostgreSQL locks them one by one: everyone in the same order, or two would wait for each other. SQLite's
    # transactions begin with the write lock.
    held = rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)[:most]
    return Posting.objects.filter(pk__in=list(held))
