"""Each fetch from C3: its log, and the lease by which there is one at a time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from c3_integration.client.errors import Problem as Problems


class C3Fetch(models.Model):
    """One fetch from C3. While it is open no other begins; who has it in hand holds the lease."""

    class Trigger(models.TextChoices):
        USER = "user", "A person"
        SCHEDULE = "schedule", "The morning's fetch"
        COMMAND = "command", "System"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        RUNNING = "running", "Under way"
        DONE = "done", "Fetched"
        FAILED = "failed", "Failed"

    class Problem(models.TextChoices):
        """Why a fetch failed."""

        SETTINGS = Problems.SETTINGS.value, "Settings are missing"
        SIGN_IN = Problems.SIGN_IN.value, "The sign-in was refused"
        REFUSED = Problems.REFUSED.value, "C3 refused"
        UNAVAILABLE = Problems.UNAVAILABLE.value, "C3 could not be reached or read"
        DATA = Problems.DATA.value, "What C3 sent cannot be used"
        STOPPED = Problems.STOPPED.value, "The process stopped"
        PORTAL = Problems.PORTAL.value, "The portal's own disk, database or program"

    trigger = models.CharField(max_length=10, choices=Trigger)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    only_period = models.CharField(
        max_length=50, blank=True, default="", help_text="The one BillingId that was asked for."
    )
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    problem = models.CharField(max_length=15, choices=Problem, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Why it failed, in words for the page.")
    correlation_id = models.CharField(
        max_length=64, blank=True, default="", help_text="C3's last RequestCorrelationID."
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    period = models.CharField(max_length=50, blank=True, default="", help_text="The BillingId that is under way.")
    bytes_read = models.PositiveBigIntegerField(default=0)
    lines = models.PositiveIntegerField(default=0)
    outcomes = models.JSONField(default=list, help_text="What became of each period that was downloaded.")
    notes = models.JSONField(default=list, help_text="What else there is to say, sentence by sentence.")
    # Null once it has ended, so that of all that are open there is one.
    is_open = models.BooleanField(null=True, default=True)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        verbose_name_plural = "C3 fetches"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["is_open"], condition=models.Q(is_open=True), name="one_c3_fetch_at_a_time")
        ]

    def __str__(self) -> str:
        return f"Fetch from C3 of {self.started_at:%Y-%m-%d %H:%M:%S}"

    def get_absolute_url(self) -> str:
        return reverse("c3_fetch", args=[self.pk])
