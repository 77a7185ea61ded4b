"""One call to Xero that creates up to 50 documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from invoices.documents.builder import Refused, build_documents
from invoices.models import Posting, Submission, Upload
from invoices.posting import outcomes, outdated, transitions
from invoices.posting.outcomes import CallEnd, CallResult, Outcome, Rejected
from invoices.posting.responses import kind_of
from invoices.posting.settlement import settle
from xero_integration import connections
from xero_integration.client.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import MAX_BODY_BYTES
from xero_integration.models import XeroConnection
from xero_integration.payloads import Document
from xero_integration.xero_models import documents_body


def send_next(connection: XeroConnection) -> int:
    """Send one call's worth of queued postings; return how many. Raises XeroUnavailable and XeroAuthError: the rows
    are queued again."""
    # The order is what makes it safe: claim and commit; render and commit the exact bytes; call; settle what came back.
    # Whatever ends this process in between, the rows say how far it got, and `reconciliation` goes on from there.
    submission = transitions.claim(connection)
    if submission is None:
        return 0
    rows = list(transitions.answered_by(submission).order_by("pk"))
    documents = _prepare(connection, submission, rows)
    if documents:
        _send(connection, submission, documents)
    return len(rows)


def _prepare(connection: XeroConnection, submission: Submission, rows: Sequence[Posting]) -> dict[int, Document]:
    """Return the documents by posting id; what Xero would refuse, or is out of date by now, is refused here."""
    # They were queued until now: none of them is in Xero.
    outdated_ones = outdated.refusals(rows)
    prepared: dict[int, Document | Refused] = {pk: Refused(words) for pk, words in outdated_ones.items()}
    prepared |= build_documents(connection, [row for row in rows if row.pk not in outdated_ones])
    documents = {pk: result for pk, result in prepared.items() if isinstance(result, Document)}
    refused = {pk: Rejected(result.words) for pk, result in prepared.items() if isinstance(result, Refused)}
    settle(submission, Outcome(refused, call=None if documents else CallEnd(Submission.Outcome.NOT_RECORDED)))
    return documents


def _send(connection: XeroConnection, submission: Submission, documents: Mapping[int, Document]) -> None:
    body = documents_body(documents.values())
    if len(body) > MAX_BODY_BYTES and len(documents) > 1:
        settle(submission, outcomes.too_large(len(documents)))
        return
    if not transitions.store_body(submission, body, hashlib.sha256(body).hexdigest()):
        return
    ended = _call(connection, submission, body)
    numbers = {pk: document.number for pk, document in documents.items()}
    outcome = outcomes.of_call(ended, kind_of(submission), numbers)
    settle(submission, outcome)
    if isinstance(ended, XeroUnavailable | XeroAuthError):
        raise ended
    _read_again(connection, {pk: one.words for pk, one in outcome.each.items() if isinstance(one, Rejected)})


def _read_again(connection: XeroConnection, refused: Mapping[int, str]) -> None:
    if refused:
        queued_at = Upload.objects.filter(postings__in=refused).latest("created_at").created_at
        connections.read_again_after(connection, refused.values(), queued_at)


def _call(connection: XeroConnection, submission: Submission, body: bytes) -> CallResult:
    # What is none of the known ends propagates.
    endpoint, key = kind_of(submission).endpoint, str(submission.pk)
    try:
        return connections.call(
            connection, lambda gateway: gateway.create_documents(endpoint, body, key, submission.sent_at)
        )
    except (XeroRejected, XeroOutcomeUnknown, XeroUnavailable, XeroAuthError) as error:
        return error
