"""What the frame around every page shows."""

from __future__ import annotations

from typing import Any

from django import template

from c3portal.http import navigation

register = template.Library()


@register.inclusion_tag("_side.html", takes_context=True)
def side_navigation(context: template.Context) -> dict[str, Any]:
    """Show the navigation for the role of who is signed in, with the page that is open marked."""
    groups = navigation.for_role(context["role"])
    match = context["request"].resolver_match
    here = match.url_name if match else ""
    return {
        "groups": groups,
        "here": here,
        "current": navigation.current(groups, here or ""),
        "connection": context.get("xero_connection"),
        "counts": {"needs_attention": context.get("attention_count")},
    }
