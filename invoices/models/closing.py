"""Billing periods that were closed, and what else Xero has of their days."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from c3portal.database import clock
from invoices.models.billing import BillingPeriod
from xero_integration.models import XeroConnection


class PeriodClosing(models.Model):
    """That somebody closed a period: its `figures` by currency as they were, and the SHA-256 of its file."""

    period = models.ForeignKey(BillingPeriod, on_delete=models.CASCADE, related_name="closings")
    closed_at = models.DateTimeField(default=clock.now)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was closed though something was open.")
    figures = models.JSONField(default=dict)
    checksum = models.CharField(max_length=64)
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-closed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["period"], condition=Q(reopened_at=None), name="one_closing_of_each_period_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Closing of {self.period_id}"


class OthersInXero(models.Model):
    """What Xero has of a period's days that the portal did not make, when it was last asked: `documents` are {number,
    type, date, contact, currency, total, status}, at most so many; `count` is how many there are."""

    period = models.OneToOneField(BillingPeriod, on_delete=models.CASCADE, related_name="others_in_xero")
    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="+")
    documents = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)
    looked_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"Others of {self.period_id}"
