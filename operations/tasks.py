"""Periodic tasks. A lost message waits for the next turn, a doubled one finds nothing to do."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from c3portal.audit.record import Action, record
from c3portal.processes import certificate, moments
from invoices.importing import intake
from operations import retention

logger = logging.getLogger(__name__)

# Well below the limits of a task; what is left waits for the next turn.
TURN_SECONDS = 60


# The name that messages on their way bear during an update.
@shared_task(name="c3portal.tasks.look_at_the_certificate")
def look_at_the_certificate() -> None:
    """Store when the certificate at PORTAL_URL ends, for monitoring; what cannot be read changes nothing."""
    if not certificate.is_shown():
        return
    try:
        ends = certificate.end()
    except (OSError, ValueError):
        logger.warning("The certificate of PORTAL_URL could not be read.", exc_info=True)
        return
    moments.note(moments.CERTIFICATE, ends)


@shared_task
def forget_imports() -> None:
    """Delete the files that nobody imported, and what uploads left behind whose web process died."""
    intake.close(intake.left_alone(timezone.now()))
    intake.delete_strays()


# The name that messages on their way bear during an update.
@shared_task(name="c3portal.tasks.prune")
def prune() -> None:
    """Delete what is older than PRUNE_AFTER_DAYS; what is left waits for the next day."""
    days = settings.PRUNE_AFTER_DAYS
    counts = retention.prune(dt.timedelta(days=days), seconds=TURN_SECONDS)
    if any(counts.values()):
        record(None, Action.OPERATION, f"Pruned what was older than {days} days", after=counts)
