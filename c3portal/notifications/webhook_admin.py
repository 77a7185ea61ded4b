"""The webhooks that are kept: switching them on and off, and giving them a new secret."""

from __future__ import annotations

from django.db import transaction

from c3portal.audit.record import Action, record
from c3portal.models import Delivery, Webhook
from c3portal.models.notices import new_webhook_secret

SWITCHED_OFF = "Not sent: the webhook was switched off."


def switch(webhook: Webhook, *, on: bool) -> bool:
    """Switch the webhook on or off; what waits for one that is switched off is given up. Returns whether it changed."""
    with transaction.atomic():
        changed = Webhook.objects.filter(pk=webhook.pk).exclude(is_active=on).update(is_active=on)
        if changed and not on:
            waiting = Delivery.objects.filter(webhook=webhook, status=Delivery.Status.WAITING)
            waiting.update(status=Delivery.Status.FAILED, last_answer=SWITCHED_OFF)
    return bool(changed)


def switch_off_gone(webhook: Webhook) -> None:
    """Switch off a webhook that answered that nobody listens there any more."""
    with transaction.atomic():
        if switch(webhook, on=False):
            words = f"Webhook {webhook.url} switched off: it answered 410"
            record(None, Action.NOTICE, words, before={"On": True}, after={"On": False})


def roll_secret(webhook: Webhook) -> str:
    """Give the webhook a new secret and return it; the old one signs nothing from then on."""
    secret = new_webhook_secret()
    webhook.secret = secret
    webhook.save(update_fields=["secret"])
    return secret
