"""What wakes the outbox. The rows know what is due: a lost task costs a minute, one delivered twice finds nothing."""

from __future__ import annotations

from celery import shared_task

from c3portal import deliveries

# Well below the limits of a task; what is left waits for the next minute.
TURN_SECONDS = 60


@shared_task
def deliver_notices() -> None:
    """Bring notices to people and webhooks, as far as they are due."""
    deliveries.deliver_due(TURN_SECONDS)
