"""The billing periods and what needs attention, for the frame of every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from c3portal.models import roles
from invoices.attention import counting
from invoices.models import BillingPeriod
from invoices.selection import periods

# Pages that are about one billing period and say so by `period` in their address.
OF_A_PERIOD = {"home", "invoice_list"}


def billing_frame(request: HttpRequest) -> dict[str, Any]:
    """Return `frame_periods` (newest first), the `frame_period` shown (None without any), `frame_period_path`, and
    `attention_count`.

    They are read when a page shows them: parts of pages that have no top bar ask nothing.
    """
    if not hasattr(request, "user") or not roles.role_of(request.user):
        return {}
    offered: Callable[[], list[BillingPeriod]] = cache(periods.offered)
    match = request.resolver_match
    stays = match is not None and match.url_name in OF_A_PERIOD
    return {
        "frame_periods": offered,
        "frame_period": lambda: periods.shown(request.GET.get("period", ""), offered()),
        "attention_count": cache(lambda: counting.known(offered())),
        "frame_period_path": request.path if stays else reverse("invoice_list"),
    }
