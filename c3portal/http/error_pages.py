"""What page an error is answered with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.template import loader

from c3portal.database import outages
from c3portal.encryption.cipher import KeyMissing
from c3portal.telemetry import tracing

# How soon a browser, and whoever else heeds it, asks again while the database is away.
AGAIN_SECONDS = 15


class Page(NamedTuple):
    """The answer to errors that `tells` knows."""

    tells: Callable[[BaseException | None], bool]
    template: str
    status: int


PAGES = (
    Page(lambda error: isinstance(error, KeyMissing), "500_settings.html", 500),
    Page(outages.is_full, "507.html", 507),
    Page(outages.is_unavailable, "503.html", 503),
)
UNFORESEEN = Page(lambda error: True, "500.html", 500)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the page for the error being handled, with the id that finds it in the log."""
    error = sys.exception()
    page = next((page for page in PAGES if page.tells(error)), UNFORESEEN)
    facts = {"trace_id": tracing.current_id(), "again": AGAIN_SECONDS, "is_form": request.method == "POST"}
    # Asks nothing of a database or a session that may be the reason.
    answer = HttpResponse(loader.render_to_string(page.template, facts), status=page.status)
    if page.status == 503:
        answer["Retry-After"] = str(AGAIN_SECONDS)
    answer["Cache-Control"] = "no-store"
    return answer
