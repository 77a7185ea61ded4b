"""The task that empties the outbox. The rows know what is due, so a lost or doubled message does no harm."""

from __future__ import annotations

from celery import shared_task

from c3portal.notifications import delivery

# Well below the limits of a task; what is left waits for the next turn.
TURN_SECONDS = 60


# The name that messages on their way bear during an update.
@shared_task(name="c3portal.tasks.deliver_notices")
def deliver_notices() -> None:
    """Try the deliveries that are due, for about TURN_SECONDS."""
    delivery.deliver_due(TURN_SECONDS)
