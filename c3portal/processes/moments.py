"""What happened last and when, by the database's clock."""

from __future__ import annotations

import datetime as dt

from c3portal.database import clock
from c3portal.models import Moment

# docs/operations/monitoring.md says which of them monitoring is shown.
BACKUP = "backup made"
CERTIFICATE = "certificate ends"


def note(name: str, at: dt.datetime | None = None) -> None:
    """Keep that `name` happened at `at`, by default now. Raises django.db.Error."""
    note_all({name: at or clock.now()})


def note_all(moments: dict[str, dt.datetime]) -> None:
    """Keep several at once."""
    rows = [Moment(name=name, at=at) for name, at in moments.items()]
    Moment.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=["at"])


def every() -> dict[str, dt.datetime]:
    """Return all moments by name."""
    return dict(Moment.objects.values_list("name", "at"))
