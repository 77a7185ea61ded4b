"""Events for the apps that want them, written in the transaction of the change that they tell of."""

from collections.abc import Iterable, Sequence

from xero_sandbox import clock
from xero_sandbox.models import Contact, Document, Webhook, WebhookEvent

CATEGORY_OF_TYPE = {
    "ACCREC": "INVOICE",
    "ACCRECCREDIT": "CREDITNOTE",
    "RECEIVE-PREPAYMENT": "PREPAYMENT",
    "RECEIVE-OVERPAYMENT": "OVERPAYMENT",
}
CONTACT = "CONTACT"
# Of an app's plan in Xero's app store, which the sandbox has none of: an app may choose it and hears nothing.
SUBSCRIPTION = "SUBSCRIPTION"
CATEGORIES = (*CATEGORY_OF_TYPE.values(), CONTACT, SUBSCRIPTION)


def enqueue(rows: Iterable[Document], event_type: str, tells_payment: bool = False) -> None:
    """Add an event for each document to every webhook of an app that is connected to its organisation. Xero promises no
    event for a payment, so a webhook can be set to get none."""
    rows = list(rows)
    for webhook in _concerned(rows):
        if tells_payment and not webhook.tells_payments:
            continue
        wanted = [row for row in rows if CATEGORY_OF_TYPE[row.type] in webhook.categories]
        _add(webhook, [WebhookEvent(document=row, event_type=event_type) for row in wanted])


def enqueue_contacts(rows: Iterable[Contact], event_type: str) -> None:
    """Add an event for each contact likewise."""
    rows = list(rows)
    for webhook in _concerned(rows):
        if CONTACT in webhook.categories:
            _add(webhook, [WebhookEvent(contact=row, event_type=event_type) for row in rows])


def _add(webhook: Webhook, events: Iterable[WebhookEvent]) -> None:
    events = list(events)
    for at, event in enumerate(events, start=webhook.events.count() + 1):
        event.webhook, event.sequence, event.at = webhook, at, clock.now()
    WebhookEvent.objects.bulk_create(events)


def _concerned(rows: Sequence[Document] | Sequence[Contact]) -> list[Webhook]:
    if not rows:
        return []
    connected = Webhook.objects.filter(app__connections__organisation=rows[0].organisation_id)
    return list(connected.exclude(status="UNCONFIRMED"))
