"""Documents that are given another status, many in a call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from invoices.changes.rules import Changes, End, Finish, Row, Rule, asked_again
from invoices.models import ChangeCall, DocumentChange, DocumentEvent
from invoices.posting import taken_back
from invoices.posting.responses import Kind
from invoices.readback import history
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.client.vocabulary import GONE, STATUS_WORDS, DocumentStatus


def rule(
    becomes: DocumentStatus,
    *,
    done_as: tuple[DocumentStatus, ...],
    finish: Finish,
    end: Callable[[DocumentChange, Row], End | None] = asked_again,
) -> Rule:
    """Return the rule of a move to the status `becomes`, which is done in whatever document has one of `done_as`."""
    is_done = partial(_is_done, done_as)
    return Rule(body=partial(_body, becomes), send=send, is_done=is_done, finish=finish, end=end)


def end(changes: Changes, shown: Mapping[int, Row]) -> None:
    """Take the postings back whose documents are no more, and keep in their history by whom."""
    DocumentEvent.objects.bulk_create(_event(each, status_of(shown[each.pk])) for each in changes)
    for request in {each.request for each in changes}:
        ended = {each.xero_id: status_of(shown[each.pk]) for each in changes if each.request_id == request.pk}
        taken_back.take_back(ended, why=request.reason, user=request.created_by)


def _event(change: DocumentChange, status: str) -> DocumentEvent:
    because = f": {change.request.reason}" if change.request.reason else "."
    words = f"{STATUS_WORDS.get(status, status)}, as the portal was asked to{because}"
    return history.event_of_ours(change.posting, words, status=status, user=change.request.created_by)


def status_of(row: Row) -> str:
    """Return a document's status, empty when it shows none."""
    return str(row.get("Status") or "")


def _body(becomes: DocumentStatus, kind: Kind, changes: Changes) -> bytes:
    elements = [{kind.id_key: each.xero_id, "Status": becomes.value} for each in changes]
    return json.dumps({kind.endpoint: elements}).encode()


def send(gateway: Gateway, kind: Kind, call: ChangeCall, body: bytes) -> Answer:
    """POST the documents of `body`."""
    return gateway.change_documents(kind.endpoint, body, str(call.pk), call.sent_at)


def _is_done(done_as: tuple[DocumentStatus, ...], change: DocumentChange, row: Row) -> bool | None:
    status = status_of(row)
    return status in done_as if status in [*DocumentStatus] else None


# Whoever ended it and however: it is no more.
DELETE = rule(DocumentStatus.DELETED, done_as=GONE, finish=end)
VOID = rule(DocumentStatus.VOIDED, done_as=GONE, finish=end)
