"""Where an invoice can stand on its way to Xero, how far a call got, and the sets of these, defined here alone."""

from __future__ import annotations

from django.db import models


class PostingStatus(models.TextChoices):
    """Where an invoice is on its way to Xero."""

    QUEUED = "queued", "Queued"
    SENDING = "sending", "Being sent"
    POSTED = "posted", "In Xero"
    REJECTED = "rejected", "Rejected by Xero"
    UNCERTAIN = "uncertain", "Confirming with Xero"
    WITHDRAWN = "withdrawn", "Withdrawn"
    UNDONE = "undone", "Taken back"


# A call has it, or had it and nobody knows what became of it: Xero may have it by now.
IN_FLIGHT = (PostingStatus.SENDING, PostingStatus.UNCERTAIN)
# It will still change by itself.
IN_PROGRESS = (PostingStatus.QUEUED, *IN_FLIGHT)
# It is there, or was.
WAS_IN_XERO = (PostingStatus.POSTED, PostingStatus.UNDONE)
# A call answered for it: a rate counts these.
ANSWERED = (PostingStatus.POSTED, PostingStatus.REJECTED)
# Its message says why it is where it is.
HAS_REASON = (PostingStatus.REJECTED, PostingStatus.UNCERTAIN)
# An upload has done with it, and it never was in Xero.
NOT_POSTED = (PostingStatus.REJECTED, PostingStatus.WITHDRAWN)
# It ended outside of Xero, so it may be queued again; as may an invoice that has no posting yet.
UPLOADABLE = (*NOT_POSTED, PostingStatus.UNDONE)
# It may need a person: it is in Xero no more, or its answer was lost.
SEEN_TO = (*UPLOADABLE, PostingStatus.UNCERTAIN)


class SubmissionOutcome(models.TextChoices):
    PREPARING = "preparing", "Being prepared"
    SENDING = "sending", "Under way"
    ANSWERED = "answered", "Answered"
    NOT_RECORDED = "not_recorded", "Nothing was recorded"
    UNKNOWN = "unknown", "Outcome unknown"


# Its worker still holds it.
OPEN = (SubmissionOutcome.PREPARING, SubmissionOutcome.SENDING)


class ChangeKind(models.TextChoices):
    """What is asked of a document that is in Xero."""

    DELETE = "delete", "Delete"
    VOID = "void", "Void"
    APPROVE = "approve", "Approve"
    SEND = "send", "Send"
    ALLOCATE = "allocate", "Set against an invoice"
    UPDATE = "update", "Update"


# Once it is done the document is no more, and its invoice is not posted again.
ENDS = (ChangeKind.DELETE, ChangeKind.VOID)


class ChangeStatus(models.TextChoices):
    """How far a change has come."""

    QUEUED = "queued", "Queued"
    SENDING = "sending", "Being sent"
    UNCERTAIN = "uncertain", "Confirming with Xero"
    DONE = "done", "Done"
    REFUSED = "refused", "Rejected by Xero"
    WITHDRAWN = "withdrawn", "Withdrawn"
    UNTOLD = "untold", "May have been sent"


# A call has it, or had it and nobody knows what became of it: Xero may have done it by now.
CHANGE_IN_FLIGHT = (ChangeStatus.SENDING, ChangeStatus.UNCERTAIN)
# It will still move by itself.
CHANGE_IN_PROGRESS = (ChangeStatus.QUEUED, *CHANGE_IN_FLIGHT)
