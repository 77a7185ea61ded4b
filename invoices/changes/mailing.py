"""Approved invoices are mailed to their contacts by Xero, one in a call, and never twice without saying so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from c3portal.database import clock
from invoices.changes.rules import Changes, End, Row, Rule, documents_shown
from invoices.models import ChangeCall, DocumentChange, DocumentEvent, Posting
from invoices.models.statuses import ChangeStatus
from invoices.posting.responses import Kind
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.client.vocabulary import MAILED
from xero_integration.reference import json_moment

MAY_BE_SENT = (
    "It may have been sent: Xero's answer was lost, and nothing there tells, since it had been sent before. Look in "
    "Xero, and send it again if the customer did not get it."
)
# Xero's clock and the database's may differ.
OVERLAP = dt.timedelta(minutes=1)
_MAILED = "mailed"


def _body(kind: Kind, changes: Changes) -> bytes:
    return b""


def _send(gateway: Gateway, kind: Kind, call: ChangeCall, body: bytes) -> Answer:
    return gateway.email_invoice(call.changes.get().xero_id, str(call.pk), call.sent_at)


def _answered(answer: Answer, kind: Kind, changes: Changes) -> Sequence[Row]:
    # Success has no words.
    return [{kind.id_key: each.xero_id, _MAILED: True} for each in changes]


def _look(gateway: Gateway, kind: Kind, changes: Changes) -> Sequence[Row]:
    """Read the documents, and of those that had been sent before what their history tells of later mails."""
    before = {each.xero_id.lower(): each for each in changes if _was_sent(each)}
    rows = documents_shown(gateway, kind, changes)
    return [_with_history(gateway, kind, row, before.get(str(row.get(kind.id_key)).lower())) for row in rows]


def _with_history(gateway: Gateway, kind: Kind, row: Row, change: DocumentChange | None) -> Row:
    if change is None or change.is_refused or _is_soon_after_another(change):
        return row
    entries = gateway.history(kind.endpoint, change.xero_id)
    return {**row, _MAILED: any(_tells(entry, change.created_at - OVERLAP) for entry in entries)}


def _is_soon_after_another(change: DocumentChange) -> bool:
    # By two clocks the one before might be taken for this one.
    before = change.posting.mailed_at
    return before is not None and change.created_at - before < 2 * OVERLAP


def _tells(entry: Mapping[str, Any], since: dt.datetime) -> bool:
    at = json_moment(entry.get("DateUTC"))
    return entry.get("Changes") in MAILED and at is not None and at >= since


def _was_sent(change: DocumentChange) -> bool:
    # Unless it is known not to have been.
    return change.details.get("was_sent") is not False


def _is_done(change: DocumentChange, row: Row) -> bool:
    if row.get(_MAILED):
        return True
    # Whoever sends what Xero refused to the portal did so by another call.
    return row.get("SentToContact") is True and not _was_sent(change) and not change.is_refused


def _end(change: DocumentChange, row: Row) -> End | None:
    if row.get("SentToContact") is False or _is_new_since_restore(change):
        return None
    return ChangeStatus.UNTOLD, MAY_BE_SENT


def _is_new_since_restore(change: DocumentChange) -> bool:
    """Whether it was asked for after the database was restored, and no call was made for it: it is looked up like all
    else there, and what was lost knows nothing of it."""
    restored_at = change.connection.restored_at
    was_called = change.call is None or change.call.sent_at is not None
    return not was_called and restored_at is not None and change.created_at > restored_at


def _finish(changes: Changes, shown: Mapping[int, Row]) -> None:
    for change in changes:
        at = (change.call.sent_at if change.call else None) or clock.now()
        address = str(change.details.get("address") or "")
        rows = Posting.objects.filter(pk=change.posting_id, xero_id=change.xero_id)
        if not rows.update(sent_to_contact=True, mailed_at=at, mailed_to=address):
            continue
        DocumentEvent.objects.create(
            posting_id=change.posting_id,
            at=at,
            source=DocumentEvent.Source.US,
            status=change.posting.xero_status,
            amount_due=change.posting.amount_due,
            facts=[f"Sent to {address}." if address else "Sent to the contact."],
            who=str(change.request.created_by or ""),
        )


SEND = Rule(
    body=_body,
    send=_send,
    is_done=_is_done,
    finish=_finish,
    answered=_answered,
    look=_look,
    end=_end,
    left="No mail was sent.",
    most=1,
)
