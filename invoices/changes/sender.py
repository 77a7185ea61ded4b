"""One call to Xero that changes up to 50 documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.db import transaction

from c3portal.database import clock
from invoices.changes import answers, transitions
from invoices.models import ChangeCall, DocumentChange, DocumentType
from invoices.models.statuses import ChangeKind
from invoices.posting.outcomes import CallEnd, CallResult
from invoices.posting.responses import KINDS, Kind
from xero_integration import connections
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer
from xero_integration.models import XeroConnection


def send_next(connection: XeroConnection) -> int:
    """Send one call's worth of queued changes; return how many. Raises XeroUnavailable and XeroAuthError: the rows are
    queued again."""
    # In the order of `posting.sender`: claim; commit the exact bytes; call; settle what came back.
    call = transitions.claim(connection)
    if call is None:
        return 0
    rows = list(transitions.answered_by(call).order_by("pk"))
    body = _body(call, rows)
    if not transitions.store_body(call, body, hashlib.sha256(body).hexdigest()):
        return len(rows)
    ended = _call(connection, call, body)
    settle(call, ended, rows)
    if isinstance(ended, XeroUnavailable | XeroAuthError):
        raise ended
    return len(rows)


def kind_of(call: ChangeCall | DocumentChange) -> Kind:
    """Return its kind of document."""
    return KINDS[DocumentType(call.document_type)]


def _body(call: ChangeCall, rows: Sequence[DocumentChange]) -> bytes:
    kind, status = kind_of(call), answers.BECOMES[ChangeKind(call.kind)].value
    return json.dumps({kind.endpoint: [{kind.id_key: each.xero_id, "Status": status} for each in rows]}).encode()


def _call(connection: XeroConnection, call: ChangeCall, body: bytes) -> CallResult:
    endpoint, key = kind_of(call).endpoint, str(call.pk)
    try:
        return connections.call(connection, lambda gateway: gateway.change_documents(endpoint, body, key, call.sent_at))
    except (XeroRejected, XeroOutcomeUnknown, XeroUnavailable, XeroAuthError) as error:
        return error


@transaction.atomic
def settle(call: ChangeCall, ended: CallResult, rows: Sequence[DocumentChange]) -> None:
    """Move the changes that the call still answers for, by how it ended."""
    match ended:
        case Answer():
            _settle_each(call, rows, answers.read(kind_of(call), ended.rows(kind_of(call).endpoint), _ids(rows)))
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


def _ids(rows: Sequence[DocumentChange]) -> list[str]:
    return [each.xero_id for each in rows]


def _settle_each(call: ChangeCall, rows: Sequence[DocumentChange], found: answers.Answered) -> None:
    ended = {each.pk: found.statuses.get(each.xero_id.lower(), "") for each in rows}
    transitions.mark_done(
        transitions.answered_by(call), {pk: status for pk, status in ended.items() if answers.is_done(status)}
    )
    # What Xero refuses may be done already, by an earlier call or by someone in Xero: only a lookup can tell.
    for each in rows:
        if words := found.refused.get(each.xero_id.lower()):
            alone = transitions.answered_by(call, [each.pk])
            transitions.mark_uncertain(alone, words, lookup_from=clock.now(), is_refused=True)


def _refuse_whole(call: ChangeCall, rows: Sequence[DocumentChange], error: XeroRejected) -> None:
    _settle_each(call, rows, answers.read(kind_of(call), error.elements, _ids(rows)))
    # Alone it was refused itself; several are looked up, then go in halves.
    alone = len(rows) == 1
    left = transitions.answered_by(call).filter(status=DocumentChange.Status.SENDING)
    left.update(batch_cap=max(1, len(rows) // 2))
    words = str(error) if alone else f"Xero refused the whole request: {error}"
    transitions.mark_uncertain(left, words, lookup_from=clock.now(), is_refused=alone)


def _end(outcome: str, error: XeroRejected | XeroOutcomeUnknown | XeroUnavailable | XeroAuthError) -> CallEnd:
    return CallEnd(ChangeCall.Outcome(outcome), error.status_code, error.correlation_id, str(error))
