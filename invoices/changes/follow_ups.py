"""Post, approve, send in one go: what an upload asks for by itself once its documents are in Xero."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from c3portal.database import clock
from invoices.changes import asking, onward
from invoices.models import DocumentChange, Invoice, Onward, Posting, Upload
from invoices.models.statuses import ChangeKind
from invoices.posting import outdated
from invoices.readback import states
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.models import XeroConnection


def due() -> QuerySet[Upload]:
    """Return the uploads of which something may still have to be asked."""
    return Upload.objects.filter(onward_ended_at=None).exclude(onward="")


def queue(connection: XeroConnection) -> int:
    """Ask for the next step of what is in Xero by now; each is asked for once, whoever calls this and however often.
    Returns how many."""
    uploads = due().filter(connection=connection).order_by("pk").values_list("pk", flat=True)
    return sum(_queue(pk) for pk in list(uploads))


@transaction.atomic
def _queue(upload_id: int) -> int:
    # One worker at a time: what the one before asked for is seen by the next.
    upload = (
        due().select_for_update(of=("self",), no_key=True).select_related("connection").filter(pk=upload_id).first()
    )
    if upload is None:
        return 0
    approvals = asking.approve(
        _not_asked(upload, ChangeKind.APPROVE), connection=upload.connection, user=upload.created_by, upload=upload
    )
    sends = asking.NOTHING
    if upload.onward == Onward.SEND:
        sends = asking.send(
            _not_asked(upload, ChangeKind.SEND), connection=upload.connection, user=upload.created_by, upload=upload
        )
    if not approvals.queued and not sends.queued and not _is_open(upload):
        Upload.objects.filter(pk=upload.pk).update(onward_ended_at=clock.now())
    return approvals.queued + sends.queued


def _not_asked(upload: Upload, kind: ChangeKind) -> QuerySet[Posting]:
    """Return what of the upload is in Xero and was never asked for this, however that ended. What a later file has
    otherwise is left to a person: nothing out of date is approved or mailed by itself."""
    asked = DocumentChange.objects.filter(posting=OuterRef("pk"), xero_id=OuterRef("xero_id"), kind=kind)
    is_outdated = Invoice.objects.filter(outdated.waits_for_file(), pk=OuterRef("invoice"))
    return Posting.objects.filter(~Exists(asked), ~Exists(is_outdated), upload=upload, status=Posting.Status.POSTED)


def _is_open(upload: Upload) -> bool:
    """Whether something of the upload may still come to be approved or sent by itself."""
    postings = Posting.objects.filter(upload=upload)
    if postings.in_progress().exists() or DocumentChange.objects.in_progress().filter(posting__in=postings).exists():
        return True
    if _untold(upload).exists():
        return True
    if upload.onward != Onward.SEND or not onward.mails_a_day(upload.connection):
        return False
    # The rest goes once more mails may be sent.
    left = onward.of_sending(_not_asked(upload, ChangeKind.SEND))
    return any(each.fate == onward.Fate.NO_MAILS_LEFT for each in left)


def _untold(upload: Upload) -> QuerySet[Posting]:
    """Return what is still to be approved or sent and of which an answer told no status that is known here: the next
    reading does, unless Xero does not show the document any more."""
    last = ChangeKind.SEND if upload.onward == Onward.SEND else ChangeKind.APPROVE
    return _not_asked(upload, last).exclude(xero_status__in=[*DocumentStatus]).exclude(states.missing())
