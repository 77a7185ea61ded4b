"""Home: how far the open billing period has come, what needs attention, and the one thing to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from c3_integration import fetches
from c3portal.database import clock
from c3portal.http.permissions import role_required
from c3portal.models import roles
from invoices.attention import causes
from invoices.changes.onward import mails_a_day
from invoices.home import figures, kinds, setup
from invoices.home.figures import Figures
from invoices.home.next_step import next_step
from invoices.models import BillingPeriod, Onward, Upload
from invoices.posting import progress
from invoices.selection import periods
from invoices.views.attention import attention_lines
from invoices.views.refreshing import refresh_seconds
from xero_integration.context_processors import current_connection
from xero_integration.models import XeroConnection
from xero_integration.views import comes_from_xero, connect_return

CAUSES_SHOWN = 5
UPLOADS_SHOWN = 5
PERIODS_IN_CHART = 12
# The calls that Xero takes a day, on all plans but the smallest.
# https://developer.xero.com/documentation/guides/oauth2/limits/
CALLS_A_DAY = 5000


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """The portal's root: back from Xero's consent page, or the home page."""
    return connect_return(request) if comes_from_xero(request) else _home(request)


@role_required(*roles.ALL)
def _home(request: HttpRequest) -> HttpResponseBase:
    connection = current_connection(request)
    offered = periods.offered()
    period = periods.shown(request.GET.get("period", ""), offered)
    context: dict[str, Any] = {"period": period, "frame_periods": offered, "frame_period": period}
    found = figures.of(period, timezone.localdate()) if period else None
    was_posted = found is not None and (found.in_xero.count or found.on_the_way or not setup.is_first_run())
    tasks = [] if was_posted else setup.tasks(connection)
    if period is None or found is None or not all(each.is_done for each in tasks if not each.is_optional):
        context |= {"tasks": tasks, "done": sum(each.is_done for each in tasks)}
        context["next_task"] = next((each for each in tasks if not each.is_done), None)
    else:
        context |= _of_period(request, period, found, connection)
        context["left"] = [each for each in tasks if not each.is_done]
    return render(request, "invoices/home/page.html", context)


@require_safe
@role_required(*roles.ALL)
def home_charts(request: HttpRequest) -> HttpResponseBase:
    """The charts of a period, which its page fetches once it is there: they ask for more than all else."""
    period = periods.shown(request.GET.get("period", ""), periods.offered())
    currency = request.GET.get("currency", "")[:3]
    context: dict[str, Any] = {"period": period}
    if period:
        charted = list(BillingPeriod.objects.filter(ends_on__lte=period.ends_on)[:PERIODS_IN_CHART])
        today = timezone.localdate()
        context |= {
            "currency": currency,
            "currencies": figures.currencies(period),
            "billed": figures.by_period(currency, charted),
            "kinds": kinds.by_kind(period, currency),
            "ages": figures.owed_by_age(currency, today),
        }
    return render(request, "invoices/home/_charts.html", context)


def _sends(found: Figures, recent: Sequence[progress.Line], connection: XeroConnection | None) -> bool:
    """Whether invoices are sent to the customers from here: some of the period were, or one of the last uploads was to
    send its own; and the organisation mails at all."""
    asked = found.sent or any(each.upload.onward == Onward.SEND for each in recent)
    return bool(asked) and connection is not None and mails_a_day(connection) > 0


def _needs_reconnecting(connection: XeroConnection | None) -> bool:
    return connection is not None and connection.status == XeroConnection.Status.NEEDS_RECONNECTING


def _of_period(
    request: HttpRequest, period: BillingPeriod, found: Figures, connection: XeroConnection | None
) -> dict[str, Any]:
    # On PostgreSQL the time is a question to the database.
    last_fetch, now = fetches.last(), clock.now()
    lines = attention_lines(request, connection, last_fetch, now)
    recent = list(progress.lines(progress.with_end(Upload.objects.select_related("connection"))[:UPLOADS_SHOWN], now))
    running = [each.upload for each in recent if each.progress.in_progress]
    stopped = causes.stopped((each.cause for each in lines), period)
    to_fix = found.to_fix((part.count, part.money) for part in stopped)
    step = next_step(
        period,
        found,
        to_fix=to_fix.count,
        running=running[0].get_absolute_url() if running else "",
        sends=_sends(found, recent, connection),
    )
    return {
        "figures": found,
        "last_fetch": last_fetch,
        "lines": lines[:CAUSES_SHOWN],
        "all_causes": len(lines),
        "attention_count": causes.count(each.cause for each in lines),
        "to_fix": to_fix,
        "checked": max(0, found.imported.count - to_fix.count),
        "uploads": recent,
        # Of a connection that needs it the banner says so, and nothing else comes first.
        "step": None if _needs_reconnecting(connection) else step,
        "refresh": refresh_seconds((each.connection for each in running), now),
        "currency": next(iter(found.imported.money), ""),
        "currencies": sorted(found.imported.money),
        "calls_a_day": CALLS_A_DAY,
        "budget": getattr(connection, "budget", None),
    }
