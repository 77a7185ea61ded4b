"""Drafts that were posted for a test contact, to see that an organisation takes documents, and deleted again."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from c3portal.database import clock
from xero_integration.models import XeroConnection


class TrialDraft(models.Model):
    """A test draft: no invoice, and of no billing period. Only `home/trial.py` changes `state`."""

    class State(models.TextChoices):
        NEW = "new", "Not sent yet"
        POSTING = "posting", "Confirming with Xero"
        POSTED = "posted", "In Xero"
        REJECTED = "rejected", "Rejected by Xero"
        DELETED = "deleted", "Deleted again"

    # There is or may be something in Xero, or it is on its way there.
    OPEN = (State.NEW, State.POSTING, State.POSTED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="trial_drafts")
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    number = models.CharField(max_length=40, unique=True, help_text="No other document has it, whoever made that.")
    account = models.CharField(max_length=300, help_text="Code and name.")
    tax = models.CharField(max_length=300)
    currency = models.CharField(max_length=3)
    expected = models.DecimalField(max_digits=15, decimal_places=2, help_text="The total that it must come to.")
    # The exact bytes and the Idempotency-Key, committed before the call leaves.
    body = models.BinaryField(null=True)
    key = models.UUIDField(null=True)
    called_at = models.DateTimeField(null=True)
    # Who is at it, and when that counts as dead.
    holder = models.UUIDField(null=True)
    held_until = models.DateTimeField(null=True)
    xero_id = models.CharField(max_length=36, blank=True)
    xero_status = models.CharField(max_length=20, blank=True)
    total = models.DecimalField(max_digits=15, decimal_places=2, null=True, help_text="As Xero told it.")
    message = models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state__in=["new", "posting", "posted"]),
                name="one_test_draft_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def xero_url(self) -> str:
        """Return the document's address in Xero, "" while it is not known to be there."""
        return self.connection.invoice_url(self.xero_id) if self.xero_id else ""

    @property
    def matches(self) -> bool:
        """Whether Xero came to the total that was sent."""
        return self.total == self.expected
