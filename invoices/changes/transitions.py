"""The state machine of a change asked of a document in Xero: nothing else changes `status`.

Nothing goes from sending or uncertain back to queued unless Xero did nothing, as it said or a lookup showed.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping
from math import ceil

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Q, QuerySet

from c3portal.database import clock
from c3portal.processes import liveness
from c3portal.telemetry import tracing
from invoices.changes.kinds import RULES, rule_of
from invoices.changes.rules import End, Row
from invoices.models import ChangeCall, DocumentChange
from invoices.models.statuses import ChangeKind
from invoices.posting.outcomes import CallEnd
from xero_integration.client import timeouts
from xero_integration.models import XeroConnection, XeroSettings

logger = logging.getLogger(__name__)

# As in `posting.transitions` each move is one conditional UPDATE, and whoever comes second finds nothing to change.
#
# | from               | to        | function                                                                    |
# |--------------------|-----------|-----------------------------------------------------------------------------|
# | (new)              | queued    | `asking.ask`: a person asks                                                 |
# | queued             | sending   | `claim`                                                                     |
# | sending, uncertain | done      | `mark_done`: Xero's answer or a lookup shows it                             |
# | sending            | queued    | `requeue`: nothing was done                                                 |
# | sending            | uncertain | `mark_uncertain`: the answer is lost, or Xero refused it                    |
# | queued             | uncertain | `require_lookup`: it may be done since the database was restored            |
# | uncertain          | queued    | `requeue`: looked, and it is not done                                       |
# | sending            | refused   | `mark_refused`: the look before the call shows that it may not be done      |
# | sending            | done      | `mark_done`: that look shows it done                                        |
# | uncertain          | refused   | `mark_refused`: Xero refused it, and a lookup shows that it is not done     |
# | uncertain          | refused,  | `mark_ended`: looked, it is not done and cannot be any more, or nobody can  |
# |                    | untold    | tell whether it is done and it must not be done twice                       |
# | queued             | withdrawn | `withdraw`                                                                  |

Status = DocumentChange.Status


def sendable(connection: XeroConnection) -> QuerySet[DocumentChange]:
    """Return the queued changes, in order."""
    rows = DocumentChange.objects.filter(connection=connection, status=Status.QUEUED)
    if connection.restored_at is not None:
        rows = rows.exclude(looked_at=None)
    return rows.order_by("document_type", "kind", "pk")


def calls_waiting(connection: XeroConnection) -> int:
    """Return how many calls it takes to send what is queued."""
    alike = sendable(connection).order_by().values_list("document_type", "kind").annotate(Count("pk"))
    return sum(ceil(count / _most(kind)) for _, kind, count in alike)


def _most(kind: str) -> int:
    most: int = min(settings.XERO_BATCH, RULES[ChangeKind(kind)].most)
    return most


def not_looked_up(connection: XeroConnection) -> QuerySet[DocumentChange]:
    """Return the queued changes that may be done without this restored database knowing."""
    if connection.restored_at is None:
        return DocumentChange.objects.none()
    return DocumentChange.objects.filter(connection=connection, status=Status.QUEUED, looked_at=None)


def _at_home() -> Q:
    # After a move another portal sends the same changes.
    return ~Q(Exists(XeroSettings.objects.exclude(moved_to="")))


def claim(connection: XeroConnection) -> ChangeCall | None:
    """Claim queued changes of one kind for one call; None when there is nothing to send."""
    first = sendable(connection).first()
    now = clock.now()
    if first is None or not liveness.may_claim(now):
        return None
    alike = sendable(connection).filter(document_type=first.document_type, kind=first.kind, batch_cap=first.batch_cap)
    limit = first.batch_cap or _most(first.kind)
    with transaction.atomic():
        call = _new_call(connection, first, now)
        # Rows that another worker is claiming right now are passed over (PostgreSQL; SQLite has one writer at a time).
        candidates = list(
            alike.select_for_update(skip_locked=True, of=("self",), no_key=True).values_list("pk", flat=True)[:limit]
        )
        queued = DocumentChange.objects.filter(_at_home(), pk__in=candidates, status=Status.QUEUED)
        claimed = queued.update(status=Status.SENDING, call=call, is_refused=False, updated_at=now)
        if not claimed:
            call.delete()
            return None
        ChangeCall.objects.filter(pk=call.pk).update(changes_count=claimed)
    return call


def _new_call(connection: XeroConnection, first: DocumentChange, now: dt.datetime) -> ChangeCall:
    return ChangeCall.objects.create(
        connection=connection,
        document_type=first.document_type,
        kind=first.kind,
        process=liveness.current(),
        trace_id=tracing.current_id(),
        created_at=now,
        lease_until=now + timeouts.row_lease(),
    )


def store_body(call: ChangeCall, body: bytes, sha256: str) -> bool:
    """Store and commit the exact bytes before the call leaves, and tell `call` when. Returns False when this worker was
    declared dead, or the portal moved away."""
    now = clock.now()
    call.sent_at = now
    preparing = ChangeCall.objects.filter(
        _at_home(), pk=call.pk, outcome=ChangeCall.Outcome.PREPARING, lease_until__gt=now
    )
    return bool(
        preparing.update(
            body=body,
            body_sha256=sha256,
            sent_at=now,
            outcome=ChangeCall.Outcome.SENDING,
            lease_until=now + timeouts.row_lease(),
        )
    )


def close(call: ChangeCall, ended: CallEnd) -> None:
    """Store how the call ended."""
    ChangeCall.objects.filter(pk=call.pk).update(
        outcome=ended.outcome,
        answered_at=clock.now(),
        status_code=ended.status_code,
        correlation_id=ended.correlation_id,
        problem=ended.problem,
    )


def answered_by(call: ChangeCall, among: Collection[int] | None = None) -> QuerySet[DocumentChange]:
    """Return the changes that this call still answers for."""
    rows = DocumentChange.objects.in_flight().filter(call=call)
    return rows if among is None else rows.filter(pk__in=among)


def mark_done(rows: QuerySet[DocumentChange], shown: Mapping[int, Row]) -> int:
    """Settle what Xero shows as done (`shown`: change's id to the document), the postings with it; `rows` of
    `answered_by`, of one call. Returns how many moved."""
    if not shown:
        return 0
    with transaction.atomic():
        moving = _lock(rows.filter(pk__in=shown))
        found = list(moving.select_related("request__created_by", "posting"))
        moved = moving.update(status=Status.DONE, message="", not_before=None, updated_at=clock.now())
        if found:
            rule_of(found[0]).finish(found, shown)
    _log(found, Status.DONE)
    return moved


def mark_refused(rows: QuerySet[DocumentChange], words: Mapping[int, str]) -> int:
    """Leave documents as they are, by the change's id with the reason. Returns how many moved."""
    return mark_ended(rows, {pk: (Status.REFUSED, why) for pk, why in words.items()})


def mark_ended(rows: QuerySet[DocumentChange], ends: Mapping[int, End]) -> int:
    """End changes that are not done as far as one can tell, by the change's id. Returns how many moved."""
    with transaction.atomic():
        moved = 0
        for pk, (status, why) in ends.items():
            ended = _lock(rows.filter(pk=pk))
            moved += ended.update(status=status, message=why, not_before=None, updated_at=clock.now())
    return moved


def requeue(rows: QuerySet[DocumentChange], *, looked_at: dt.datetime | None = None) -> int:
    """Queue again: only what Xero did not do, what was never sent, or was looked for (at `looked_at`)."""
    with transaction.atomic():
        return _lock(rows).update(
            status=Status.QUEUED,
            call=None,
            message="",
            not_before=None,
            looked_at=looked_at or F("looked_at"),
            updated_at=clock.now(),
        )


def mark_uncertain(
    rows: QuerySet[DocumentChange], message: str, *, lookup_from: dt.datetime, is_refused: bool = False
) -> int:
    """Have changes under way looked up, no earlier than `lookup_from`."""
    with transaction.atomic():
        return _lock(rows.filter(status=Status.SENDING)).update(
            status=Status.UNCERTAIN,
            message=message,
            is_refused=is_refused,
            not_before=lookup_from,
            updated_at=clock.now(),
        )


def require_lookup(connection: XeroConnection, rows: QuerySet[DocumentChange], why: str) -> int:
    """Have queued changes looked up before they are sent. Returns how many."""
    moved, now = 0, clock.now()
    with transaction.atomic():
        waiting = list(_lock(rows.filter(status=Status.QUEUED)).order_by("document_type", "kind"))
        for document_type, kind in dict.fromkeys((each.document_type, each.kind) for each in waiting):
            alike = [each.pk for each in waiting if (each.document_type, each.kind) == (document_type, kind)]
            # One that carries no call, since whatever is uncertain belongs to one.
            call = ChangeCall.objects.create(
                connection=connection,
                document_type=document_type,
                kind=kind,
                created_at=now,
                outcome=ChangeCall.Outcome.NOT_RECORDED,
                changes_count=len(alike),
                answered_at=now,
                lease_until=now,
                problem=why,
                trace_id=tracing.current_id(),
            )
            moved += DocumentChange.objects.filter(pk__in=alike).update(
                status=Status.UNCERTAIN, call=call, message=why, is_refused=False, not_before=now, updated_at=now
            )
    return moved


def postpone_lookup(rows: QuerySet[DocumentChange], lookup_from: dt.datetime) -> None:
    """Look again from `lookup_from`."""
    rows.update(not_before=lookup_from)


def withdraw(rows: QuerySet[DocumentChange]) -> int:
    """Take back what was asked and has not been sent. Returns how many."""
    with transaction.atomic():
        waiting = _lock(rows.filter(status=Status.QUEUED))
        return waiting.update(status=Status.WITHDRAWN, message="", updated_at=clock.now())


def _lock(rows: QuerySet[DocumentChange]) -> QuerySet[DocumentChange]:
    """Return the rows that `rows` names now, held until the transaction ends."""
    # Everyone locks in the same order, or two would wait for each other.
    held = rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)
    return DocumentChange.objects.filter(pk__in=list(held))


def _log(changes: Collection[DocumentChange], status: str) -> None:
    # The portal's ids and Xero's alone.
    documents = " ".join(f"{each.pk}={each.xero_id}" for each in changes)
    facts = {"status": str(status), "documents": documents}
    logger.info("Changes %(status)s: %(documents)s", facts, extra=facts)
