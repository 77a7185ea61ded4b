"""The page of an error that nobody foresaw; of a lost encryption key it says what to do."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader

from c3portal import tracing
from c3portal.encryption import KeyMissing


def server_error(request: HttpRequest) -> HttpResponse:
    """Show the page with the id that finds the error in the log. Called while the error is being handled.

    It asks nothing of a database or a session that may be the reason.
    """
    page = "500_settings.html" if isinstance(sys.exception(), KeyMissing) else "500.html"
    return HttpResponse(loader.render_to_string(page, {"trace_id": tracing.current_id()}), status=500)
