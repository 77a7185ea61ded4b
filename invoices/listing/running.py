"""The uploads of a billing period that are under way, for its list."""

from __future__ import annotations

import datetime as dt

from invoices.models import BillingPeriod, Posting, Upload
from invoices.models.statuses import IN_PROGRESS
from invoices.posting import progress

# Several at once are rare, and VIEW POST LOGS has them all.
MOST = 2


def uploads(period: BillingPeriod, now: dt.datetime) -> list[progress.Line]:
    """Return the last uploads that still have something of the period on its way, at most MOST, in two queries."""
    on_the_way = Posting.objects.filter(status__in=IN_PROGRESS, invoice__period=period)
    found = Upload.objects.filter(pk__in=on_the_way.values("upload")).select_related("connection").order_by("-pk")
    return progress.lines(progress.with_end(found)[:MOST], now)
