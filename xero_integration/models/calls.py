"""The calls to Xero that were made: limits in use, and figures."""

from __future__ import annotations

from django.db import models

from xero_integration.models.connections import XeroConnection


class CallBudget(models.Model):
    """What of an organisation's call limits is in use; only `rate_limits` reads and writes it.

    `in_flight`: by permit, when its call must be over (epoch seconds). `started`: calls of the last minute, by
    sixtieths.
    """

    connection = models.OneToOneField(XeroConnection, on_delete=models.CASCADE, related_name="budget")
    # Makes each change a conditional UPDATE.
    version = models.PositiveBigIntegerField(default=0)
    in_flight = models.JSONField(default=dict)
    started = models.JSONField(default=dict)
    minute_limit = models.PositiveIntegerField(default=60)
    day_remaining = models.PositiveIntegerField(null=True)
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Calls of {self.connection_id}"


class CallCount(models.Model):
    """Calls of a kind, how they ended, for each bucket of duration (upper end in seconds, 0: longer)."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="call_counts")
    endpoint = models.CharField(max_length=30)
    result = models.CharField(max_length=20)
    bucket = models.FloatField()
    calls = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "endpoint", "result", "bucket"], name="one_count_each_kind_of_call"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.result}: {self.calls}"
