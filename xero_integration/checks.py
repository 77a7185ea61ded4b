"""System checks about Xero; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from xero_integration.models import XeroSettings


@register("moved", Tags.database)
def moved_away(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report the database that the portal left, lest someone works on in it."""
    try:
        gone = XeroSettings.whereabouts().gone if databases else ""
    except DatabaseError:
        return []
    if not gone:
        return []
    return [
        Error(
            gone,
            hint="Start the portal that works on the other database, or repeat the move when it was not finished. "
            "`manage.py move_to --back` takes this one into use again.",
            id="c3portal.E012",
        )
    ]
