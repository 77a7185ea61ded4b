"""What was sent of an invoice last, and what Xero answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from invoices.models import Posting, PostLog, Submission
from invoices.models.statuses import WAS_IN_XERO
from invoices.posting import kept_answers, sent_documents
from invoices.posting.responses import kind_of
from xero_integration.client import shapes

# More are counted and not shown: the page stays one that a browser shows at once.
MOST_LINES = 50


@dataclass(frozen=True)
class Exchange:
    """The last call that left with the invoice (None where it is not known which), with the texts of both sides, each
    "" where nothing is kept, and the document itself."""

    call: Submission | None
    sent: str
    answered: str
    left_out: int
    element: Mapping[str, Any] | None


def of(posting: Posting, logs: Sequence[PostLog]) -> Exchange:
    """Return what is kept of both, in one query where it is not in Xero; `answer` and `sent_document` should be
    loaded, and `logs` be the invoice's, with their calls."""
    sent = {log.submission.sent_at: log.submission for log in logs if log.submission and log.submission.sent_at}
    call = sent[max(sent)] if sent else None
    element = _element(posting, call)
    items = shapes.objects((element or {}).get("LineItems"))
    shown = element and {**element, "LineItems": items[:MOST_LINES]}
    answer = getattr(posting, "answer", None)
    return Exchange(
        call=call,
        sent=_written(shown) if shown else "",
        # An answer to a call before says nothing of this one.
        answered=kept_answers.readable(answer) if answer and call and answer.submission_id == call.pk else "",
        left_out=max(0, len(items) - MOST_LINES),
        element=element,
    )


def _element(posting: Posting, call: Submission | None) -> Mapping[str, Any] | None:
    if posting.status in WAS_IN_XERO and (kept := sent_documents.kept(posting)):
        return kept
    if call is None:
        return None
    body = Submission.objects.values_list("body", flat=True).get(pk=call.pk)
    return sent_documents.elements(bytes(body), kind_of(call)).get(posting.number_in_xero) if body else None


def _written(element: Mapping[str, Any]) -> str:
    return json.dumps(element, indent=2, ensure_ascii=False, default=_number)


def _number(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)
