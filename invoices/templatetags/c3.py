"""*Fetch from C3* and how the last fetch went, for pages about invoices and imports."""

from __future__ import annotations

from typing import Any

from django import template

from c3_integration import fetches
from c3_integration.models import C3Settings
from invoices.fetching import summary
from invoices.fetching.downloads import waiting_for_a_person

register = template.Library()


@register.inclusion_tag("invoices/fetching/_button.html", takes_context=True)
def c3_button(context: dict[str, Any]) -> dict[str, Any]:
    """Return the button, for who may press it once the settings are complete."""
    shown = bool(context.get("is_finance_admin")) and C3Settings.load().is_complete
    return {"shown": shown, "fetching": shown and fetches.current()}


@register.inclusion_tag("invoices/fetching/_last.html", takes_context=True)
def c3_state(context: dict[str, Any]) -> dict[str, Any]:
    """Return how the last fetch went, and which imports wait for a person."""
    last = fetches.last()
    return {
        "last": last,
        "result": summary.result(last) if last else "",
        "next_step": summary.next_step(last) if last else "",
        "waiting": list(waiting_for_a_person()),
        "may_open": context.get("is_finance_admin"),
    }
