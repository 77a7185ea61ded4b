"""What a dry run found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()

COUNTS = (
    ("new", "New", "come in"),
    ("changed", "Changed", "were not sent yet and become as they are in this file"),
    ("unchanged", "Unchanged", "are there already, the same"),
    ("differing", "Sent and differing", "stay as they were sent; what differs is reported"),
    ("held_back", "Held back", "do not come in: something is wrong with them"),
)


@register.filter
def counts(preview: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the kinds of invoices of a preview (`Preview.as_json`), each with what happens to it."""
    return [
        {"label": label, "words": words, "listed": preview[name]} for name, label, words in COUNTS if name in preview
    ]


@register.filter
def grouped(amount: str) -> str:
    """Return an amount that is kept as text with its thousands grouped; a dash for none."""
    return f"{Decimal(amount):,}" if amount else "–"
