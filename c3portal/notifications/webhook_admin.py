"""Switching webhooks on and off, and new secrets for them."""

from __future__ import annotations

from django.db import transaction

from c3portal.audit.record import Action, record
from c3portal.models import Delivery, Webhook
from c3portal.models.notices import new_webhook_secret

SWITCHED_OFF = "Not sent: the webhook was switched off."


def switch(webhook: Webhook, *, on: bool) -> bool:
    """Switch the webhook on, or off and give up its waiting deliveries; return whether it changed."""
    with transaction.atomic():
        changed = Webhook.objects.filter(pk=webhook.pk).exclude(is_active=on).update(is_active=on)
        if changed and not on:
            waiting = Delivery.objects.filter(webhook=webhook, status=Delivery.Status.WAITING)
            waiting.update(status=Delivery.Status.FAILED, last_answer=SWITCHED_OFF)
    return bool(changed)


def switch_off_gone(webhook: Webhook) -> None:
    """Switch off a webhook that answered 410 Gone."""
    with transaction.atomic():
        if switch(webhook, on=False):
            words = f"Webhook {webhook.url} switched off: it answered 410"
            record(None, Action.NOTICE, words, before={"On": True}, after={"On": False})


def roll_secret(webhook: Webhook) -> str:
    """Give the webhook a new secret, valid at once and alone, and return it."""
    secret = new_webhook_secret()
    webhook.secret = secret
    webhook.save(update_fields=["secret"])
    return secret
