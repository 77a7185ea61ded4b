"""Whether the database has the tables that this release needs."""

from __future__ import annotations

from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def missing() -> list[str]:
    """Return the migrations that this release needs and the database lacks, as `app.name`; those of a later release
    that it has beyond that are no matter. Raises django.db.Error when the database does not answer."""
    lacking = _wanted() - MigrationRecorder(connection).applied_migrations().keys()
    return sorted(f"{app}.{name}" for app, name in lacking)


@cache
def _wanted() -> frozenset[tuple[str, str]]:
    """The newest migration of each app; the files cannot change while the process lives."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
