"""Asking again after a pause: a call to C3 changes nothing there, so it may be made as often as it takes."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from django.conf import settings

from c3_integration.client.errors import C3Unavailable

logger = logging.getLogger(__name__)

# The pauses between the tries, in multiples of C3_RETRY_AFTER.
PAUSES = (1, 3, 6)
# Whoever asks to wait for longer is asked again by the next fetch.
LONGEST_PAUSE = dt.timedelta(minutes=3)


def patiently[T](work: Callable[[], T]) -> T:
    """Return what `work` returns, which is tried again while C3 is unavailable. Raises as `work`, C3Unavailable after
    the last try."""
    for factor in PAUSES:
        try:
            return work()
        except C3Unavailable as error:
            pause = error.retry_after or dt.timedelta(seconds=settings.C3_RETRY_AFTER * factor)
            if pause > LONGEST_PAUSE:
                raise
            logger.warning(
                "C3 is asked again in %.0f seconds, RequestCorrelationID %s",
                pause.total_seconds(),
                error.correlation_id or "none",
            )
            time.sleep(pause.total_seconds())
    return work()


def asked_to_wait(header: str) -> dt.timedelta | None:
    """Return how long a Retry-After header asks to wait, a second at least, a day at most; None when unreadable."""
    try:
        seconds = float(int(header.strip()))
    except ValueError:
        seconds = _seconds_until(header)
    except OverflowError:
        return None
    return dt.timedelta(seconds=min(max(1.0, seconds), 86_400.0)) if seconds == seconds else None


def _seconds_until(http_date: str) -> float:
    try:
        moment = parsedate_to_datetime(http_date)
        return (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return float("nan")
