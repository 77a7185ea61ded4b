"""Control calls about webhooks, which people set up at Xero under My Apps."""

from typing import Any

from xero_sandbox.control.endpoint import ControlRefused
from xero_sandbox.models import App, Webhook
from xero_sandbox.storage import writing
from xero_sandbox.webhooks import delivery, registration
from xero_sandbox.webhooks.outbox import CATEGORIES

Body = dict[str, Any]


def put_webhook(body: Body) -> Any:
    """Set up the webhook of an app: `client_id`, `url`, `categories` (all when absent), and whether a payment makes an
    event (`tells_payments`). Its key is new, and the intent to receive is asked for unless `confirm` is false."""
    app, categories = App.objects.get(client_id=body["client_id"]), body.get("categories") or CATEGORIES
    try:
        webhook = registration.set_up(app, str(body["url"]), categories, body.get("tells_payments", True))
    except registration.WebhookRefused as refused:
        raise ControlRefused(str(refused)) from refused
    return confirm_webhook(body) if body.get("confirm", True) else _as_json(webhook)


def confirm_webhook(body: Body) -> Any:
    """Ask for the intent to receive (again), which also puts a webhook that was switched off in force."""
    webhook = Webhook.objects.get(app_id=body["client_id"])
    delivery.confirm(webhook)
    return _as_json(webhook)


def replay_events(body: Body) -> Any:
    """Send the `last` events (1) once more, as may happen at Xero: it promises at least once."""
    webhook = Webhook.objects.get(app_id=body["client_id"])
    registration.replay(webhook, int(body.get("last", 1)))
    return _as_json(webhook)


def set_fault(body: Body) -> Any:
    """Have an app's deliveries go wrong: `fault` by its name in `delivery.FAULTS`, "" for none."""
    if body.get("fault", "") not in delivery.FAULTS:
        raise ControlRefused(f"A webhook's fault is one of {', '.join(filter(None, delivery.FAULTS))}, or empty.")
    with writing():
        Webhook.objects.filter(app_id=body["client_id"]).update(fault=body.get("fault", ""))
    return _as_json(Webhook.objects.get(app_id=body["client_id"]))


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
        "fault": webhook.fault,
        "tries": webhook.tries,
        "next_try_at": webhook.next_try_at.isoformat() if webhook.next_try_at else None,
        "events": webhook.events.count(),
        "pending": webhook.events.filter(delivered_at=None).count(),
    }
