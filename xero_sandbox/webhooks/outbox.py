"""Events for the apps that want them, written in the transaction of the change that they tell of."""

from collections.abc import Iterable

from xero_sandbox import clock
from xero_sandbox.models import Document, Webhook, WebhookEvent

CATEGORY_OF_TYPE = {
    "ACCREC": "INVOICE",
    "ACCRECCREDIT": "CREDITNOTE",
    "RECEIVE-PREPAYMENT": "PREPAYMENT",
    "RECEIVE-OVERPAYMENT": "OVERPAYMENT",
}
CATEGORIES = tuple(CATEGORY_OF_TYPE.values())


def enqueue(rows: Iterable[Document], event_type: str, tells_payment: bool = False) -> None:
    """Add an event for each document to every webhook of an app that is connected to its organisation. Xero promises no
    event for a payment, so a webhook can be set to get none."""
    rows = list(rows)
    for webhook in _concerned(rows):
        if tells_payment and not webhook.tells_payments:
            continue
        wanted = [row for row in rows if CATEGORY_OF_TYPE[row.type] in webhook.categories]
        first = webhook.events.count() + 1
        WebhookEvent.objects.bulk_create(
            WebhookEvent(webhook=webhook, sequence=first + at, document=row, event_type=event_type, at=clock.now())
            for at, row in enumerate(wanted)
        )


def _concerned(rows: list[Document]) -> list[Webhook]:
    if not rows:
        return []
    connected = Webhook.objects.filter(app__connections__organisation=rows[0].organisation_id)
    return list(connected.exclude(status="UNCONFIRMED"))
