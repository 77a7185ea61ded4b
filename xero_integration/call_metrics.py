"""How many calls to Xero ended how, and how long they took, for monitoring."""

from __future__ import annotations

import logging
from typing import Any

from django.db import Error
from django.db.models import F

from xero_integration.client.call_log import CallRecord
from xero_integration.models import CallCount, XeroConnection

logger = logging.getLogger(__name__)

# Seconds. The longest call of all is given up after 100; what took longer than the last has the bucket 0.
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 100.0)


def count(connection: XeroConnection, record: CallRecord) -> None:
    """Count a finished call. Never raises for the database."""
    if not record.result:
        return
    try:
        _count(connection, record)
    # Figures are not worth the answer that the call brought.
    except Error:
        logger.warning("A call to Xero could not be counted.", exc_info=True)


def _count(connection: XeroConnection, record: CallRecord) -> None:
    kind: dict[str, Any] = {
        "connection": connection,
        "endpoint": f"{record.method} {record.endpoint}"[:30],
        "result": record.result,
        "bucket": next((bucket for bucket in BUCKETS if record.seconds <= bucket), 0.0),
    }
    more = {"calls": F("calls") + 1, "seconds": F("seconds") + record.seconds}
    if not CallCount.objects.filter(**kind).update(**more):
        CallCount.objects.get_or_create(**kind)
        CallCount.objects.filter(**kind).update(**more)
