"""One call to Xero that changes documents."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from django.db import transaction

from c3portal.database import clock
from invoices.changes import answers, transitions
from invoices.changes.kinds import document_kind, rule_of
from invoices.changes.rules import Checked, Row
from invoices.models import ChangeCall, DocumentChange
from invoices.posting.outcomes import CallEnd, CallResult
from xero_integration import connections
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import MAX_BODY_BYTES, Answer
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)

NOT_TOLD = "Xero did not say how it stands, so nothing was sent yet."


def send_next(connection: XeroConnection) -> int:
    """Send one call's worth of queued changes; return how many. Raises XeroUnavailable and XeroAuthError: the rows are
    queued again."""
    # In the order of `posting.sender`: claim; look, where the kind does; commit the exact bytes; call; settle what came
    # back.
    call = transitions.claim(connection)
    if call is None:
        return 0
    claimed = transitions.answered_by(call).count()
    _check(connection, call)
    rows = list(transitions.answered_by(call).filter(status=DocumentChange.Status.SENDING).order_by("pk"))
    body = rule_of(call).body(document_kind(call), rows)
    if not rows or (len(body) > MAX_BODY_BYTES and len(rows) > 1):
        _give_back(call, CallEnd(ChangeCall.Outcome.NOT_RECORDED), batch_cap=len(rows) // 2 or None)
        return claimed
    if not transitions.store_body(call, body, hashlib.sha256(body).hexdigest()):
        return claimed
    ended = _call(connection, call, body)
    settle(call, ended, rows)
    if isinstance(ended, XeroUnavailable | XeroAuthError):
        raise ended
    return claimed


def _check(connection: XeroConnection, call: ChangeCall) -> None:
    """Settle what a look before the call shows, where its kind looks. Nothing was sent so far."""
    check, kind = rule_of(call).check, document_kind(call)
    if check is None:
        return
    rows = list(transitions.answered_by(call).select_related("posting").order_by("pk"))
    try:
        found = connections.call(connection, lambda gateway: check(gateway, kind, rows))
    except (XeroUnavailable, XeroAuthError) as error:
        _give_back(call, _end(ChangeCall.Outcome.NOT_RECORDED, error))
        raise
    except XeroRejected as error:
        logger.warning("Xero refuses to show %d documents: %s", len(rows), error)
        found = Checked(untold={each.pk for each in rows})
    with transaction.atomic():
        untold = transitions.answered_by(call, found.untold)
        transitions.mark_uncertain(untold, NOT_TOLD, lookup_from=clock.now() + timeouts.retry_pause())
        transitions.mark_done(transitions.answered_by(call), found.done)
        transitions.mark_refused(transitions.answered_by(call), found.refused)


@transaction.atomic
def _give_back(call: ChangeCall, ended: CallEnd, *, batch_cap: int | None = None) -> None:
    left = transitions.answered_by(call).filter(status=DocumentChange.Status.SENDING)
    if batch_cap:
        left.update(batch_cap=batch_cap)
    transitions.requeue(left)
    transitions.close(call, ended)


def _call(connection: XeroConnection, call: ChangeCall, body: bytes) -> CallResult:
    send, kind = rule_of(call).send, document_kind(call)
    try:
        return connections.call(connection, lambda gateway: send(gateway, kind, call, body))
    except (XeroRejected, XeroOutcomeUnknown, XeroUnavailable, XeroAuthError) as error:
        return error


@transaction.atomic
def settle(call: ChangeCall, ended: CallResult, rows: Sequence[DocumentChange]) -> None:
    """Move the changes that the call still answers for, by how it ended."""
    match ended:
        case Answer():
            _settle_each(call, rows, rule_of(call).answered(ended, document_kind(call), rows))
            transitions.mark_uncertain(
                transitions.answered_by(call), "Xero's answer left it out.", lookup_from=clock.now()
            )
            outcome = CallEnd(ChangeCall.Outcome.ANSWERED, ended.status_code, ended.correlation_id)
        case XeroRejected():
            _refuse_whole(call, rows, ended)
            outcome = _end(ChangeCall.Outcome.ANSWERED, ended)
        case XeroOutcomeUnknown():
            later = clock.now() + timeouts.lookup_delay()
            transitions.mark_uncertain(transitions.answered_by(call), str(ended), lookup_from=later)
            outcome = _end(ChangeCall.Outcome.UNKNOWN, ended)
        case XeroUnavailable() | XeroAuthError():
            transitions.requeue(transitions.answered_by(call))
            outcome = _end(ChangeCall.Outcome.NOT_RECORDED, ended)
    transitions.close(call, outcome)


def _settle_each(call: ChangeCall, rows: Sequence[DocumentChange], elements: Sequence[Row]) -> None:
    found = answers.read(document_kind(call), elements, rows, in_order=True)
    is_done = rule_of(call).is_done
    by_id = {each.pk: each for each in rows}
    done = {pk: row for pk, row in found.shown.items() if is_done(by_id[pk], row)}
    transitions.mark_done(transitions.answered_by(call), done)
    # What Xero refuses may be done already, by an earlier call or by someone in Xero: only a lookup can tell.
    for pk, words in found.refused.items():
        alone = transitions.answered_by(call, [pk])
        transitions.mark_uncertain(alone, words, lookup_from=clock.now(), is_refused=True)


def _refuse_whole(call: ChangeCall, rows: Sequence[DocumentChange], error: XeroRejected) -> None:
    _settle_each(call, rows, error.elements)
    # Alone it was refused itself; several are looked up, then go in halves.
    alone = len(rows) == 1
    left = transitions.answered_by(call).filter(status=DocumentChange.Status.SENDING)
    left.update(batch_cap=max(1, len(rows) // 2))
    words = str(error) if alone else f"Xero refused the whole request: {error}"
    transitions.mark_uncertain(left, words, lookup_from=clock.now(), is_refused=alone)


def _end(outcome: str, error: XeroRejected | XeroOutcomeUnknown | XeroUnavailable | XeroAuthError) -> CallEnd:
    return CallEnd(ChangeCall.Outcome(outcome), error.status_code, error.correlation_id, str(error))
