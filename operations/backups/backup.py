"""Making a backup while the portal works."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

from django.db import Error, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from c3portal.processes import moments
from operations.backups import databases, keys, storage
from operations.backups.storage import Manifest

logger = logging.getLogger(__name__)


def take(folder: Path) -> Manifest:
    """Write a backup into `folder` and return its manifest. Raises BackupError, and leaves nothing."""
    made_at = dt.datetime.now(dt.UTC)
    in_use, unreadable = keys.in_use()
    storage.open_folder(folder)
    path = folder / f"portal-{made_at:%Y%m%dT%H%M%S.%fZ}.{databases.EXTENSIONS[connection.vendor]}"
    with storage.writing(path) as partial:
        facts = databases.dump(partial)
    manifest = Manifest(
        made_at=made_at.isoformat(timespec="seconds"),
        database=connection.vendor,
        file=path.name,
        size=path.stat().st_size,
        sha256=storage.sha256_of(path),
        migrations=applied_migrations(),
        facts=facts,
        keys=in_use,
        unreadable=unreadable,
    )
    storage.write_manifest(folder, manifest)
    _note()
    return manifest


def _note() -> None:
    try:
        with transaction.atomic():
            # For monitoring. A database may refuse it, read-only or not yet migrated, and is backed up all the same.
            moments.note(moments.BACKUP)
    except Error:
        logger.warning("The backup is made, but the database did not take that it was.", exc_info=True)


def applied_migrations() -> dict[str, list[str]]:
    """Return the names of the applied migrations, by app."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found
