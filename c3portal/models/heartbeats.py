"""Signs that sweeps are sent and run."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When the scheduler last sent a sweep, or a worker last ran one to its end."""

    class Process(models.TextChoices):
        SCHEDULER = "scheduler", "Scheduler"
        WORKER = "worker", "Worker"

    process = models.CharField(max_length=10, choices=Process, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.get_process_display()} at {self.seen_at:%Y-%m-%d %H:%M:%S}"
