"""What became of a call and its documents, for `settlement.settle` to carry out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from c3portal.database import clock
from invoices.models import Submission
from invoices.models.statuses import SubmissionOutcome
from invoices.posting.responses import Kind, Recorded, read_results
from xero_integration.client import timeouts
from xero_integration.client.errors import XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer
from xero_integration.client.refusals import Refusal

# Everything that a call may end in; what else it raises propagates.
CallResult = Answer | XeroRejected | XeroOutcomeUnknown | XeroUnavailable | XeroAuthError


@dataclass(frozen=True)
class Posted:
    """Xero has it, and it is ours."""

    document: Recorded


@dataclass(frozen=True)
class Rejected:
    """Xero refused it, or would."""

    words: str


@dataclass(frozen=True)
class Uncertain:
    """Xero may have it: looked up from `lookup_from`."""

    words: str
    lookup_from: dt.datetime
    is_number_taken: bool = False


@dataclass(frozen=True)
class Released:
    """Not recorded: it may be sent again."""


@dataclass(frozen=True)
class Absent:
    """Not there at `looked_at`, when Xero must have finished with its call."""

    looked_at: dt.datetime


@dataclass(frozen=True)
class StillUncertain:
    """Not there yet: looked up again from `lookup_from`."""

    lookup_from: dt.datetime


# What may become of many alike.
Alike = Uncertain | Released | Absent | StillUncertain
DocumentOutcome = Posted | Rejected | Alike


@dataclass(frozen=True)
class CallEnd:
    outcome: SubmissionOutcome
    status_code: int | None = None
    correlation_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a submission's postings: `each` by id, and the `rest` it still answers for.

    `call` is None where unknown, or stored already. `batch_cap`: how many of the unsettled may travel together.
    """

    each: Mapping[int, DocumentOutcome] = field(default_factory=dict)
    rest: Alike | None = None
    call: CallEnd | None = None
    batch_cap: int | None = None
    # What Xero said of some of `each`, as it came.
    elements: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def of_call(ended: CallResult, kind: Kind, numbers: Mapping[int, str]) -> Outcome:
    """Return what a call's end means for its documents (`numbers`: posting id to number, in the order sent)."""
    match ended:
        case Answer():
            return answered(ended, kind, numbers)
        case XeroRejected():
            return refused_whole(ended, kind, numbers)
        case XeroOutcomeUnknown():
            return lost(ended)
        case XeroUnavailable() | XeroAuthError():
            return not_recorded(ended)


def answered(answer: Answer, kind: Kind, numbers: Mapping[int, str]) -> Outcome:
    """What an answer left out is uncertain."""
    results = read_results(kind, numbers, answer.rows(kind.endpoint))
    now = clock.now()
    each: dict[int, DocumentOutcome] = {pk: Posted(document) for pk, document in results.recorded.items()}
    each |= {pk: _refused(refusal, now) for pk, refusal in results.refused.items()}
    call = CallEnd(Submission.Outcome.ANSWERED, answer.status_code, answer.correlation_id)
    return Outcome(each, Uncertain("Xero's answer left it out.", now), call, elements=results.elements)


def refused_whole(error: XeroRejected, kind: Kind, numbers: Mapping[int, str]) -> Outcome:
    """A document alone is refused with Xero's words; several are looked up, then halved."""
    # Xero is known to have created the valid ones of such a request at times.
    results = read_results(kind, numbers, error.elements)
    refused = results.refused
    if len(numbers) == 1 and not refused:
        refused = dict.fromkeys(numbers, Refusal(str(error), error.is_number_taken))
    now = clock.now()
    return Outcome(
        {pk: _refused(refusal, now) for pk, refusal in refused.items()},
        Uncertain(f"Xero refused the whole request: {error}", now),
        _call_end(Submission.Outcome.ANSWERED, error),
        batch_cap=max(1, len(numbers) // 2),
        elements={pk: row for pk, row in results.elements.items() if pk in refused},
    )


def lost(error: XeroOutcomeUnknown) -> Outcome:
    """All are looked up."""
    # Once Xero may have finished with it.
    rest = Uncertain(str(error), clock.now() + timeouts.lookup_delay())
    return Outcome(rest=rest, call=_call_end(Submission.Outcome.UNKNOWN, error))


def not_recorded(error: XeroUnavailable | XeroAuthError) -> Outcome:
    """All may be sent again."""
    return Outcome(rest=Released(), call=_call_end(Submission.Outcome.NOT_RECORDED, error))


def too_large(count: int) -> Outcome:
    """No call was made; all go in halves."""
    call = CallEnd(Submission.Outcome.NOT_RECORDED, problem="The request would be larger than Xero takes.")
    return Outcome(rest=Released(), call=call, batch_cap=count // 2)


def _refused(refusal: Refusal, now: dt.datetime) -> Rejected | Uncertain:
    # The number may be our own document's, from a call whose answer was lost: only a lookup can tell.
    if refusal.is_number_taken:
        return Uncertain(refusal.words, now, is_number_taken=True)
    return Rejected(refusal.words)


def _call_end(
    outcome: SubmissionOutcome, error: XeroRejected | XeroOutcomeUnknown | XeroUnavailable | XeroAuthError
) -> CallEnd:
    return CallEnd(outcome, error.status_code, error.correlation_id, str(error))
