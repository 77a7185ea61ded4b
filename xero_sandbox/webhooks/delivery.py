"""Sends events as Xero does: signed, in order, within five seconds; again at once, then every quarter of an hour for a
day, and then no more."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import uuid
from datetime import timedelta
from itertools import groupby
from typing import Any

import requests
from django.conf import settings
from django.db import connection

from xero_sandbox import clock
from xero_sandbox.api.document_types import KIND_OF_TYPE
from xero_sandbox.models import Webhook, WebhookEvent
from xero_sandbox.storage import writing
from xero_sandbox.webhooks.outbox import CATEGORY_OF_TYPE, CONTACT

ANSWER_WITHIN = 5
BETWEEN_TRIES = timedelta(minutes=15)
GIVES_UP_AFTER = timedelta(hours=24)
LOOKS_EVERY = 0.2
MOST_AT_ONCE = 100
# What can go wrong between Xero and an app, in words for the page.
FAULTS = {
    "": "None",
    "twice": "Each delivery comes twice",
    "reversed": "The events of a delivery come in the wrong order",
    "forged": "A delivery with a wrong signature comes before each",
    "held": "Nothing is delivered until this is lifted",
    "lost": "Nothing is ever delivered: it counts as told",
}


def start() -> None:
    """Send what is to be sent for as long as the process lives."""
    threading.Thread(target=_run, name="webhooks", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    while not pause.wait(LOOKS_EVERY):
        pending = WebhookEvent.objects.filter(delivered_at=None).values("webhook")
        for webhook in Webhook.objects.filter(status="ACTIVE", pk__in=pending).exclude(fault="held"):
            if webhook.next_try_at is None or webhook.next_try_at <= clock.now():
                # A reset takes the webhook away under a delivery.
                with contextlib.suppress(Webhook.DoesNotExist):
                    deliver(webhook)
    connection.close()


def deliver(webhook: Webhook) -> None:
    """Send the oldest events that have not arrived, and note how it went."""
    waiting = webhook.events.filter(delivered_at=None).select_related("document", "contact")
    events = list(waiting[:MOST_AT_ONCE])
    problem = _send_with_faults(webhook, events)
    with writing():
        webhook.refresh_from_db()
        if problem:
            _note_failure(webhook, problem)
        else:
            _note_arrival(webhook, events)
            webhook.failing_since, webhook.next_try_at, webhook.tries, webhook.problem = None, None, 0, ""
        webhook.save()


def _note_arrival(webhook: Webhook, events: list[WebhookEvent]) -> None:
    """Count these as delivered, but for those that were ordered again after they were read."""
    for replays, group in groupby(sorted(events, key=_replays), key=_replays):
        sent = webhook.events.filter(pk__in=[event.pk for event in group], replays=replays)
        sent.update(delivered_at=clock.now())


def _replays(event: WebhookEvent) -> int:
    return event.replays


def _send_with_faults(webhook: Webhook, events: list[WebhookEvent]) -> str:
    if webhook.fault == "lost":
        return ""
    if webhook.fault == "reversed":
        events = events[::-1]
    if webhook.fault == "forged":
        send(webhook, events, secrets.token_hex(20))
    problem = send(webhook, events, webhook.key)
    if webhook.fault == "twice" and not problem:
        send(webhook, events, webhook.key)
    return problem


def _note_failure(webhook: Webhook, problem: str) -> None:
    now = clock.now()
    webhook.problem, webhook.tries = problem, webhook.tries + 1
    webhook.failing_since = webhook.failing_since or now
    # The second try follows at once, the others a quarter of an hour apart.
    webhook.next_try_at = now if webhook.tries == 1 else now + BETWEEN_TRIES
    if now - webhook.failing_since >= GIVES_UP_AFTER:
        webhook.status = "OFF"


def send(webhook: Webhook, events: list[WebhookEvent], key: str) -> str:
    """Send one delivery, signed with `key`; return what was wrong with the answer, empty when nothing was."""
    body = json.dumps(_payload(events)).encode()
    digest = hmac.new(key.encode(), body, hashlib.sha256).digest()
    headers = {"Content-Type": "application/json", "x-xero-signature": base64.b64encode(digest).decode()}
    try:
        answer = requests.post(webhook.url, body, headers=headers, timeout=ANSWER_WITHIN, allow_redirects=False)
    except requests.RequestException as error:
        return f"No answer: {type(error).__name__}"
    if answer.content or answer.cookies:
        return f"{answer.status_code} with a body or a cookie"
    return "" if answer.status_code == 200 else f"{answer.status_code}"


def _payload(events: list[WebhookEvent]) -> dict[str, Any]:
    return {
        "events": [_event(event) for event in events],
        "firstEventSequence": events[0].sequence if events else 0,
        "lastEventSequence": events[-1].sequence if events else 0,
        "entropy": secrets.token_hex(10).upper(),
    }


def _event(event: WebhookEvent) -> dict[str, Any]:
    category, resource, ident, tenant_id = _resource(event)
    row = event.document
    return {
        "resourceUrl": f"http://localhost:{settings.PORT}/api.xro/2.0/{resource}/{ident}",
        "resourceId": str(ident),
        "tenantId": str(tenant_id),
        "tenantType": "ORGANISATION",
        "eventCategory": category,
        "eventType": event.event_type,
        "eventDateUtc": f"{event.at:%Y-%m-%dT%H:%M:%S.%f}"[:-3],
        **({"data": {"Type": row.type, "Status": row.status}} if row and category == "CREDITNOTE" else {}),
    }


def _resource(event: WebhookEvent) -> tuple[str, str, uuid.UUID, uuid.UUID]:
    """Return the category, resource, id and organisation of what an event tells of."""
    if event.contact:
        return CONTACT, "Contacts", event.contact.contact_id, event.contact.organisation_id
    row = event.document
    if row is None:
        raise ValueError("An event tells of a document or a contact.")
    return CATEGORY_OF_TYPE[row.type], KIND_OF_TYPE[row.type].resource, row.document_id, row.organisation_id


def confirm(webhook: Webhook) -> None:
    """Ask for the intent to receive: what is rightly signed must be answered with 200, what is not with 401."""
    problems = [
        "a wrong signature was not answered with 401" if send(webhook, [], secrets.token_hex(20)) != "401" else "",
        send(webhook, [], webhook.key) and "a right signature was not answered with 200",
    ]
    webhook.problem = next(filter(None, problems), "")
    webhook.status = "UNCONFIRMED" if webhook.problem else "ACTIVE"
    webhook.failing_since, webhook.next_try_at, webhook.tries = None, None, 0
    webhook.save()
