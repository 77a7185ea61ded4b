"""The note on drift."""

from __future__ import annotations

from typing import Any

from django import template

from invoices.overrides import drift
from xero_integration.models import XeroConnection

register = template.Library()


@register.inclusion_tag("invoices/overrides/_drift.html", takes_context=True)
def drift_note(context: dict[str, Any]) -> dict[str, Any]:
    """Show what no longer fits, by the `document_context` that the page was made with, where it was."""
    connection: XeroConnection | None = context.get("xero_connection")
    found = drift.find(connection, context.get("document_context")) if connection else []
    return {"drift": found, "may_set": context.get("is_system_admin")}
