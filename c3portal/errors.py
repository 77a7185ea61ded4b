"""The page of an error that nobody expected."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import loader

from c3portal import tracing


def server_error(request: HttpRequest) -> HttpResponse:
    """Show the page with the id that finds the error in the log; asks nothing of a database that may be the reason."""
    page = loader.render_to_string("500.html", {"trace_id": tracing.current_id()})
    return HttpResponse(page, status=500)
