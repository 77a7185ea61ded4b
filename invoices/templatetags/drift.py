"""The note on drift."""

from __future__ import annotations

from typing import Any

from django import template

from invoices.overrides import drift
from xero_integration.models import XeroConnection

register = template.Library()


@register.inclusion_tag("invoices/overrides/_drift.html", takes_context=True)
def drift_note(context: dict[str, Any]) -> dict[str, Any]:
    connection: XeroConnection | None = context.get("xero_connection")
    return {"drift": drift.find(connection) if connection else [], "may_set": context.get("is_system_admin")}
