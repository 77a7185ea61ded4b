"""Dead workers' changes are freed, lost answers are looked up in Xero."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Q

from c3portal.database import clock
from c3portal.processes import liveness
from invoices.changes import answers, transitions
from invoices.changes.kinds import document_kind, rule_of
from invoices.changes.rules import Row
from invoices.changes.status_moves import status_of
from invoices.models import ChangeCall, DocumentChange
from invoices.posting.reconciliation import (
    MAX_LOOKED_UP,
    PAUSE_AFTER_REFUSAL,
    is_due,
    next_look,
)
from invoices.posting.transitions import RESTORED
from xero_integration import connections
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroRejected
from xero_integration.client.vocabulary import STATUS_WORDS
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

Status = DocumentChange.Status
NOT_THERE = "Xero does not show the document any more. Look for it there."


def release_expired_leases() -> int:
    """Release the changes of dead processes, and those past their lease. Returns how many moved."""
    expired = Q(lease_until__lt=clock.now()) | Q(process__in=liveness.dead())
    return sum(_free(call) for call in ChangeCall.objects.open().filter(expired))


@transaction.atomic
def _free(call: ChangeCall) -> int:
    # Without stored bytes nothing was ever sent, so the rows queue again; with them the outcome is unknown.
    was_sent = call.outcome == ChangeCall.Outcome.SENDING
    won = ChangeCall.objects.filter(pk=call.pk, outcome=call.outcome, lease_until=call.lease_until).update(
        outcome=ChangeCall.Outcome.UNKNOWN if was_sent else ChangeCall.Outcome.NOT_RECORDED,
        problem="The worker stopped on the way.",
    )
    if not won:
        return 0
    rows = transitions.answered_by(call)
    if not was_sent:
        return transitions.requeue(rows)
    words = "The worker stopped before Xero's answer was stored."
    return transitions.mark_uncertain(rows, words, lookup_from=clock.now())


def require_lookups(connection: XeroConnection) -> int:
    """Have what a restored database would send looked up first. Returns how many moved."""
    if connection.restored_at is None:
        return 0
    return transitions.require_lookup(connection, transitions.not_looked_up(connection), RESTORED)


def reconcile(connection: XeroConnection) -> int:
    """Look up uncertain changes that are due. Returns how many were settled. Raises XeroUnavailable and XeroAuthError;
    then they stay uncertain."""
    uncertain = DocumentChange.objects.filter(is_due(clock.now()), connection=connection, status=Status.UNCERTAIN)
    due = uncertain.select_related("call__connection").order_by("document_type", "call_id", "pk")[:MAX_LOOKED_UP]
    settled = 0
    for alike in _looked_up_alike(due):
        try:
            settled += _look_up(connection, alike)
        except XeroRejected as error:
            logger.warning("Xero refuses to be asked for %s documents: %s", len(alike), error)
            refused = DocumentChange.objects.filter(pk__in=[each.pk for each in alike], status=Status.UNCERTAIN)
            transitions.postpone_lookup(refused, clock.now() + PAUSE_AFTER_REFUSAL)
    return settled


def _looked_up_alike(due: Iterable[DocumentChange]) -> Iterable[list[DocumentChange]]:
    """Return those together that one question answers."""
    found: dict[tuple[str, Any], list[DocumentChange]] = {}
    for each in due:
        found.setdefault((each.document_type, rule_of(each).look), []).append(each)
    return found.values()


def _look_up(connection: XeroConnection, due: Sequence[DocumentChange]) -> int:
    # The answer tells how it was then.
    looked_up_at = clock.now()
    kind, look = document_kind(due[0]), rule_of(due[0]).look
    rows = connections.call(connection, lambda gateway: look(gateway, kind, due))
    shown = answers.read(kind, rows, due).shown
    settled = 0
    for call, some in groupby(due, key=lambda each: each.call):
        if call is not None:
            settled += _settle(call, list(some), shown, looked_up_at)
    refused = [each for each in due if each.is_refused]
    if refused:
        since = min(each.created_at for each in refused)
        connections.read_again_after(connection, [each.message for each in refused], since)
    return settled


@transaction.atomic
def _settle(
    call: ChangeCall, rows: Sequence[DocumentChange], shown: Mapping[int, Row], looked_up_at: dt.datetime
) -> int:
    is_done = {each.pk: each.pk in shown and rule_of(call).is_done(each, shown[each.pk]) for each in rows}
    uncertain = transitions.answered_by(call, is_done).filter(status=Status.UNCERTAIN)
    moved = transitions.mark_done(uncertain, {pk: shown[pk] for pk, done in is_done.items() if done})
    left = [each for each in rows if is_done[each.pk] is False]
    refused = {each.pk: _words(each, shown.get(each.pk)) for each in left if each.is_refused or each.pk not in shown}
    moved += transitions.mark_refused(uncertain, refused)
    untold = uncertain.exclude(pk__in=[each.pk for each in left])
    transitions.postpone_lookup(untold, looked_up_at + timeouts.retry_pause())
    undone = uncertain.filter(pk__in=[each.pk for each in left])
    if later := next_look(call, looked_up_at):
        transitions.postpone_lookup(undone, later)
        return moved
    end = rule_of(call).end
    ends = {each.pk: ended for each in left if each.pk in shown and (ended := end(each, shown[each.pk]))}
    moved += transitions.mark_ended(undone, ends)
    return moved + transitions.requeue(undone, looked_at=looked_up_at)


def _words(change: DocumentChange, row: Row | None) -> str:
    if row is None:
        return NOT_THERE
    status = status_of(row)
    return f"{change.message} In Xero it is: {STATUS_WORDS.get(status, status)}. {rule_of(change).left}"
