"""What wakes the outbox, and what is looked at now and then. The rows know what is due: a lost task costs a minute, one
delivered twice finds nothing."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.conf import settings

from c3portal import audit, certificate, deliveries, moments, pruning

logger = logging.getLogger(__name__)

# Well below the limits of a task; what is left waits for the next minute.
TURN_SECONDS = 60


@shared_task
def deliver_notices() -> None:
    """Bring notices to people and webhooks, as far as they are due."""
    deliveries.deliver_due(TURN_SECONDS)


@shared_task
def look_at_the_certificate() -> None:
    """Keep when the certificate at PORTAL_URL ends, for monitoring. What cannot be read leaves what was known."""
    if not certificate.is_shown():
        return
    try:
        ends = certificate.end()
    except (OSError, ValueError):
        logger.warning("The certificate of PORTAL_URL could not be read.", exc_info=True)
        return
    moments.note(moments.CERTIFICATE, ends)


@shared_task
def prune() -> None:
    """Take away what is older than PRUNE_AFTER_DAYS and no fact of the books; what is left waits for the next day."""
    days = settings.PRUNE_AFTER_DAYS
    counts = pruning.prune(dt.timedelta(days=days), seconds=TURN_SECONDS)
    if any(counts.values()):
        audit.record(None, audit.Action.OPERATION, f"Pruned what was older than {days} days", after=counts)
