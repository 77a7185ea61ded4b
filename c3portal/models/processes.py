"""The processes of the portal's that are alive, as far as the database knows."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class LiveProcess(models.Model):
    """One process of the operating system's, which signs here every few seconds by a thread of its own.

    Once it is declared dead (`dead_at`) it never lives again under this id, and what it held is no longer its own. All
    times are the database's; `clock_ahead` is by how many seconds its own clock differs from that, and `jumped_at` when
    the database's clock last leapt before its eyes, or may have before it began. `elapsed` is what a clock that nobody
    sets said at its last sign; it means the same to all processes of one `boot` of one machine.
    """

    class Kind(models.TextChoices):
        """What it does."""

        WEB = "web", "Web"
        WORKER = "worker", "Worker"
        SCHEDULER = "scheduler", "Scheduler"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    host = models.CharField(max_length=255)
    pid = models.PositiveBigIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    clock_ahead = models.FloatField(default=0)
    boot = models.CharField(max_length=36, blank=True, default="", db_default="")
    elapsed = models.FloatField(null=True)
    jumped_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "live processes"
        indexes = [models.Index(fields=["seen_at"], condition=Q(dead_at=None), name="live_process_seen_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pid} on {self.host}"
