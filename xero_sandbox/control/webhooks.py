"""Control calls about webhooks, which people set up at Xero under My Apps."""

import secrets
from typing import Any

from xero_sandbox.control.endpoint import ControlRefused
from xero_sandbox.models import App, Webhook
from xero_sandbox.storage import writing
from xero_sandbox.webhooks import delivery
from xero_sandbox.webhooks.outbox import CATEGORIES
from xero_sandbox.wire import parse_address

Body = dict[str, Any]


def put_webhook(body: Body) -> Any:
    """Set up the webhook of an app: `client_id`, `url`, `categories` (all when absent), and whether a payment makes an
    event (`tells_payments`). Its key is new, and the intent to receive is asked for unless `confirm` is false."""
    url, categories = str(body["url"]), body.get("categories") or list(CATEGORIES)
    if parse_address(url) is None or not set(categories) <= set(CATEGORIES):
        raise ControlRefused(f"Give an absolute url, and categories out of {', '.join(CATEGORIES)}.")
    facts = {
        "url": url,
        "categories": categories,
        "key": secrets.token_urlsafe(48),
        "tells_payments": body.get("tells_payments", True),
        "status": "UNCONFIRMED",
    }
    with writing():
        app = App.objects.get(client_id=body["client_id"])
        webhook, _ = Webhook.objects.update_or_create(app=app, defaults=facts)
    return confirm_webhook(body) if body.get("confirm", True) else _as_json(webhook)


def confirm_webhook(body: Body) -> Any:
    """Ask for the intent to receive (again), which also puts a webhook that was switched off in force."""
    webhook = Webhook.objects.get(app_id=body["client_id"])
    delivery.confirm(webhook)
    return _as_json(webhook)


def replay_events(body: Body) -> Any:
    """Send the `last` events (1) once more, as may happen at Xero: it promises at least once."""
    webhook = Webhook.objects.get(app_id=body["client_id"])
    with writing():
        last = list(webhook.events.order_by("-sequence").values_list("pk", flat=True)[: int(body.get("last", 1))])
        webhook.events.filter(pk__in=last).update(delivered_at=None)
    return _as_json(webhook)


def list_webhooks(body: Body) -> Any:
    """Return every app's webhook, and how it stands."""
    return {"webhooks": [_as_json(webhook) for webhook in Webhook.objects.all()]}


def _as_json(webhook: Webhook) -> Body:
    return {
        "client_id": webhook.app_id,
        "url": webhook.url,
        "key": webhook.key,
        "status": webhook.status,
        "problem": webhook.problem,
        "tries": webhook.tries,
        "next_try_at": webhook.next_try_at.isoformat() if webhook.next_try_at else None,
        "events": webhook.events.count(),
        "pending": webhook.events.filter(delivered_at=None).count(),
    }
