"""Setting up an app's webhook, as its owner does under My Apps."""

import secrets
from collections.abc import Iterable

from django.db.models import F

from xero_sandbox.models import App, Webhook
from xero_sandbox.storage import writing
from xero_sandbox.webhooks.outbox import CATEGORIES
from xero_sandbox.wire import parse_address


class WebhookRefused(Exception):
    """What cannot be set up, in words."""


def set_up(app: App, url: str, categories: Iterable[str], tells_payments: bool = True) -> Webhook:
    """Keep an app's webhook in place of the one before, with a key of its own; it is not confirmed yet. Raises
    WebhookRefused."""
    categories = list(categories)
    if parse_address(url) is None or not set(categories) <= set(CATEGORIES):
        raise WebhookRefused(f"Give an absolute url, and categories out of {', '.join(CATEGORIES)}.")
    facts = {
        "url": url,
        "categories": categories,
        "key": secrets.token_urlsafe(48),
        "tells_payments": tells_payments,
        "status": "UNCONFIRMED",
        "fault": "",
    }
    with writing():
        webhook, _ = Webhook.objects.update_or_create(app=app, defaults=facts)
    return webhook


def replay(webhook: Webhook, last: int) -> None:
    """Send the last events once more, as may happen at Xero: it promises at least once."""
    with writing():
        again = list(webhook.events.order_by("-sequence").values_list("pk", flat=True)[:last])
        webhook.events.filter(pk__in=again).update(delivered_at=None, replays=F("replays") + 1)
