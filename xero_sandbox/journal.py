"""What became of each document, as its page at Xero tells under History and Notes."""

from collections.abc import Iterable

from xero_sandbox import clock
from xero_sandbox.models import Document, HistoryNote
from xero_sandbox.webhooks import outbox

PERSON = "Dana Sandbox"
MACHINE = "System Generated"
CREATED = "Created"
PAID = "Paid"
NOTE = "Note"
CHANGE_OF_STATUS = {
    "DRAFT": "Edited",
    "SUBMITTED": "Submitted",
    "AUTHORISED": "Approved",
    "PAID": PAID,
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


def note(row: Document, changes: str, details: str = "", user: str = PERSON) -> None:
    """Keep one entry of a document's history. Call it inside the transaction that makes the change."""
    note_all([row], changes, details, user)


def note_all(rows: Iterable[Document], changes: str, details: str = "", user: str = PERSON) -> None:
    """Keep the same entry for many documents, and tell the webhooks."""
    rows = list(rows)
    now = clock.now()
    HistoryNote.objects.bulk_create(
        HistoryNote(document=row, changes=changes, details=details or _in_short(row), user=user, at=now) for row in rows
    )
    if changes != NOTE:
        outbox.enqueue(rows, "CREATE" if changes == CREATED else "UPDATE", tells_payment=changes == PAID)


def _in_short(row: Document) -> str:
    return f"{row.number} to {row.contact.name} for {row.total} {row.currency}."


def through(app_name: str) -> tuple[str, str]:
    """Return details and user for what came through the API; an app without a name is a person's own hand."""
    return (f"Received through the Xero API from {app_name}", MACHINE) if app_name else ("", PERSON)
