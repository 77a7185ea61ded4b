"""Fetching invoices from C3: the button, the fetches so far, and how far one is."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from c3_integration.fetches import AlreadyFetching
from c3_integration.models import C3Fetch, C3Settings
from c3portal.http.permissions import role_required
from c3portal.models import User, roles
from invoices.fetching import requests, summary
from invoices.importing import in_hand
from invoices.models import ImportRun

FETCHES_SHOWN = 30
REFRESH_SECONDS = 2


@require_POST
@role_required(*roles.FINANCE)
def fetch_from_c3(request: HttpRequest) -> HttpResponse:
    """Have a worker fetch what is new at C3."""
    if missing := C3Settings.load().missing():
        messages.error(request, f"Nothing was fetched: Settings → Invoices from C3 lacks {', '.join(missing)}.")
        return redirect("c3_fetches")
    try:
        fetch = requests.by_user(cast(User, request.user), request)
    except AlreadyFetching as already:
        messages.info(request, "A fetch from C3 is under way already: this is it.")
        return redirect(already.fetch) if already.fetch else redirect("c3_fetches")
    return redirect(fetch)


@require_safe
@role_required(*roles.FINANCE)
def c3_fetches(request: HttpRequest) -> HttpResponse:
    """Show the fetches so far, newest first."""
    newest = list(C3Fetch.objects.select_related("user")[:FETCHES_SHOWN])
    rows = [(each, summary.result(each)) for each in newest]
    return render(request, "invoices/fetching/fetches.html", {"rows": rows})


@require_safe
@role_required(*roles.FINANCE)
def c3_fetch(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a fetch is, or what it brought."""
    fetch = get_object_or_404(C3Fetch.objects.select_related("user"), pk=pk)
    context = {
        "fetch": fetch,
        "rows": _rows(fetch),
        "result": summary.result(fetch),
        "next_step": summary.next_step(fetch),
        "refresh": REFRESH_SECONDS if fetch.is_open else None,
        "nobody": bool(fetch.state == C3Fetch.State.WAITING and not in_hand.is_anybody_there()),
    }
    template = "invoices/fetching/_fetch.html" if "HX-Request" in request.headers else "invoices/fetching/fetch.html"
    return render(request, template, context)


def _rows(fetch: C3Fetch) -> list[dict[str, object]]:
    runs = ImportRun.objects.in_bulk([each["run"] for each in fetch.outcomes if each.get("run")])
    return [
        {**each, "import": (run := runs.get(each.get("run"))), "said": summary.outcome_words(each, run)}
        for each in fetch.outcomes
    ]
