"""When the processes without a page of their own last did their part."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When the scheduler last sent a sweep, or any worker last ran one to its end."""

    class Process(models.TextChoices):
        """Whose life is looked at."""

        SCHEDULER = "scheduler", "Scheduler"
        WORKER = "worker", "Worker"

    process = models.CharField(max_length=10, choices=Process, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.get_process_display()} at {self.seen_at:%Y-%m-%d %H:%M:%S}"
