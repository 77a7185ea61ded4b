"""*Fetch from C3* and how the last fetch went, for pages about invoices and imports."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Exists

from c3_integration.models import C3Fetch, C3Settings
from invoices.fetching import summary
from invoices.fetching.downloads import waiting_for_a_person

register = template.Library()
_KEPT = "_last_c3_fetch"


@register.inclusion_tag("invoices/fetching/_button.html", takes_context=True)
def c3_button(context: dict[str, Any]) -> dict[str, Any]:
    """Return the button, for who may press it once the settings are complete."""
    shown = bool(context.get("is_finance_admin")) and C3Settings.load().is_complete
    last = _last(context) if shown else None
    return {"shown": shown, "fetching": last if last and last.is_open else None}


@register.inclusion_tag("invoices/fetching/_last.html", takes_context=True)
def c3_state(context: dict[str, Any]) -> dict[str, Any]:
    """Return how the last fetch went, and which imports wait for a person."""
    last = _last(context)
    # Seldom any waits, and none without a fetch that brought it: only then is it worth asking which.
    is_waiting = last is not None and last.is_waited_for  # type: ignore[attr-defined]
    return {
        "last": last,
        "result": summary.result(last) if last else "",
        "next_step": summary.next_step(last) if last else "",
        "waiting": list(waiting_for_a_person()) if is_waiting else [],
        "may_open": context.get("is_finance_admin"),
    }


def _last(context: dict[str, Any]) -> C3Fetch | None:
    """Return the newest fetch, the only one that may be open, with whether imports wait; asked for once a request."""
    request = context["request"]
    if not hasattr(request, _KEPT):
        found = C3Fetch.objects.annotate(is_waited_for=Exists(waiting_for_a_person().order_by()))
        setattr(request, _KEPT, found.first())
    kept: C3Fetch | None = getattr(request, _KEPT)
    return kept
