"""Processes of the portal that live."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class LiveProcess(models.Model):
    """A process, which signs here every few seconds. All times are the database's."""

    class Kind(models.TextChoices):
        WEB = "web", "Web"
        WORKER = "worker", "Worker"
        SCHEDULER = "scheduler", "Scheduler"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    host = models.CharField(max_length=255)
    pid = models.PositiveBigIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    # Seconds by which its own clock differs from the database's.
    clock_ahead = models.FloatField(default=0)
    boot = models.CharField(max_length=36, blank=True, default="", db_default="")
    # Seconds of a clock that nobody sets, at its last sign: they mean the same to all of one `boot` of one machine.
    elapsed = models.FloatField(null=True)
    # When the database's clock last leapt before its eyes, or may have before it began.
    jumped_at = models.DateTimeField(null=True)
    # Once declared dead it never lives again under this id, and what it held is no longer its own.
    dead_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "live processes"
        indexes = [models.Index(fields=["seen_at"], condition=Q(dead_at=None), name="live_process_seen_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pid} on {self.host}"
