"""Notices to people, by e-mail and by webhook."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from c3portal.database import clock
from c3portal.encryption.fields import EncryptedTextField

# Standard Webhooks: github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
SECRET_PREFIX = "whsec_"  # noqa: S105 - how one begins


def new_webhook_secret() -> str:
    """Return a fresh secret for signing: 32 random bytes, base64, prefixed."""
    return f"{SECRET_PREFIX}{base64.b64encode(secrets.token_bytes(32)).decode()}"


class Kind(models.TextChoices):
    """What there is to tell."""

    UPLOAD_FINISHED = "upload_finished", "An upload is finished, and what of it failed"
    NEEDS_RECONNECTING = "needs_reconnecting", "The connection to Xero needs reconnecting"
    TOKEN_DIES = "token_dies", "The sign-in to Xero ends in 7 days, and in 2"
    DAY_LIMIT = "day_limit", "Xero's daily limit is reached"
    POSTED_TWICE = "posted_twice", "A credit note is in Xero twice"
    CHANGED_IN_XERO = "changed_in_xero", "Posted invoices were changed in Xero"
    C3_FETCH = "c3_fetch", "Fetching from C3 failed, or waits for someone"
    MAPPING_DRIFT = "mapping_drift", "A chosen account, tax or theme no longer fits"


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices, the newest first."""

    def shown(self) -> NoticeQuerySet:
        """Keep those that people are told."""
        return self.filter(is_quiet=False)

    def unseen_by(self, user: Any) -> NoticeQuerySet:
        """Keep what came since the user marked all as seen, or joined."""
        return self.shown().filter(pk__gt=user.notices_seen, created_at__gte=user.date_joined)


class Notice(models.Model):
    """One thing to tell, once for each `key`."""

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=255)
    body = models.TextField(help_text="Plain text, without secrets and without invoices' contents.")
    path = models.CharField(max_length=255, blank=True, help_text="The page of the portal to open, from its root.")
    data = models.JSONField(default=dict, help_text="The same for machines: what a webhook carries.")
    is_quiet = models.BooleanField(default=False, db_default=False, help_text="Kept, and told to nobody.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.subject


class NoticeChoice(models.Model):
    """Whether a user wants a kind by e-mail; without a row their role's default holds."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choices")
    kind = models.CharField(max_length=20, choices=Kind)
    wanted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_each_kind")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind} {'yes' if self.wanted else 'no'}"


class Webhook(models.Model):
    """An address that notices are posted to, signed with `secret`."""

    url = models.URLField(max_length=500)
    secret = EncryptedTextField(default=new_webhook_secret)
    kinds = models.JSONField(default=list, help_text="The kinds of notice that it gets; empty for all.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One notice on its way to one user or one webhook."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    last_answer = models.CharField(max_length=255, blank=True, help_text="What the last try came to, in words.")
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["next_try_at"], condition=Q(status="waiting"), name="delivery_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, webhook__isnull=True) | Q(user__isnull=True, webhook__isnull=False),
                name="delivery_goes_to_one",
            ),
            models.UniqueConstraint(fields=["notice", "user"], name="one_mail_each_notice"),
            models.UniqueConstraint(fields=["notice", "webhook"], name="one_post_each_notice"),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} to {self.user_id or self.webhook_id}: {self.status}"
