"""Whether the database has this release's tables."""

from __future__ import annotations

from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def missing() -> list[str]:
    """Return the migrations that the database lacks, as `app.name`. Raises django.db.Error."""
    # What a later release has applied beyond that is no matter.
    lacking = _wanted() - MigrationRecorder(connection).applied_migrations().keys()
    return sorted(f"{app}.{name}" for app, name in lacking)


# The files cannot change while the process lives.
@cache
def _wanted() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
