"""From claimed postings to recorded results: one call to Xero that creates up to 50 documents.

The order is what makes it safe: claim and commit; render and commit the exact bytes; call; record what came back.
Whatever ends this process in between, the rows say how far it got, and `recovery` goes on from there. What came back is
stored in one transaction: a call must not look finished while a row of it still waits for its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from django.db import transaction

from c3portal.database import clock
from invoices.documents.builder import Refused, build_documents
from invoices.models import Posting, Submission
from invoices.posting import transitions
from invoices.posting.responses import NOT_UNIQUE, kind_of, read_results
from xero_integration import connections
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import MAX_BODY_BYTES, Answer
from xero_integration.models import XeroConnection
from xero_integration.payloads import Document
from xero_integration.xero_models import documents_body


def send_next(connection: XeroConnection) -> int:
    """Send one call's worth of queued postings. Returns how many were claimed; 0 when there was nothing to send.

    Raises XeroUnavailable (the rows wait, the caller pauses the connection) and XeroAuthError (a person must
    reconnect); in both cases nothing was recorded and the rows are queued again.
    """
    submission = transitions.claim(connection)
    if submission is None:
        return 0
    rows = list(transitions.answered_by(submission).order_by("pk"))
    documents = _prepare(connection, submission, rows)
    if documents:
        _send(connection, submission, documents)
    else:
        transitions.close(submission, Submission.Outcome.NOT_RECORDED)
    return len(rows)


def _prepare(connection: XeroConnection, submission: Submission, rows: Sequence[Posting]) -> dict[int, Document]:
    """Return the documents to send by posting id; what Xero would refuse is refused here, each alone."""
    prepared = build_documents(connection, rows)
    reasons = {pk: result.words for pk, result in prepared.items() if isinstance(result, Refused)}
    transitions.mark_rejected(transitions.answered_by(submission), reasons)
    return {pk: result for pk, result in prepared.items() if isinstance(result, Document)}


def _send(connection: XeroConnection, submission: Submission, documents: dict[int, Document]) -> None:
    body = documents_body(documents.values())
    if len(body) > MAX_BODY_BYTES and len(documents) > 1:
        _too_large(submission, len(documents))
        return
    if not transitions.store_body(submission, body, hashlib.sha256(body).hexdigest()):
        return
    endpoint = kind_of(submission).endpoint
    try:
        answer = connections.call(
            connection, lambda gateway: gateway.create_documents(endpoint, body, str(submission.pk), submission.sent_at)
        )
    except (XeroUnavailable, XeroAuthError) as error:
        _not_recorded(submission, error)
        raise
    except XeroRejected as error:
        _refused_whole(submission, documents, error)
    except XeroOutcomeUnknown as error:
        _lost(submission, error)
    else:
        record(submission, documents, answer)


@transaction.atomic
def _too_large(submission: Submission, count: int) -> None:
    transitions.close(
        submission, Submission.Outcome.NOT_RECORDED, problem="The request would be larger than Xero takes."
    )
    transitions.requeue(transitions.answered_by(submission), "", batch_cap=count // 2)


@transaction.atomic
def _not_recorded(submission: Submission, error: XeroUnavailable | XeroAuthError) -> None:
    transitions.requeue(transitions.answered_by(submission), "")
    transitions.close(
        submission,
        Submission.Outcome.NOT_RECORDED,
        status_code=error.status_code,
        correlation_id=error.correlation_id,
        problem=str(error),
    )


@transaction.atomic
def _refused_whole(submission: Submission, documents: Mapping[int, Document], error: XeroRejected) -> None:
    """A whole-request 400: alone, the document is refused with Xero's words; in company, the call is halved after a
    look, since Xero is known to have created the valid ones of such a request at times."""
    transitions.close(
        submission,
        Submission.Outcome.ANSWERED,
        status_code=error.status_code,
        correlation_id=error.correlation_id,
        problem=str(error),
    )
    refused = read_results(kind_of(submission), _numbers(documents), error.elements).refused
    if len(documents) == 1 and not refused:
        refused = dict.fromkeys(documents, str(error))
    _refuse_or_look(submission, refused)
    transitions.answered_by(submission).update(batch_cap=max(1, len(documents) // 2))
    transitions.mark_uncertain(submission, f"Xero refused the whole request: {error}", lookup_from=clock.now())


def _refuse_or_look(submission: Submission, refused: Mapping[int, str]) -> None:
    """Refuse with Xero's words; but a number that is taken may be our own document from a call whose answer was lost,
    which only a look can tell."""
    taken = {pk: words for pk, words in refused.items() if NOT_UNIQUE in words}
    transitions.mark_rejected(
        transitions.answered_by(submission), {pk: w for pk, w in refused.items() if pk not in taken}
    )
    for words in set(taken.values()):
        among = [pk for pk, said in taken.items() if said == words]
        transitions.mark_uncertain(submission, words, lookup_from=clock.now(), among=among)


@transaction.atomic
def _lost(submission: Submission, error: XeroOutcomeUnknown) -> None:
    transitions.mark_uncertain(submission, str(error), lookup_from=clock.now() + timeouts.lookup_delay())
    transitions.close(
        submission,
        Submission.Outcome.UNKNOWN,
        status_code=error.status_code,
        correlation_id=error.correlation_id,
        problem=str(error),
    )


@transaction.atomic
def record(submission: Submission, documents: Mapping[int, Document], answer: Answer) -> None:
    """Store what Xero said of each document. What its answer leaves out is uncertain, never taken for a success."""
    kind = kind_of(submission)
    results = read_results(kind, _numbers(documents), answer.rows(kind.endpoint))
    transitions.mark_posted(submission, results.recorded)
    _refuse_or_look(submission, results.refused)
    transitions.close(
        submission,
        Submission.Outcome.ANSWERED,
        status_code=answer.status_code,
        correlation_id=answer.correlation_id,
    )
    transitions.mark_uncertain(submission, "Xero's answer left it out.", lookup_from=clock.now())


def _numbers(documents: Mapping[int, Document]) -> dict[int, str]:
    return {pk: document.number for pk, document in documents.items()}
