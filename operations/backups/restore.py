"""Restoring a backup into an empty database.

What was posted after the backup is in Xero and unknown here: so each organisation is marked as restored, and an invoice
is looked up in Xero before it is sent (`invoices.posting.transitions.not_looked_up`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from c3_integration.models import C3Settings
from c3portal.audit.record import Action, record
from c3portal.database import clock
from c3portal.encryption.key_rotation import forget
from c3portal.models import Delivery, Heartbeat, Lease, LiveProcess, Moment
from c3portal.processes import heartbeats, liveness
from invoices.models import ChangeCall, DocumentChange, Posting, Submission
from operations.backups import databases, keys, storage
from operations.backups.storage import BackupError, Manifest
from xero_integration.models import CallBudget, TokenSet, XeroConnection, XeroSettings

# What migrations fill by themselves, and what processes leave that have nothing to do yet.
NOT_YET_DATA = (
    ContentType,
    Permission,
    Group,
    Group.permissions.through,
    Session,
    Heartbeat,
    Lease,
    Moment,
    LiveProcess,
)
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def restore(source: Path, *, keys_are_lost: bool = False) -> Manifest:
    """Restore the backup at `source`, its folder or a file of it, and return its manifest.

    `keys_are_lost` leaves out secrets that no key reads. Raises BackupError; then nothing was changed, or there are no
    tables.
    """
    manifest, database = storage.find(source)
    storage.verify(manifest, database)
    _require_fitting(manifest)
    if not keys_are_lost:
        keys.require(manifest)
    require_empty()
    require_stopped()
    # At no moment does the database hold anything that a process could post with.
    databases.load(database, disarm)
    try:
        _make_ready(manifest, keys_are_lost)
    except Exception as error:
        databases.empty()
        raise BackupError(
            f"The restore broke off: {error}\nThe database was emptied again, so nothing can be posted from it. Mend "
            "what is named here or take another backup, then run this again."
        ) from error
    return manifest


def _make_ready(manifest: Manifest, keys_are_lost: bool) -> None:
    """Migrate and check what was loaded. Raises BackupError."""
    found = databases.facts(databases.ask)
    if found != manifest.facts:
        raise BackupError(f"What was restored is not what was backed up: {found}, not {manifest.facts}.")
    call_command("migrate", interactive=False, verbosity=0)
    if keys_are_lost:
        forget()
    _, unreadable = keys.in_use()
    if unreadable:
        raise BackupError(f"No key in force reads {unreadable} of its secrets.")
    begin_anew(manifest)


def _require_fitting(manifest: Manifest) -> None:
    if manifest.database != connection.vendor:
        raise BackupError(
            f"This is a backup of {KINDS.get(manifest.database, manifest.database)}, and the portal's database is "
            f"{KINDS[connection.vendor]}. Set DATABASE_URL to a database of the same kind. Nothing was changed."
        )
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    newer = [
        f"{app} {name}" for app, names in manifest.migrations.items() for name in names if (app, name) not in known
    ]
    if newer:
        raise BackupError(
            f"This backup was made by a newer version of the portal: this one does not know {', '.join(newer)}. "
            "Install that version or a later one, then run this again. Nothing was changed."
        )


def require_empty() -> None:
    """Raise BackupError unless the database was at most migrated."""
    if held := contents():
        raise BackupError(
            f"The database is not empty: it holds {', '.join(held)}. A restore never writes over anything. Make a new "
            "database, set DATABASE_URL to it, then run this again. Nothing was changed."
        )


def contents() -> list[str]:
    """Return in words what the database holds beyond what migrations leave."""
    there = set(connection.introspection.table_names())
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    others = there - models.keys() - set(databases.cache_tables()) - {"django_migrations"}
    held = [f"tables that are not the portal's ({', '.join(sorted(others))})"] if others else []
    for table in sorted(there & models.keys()):
        model = models[table]
        rows = model._base_manager.all()
        if model in (XeroSettings, C3Settings):
            rows = rows.exclude(client_id="")
        if model not in NOT_YET_DATA and (count := rows.count()):
            held.append(f"{count:,} {model._meta.verbose_name_plural}")
    return held


def require_stopped() -> None:
    """Raise BackupError while a process may live on this database: it would post from it."""
    waits = {name: seconds for name, seconds in _waits().items() if seconds > 0}
    if running := sorted(waits):
        raise BackupError(
            f"The portal runs on this database: {' and '.join(running)} sent a heartbeat a moment ago. Stop web, "
            f"workers and beat, and run this again after {max(waits.values()):.0f} seconds. Nothing was changed."
        )


def _waits() -> dict[str, float]:
    """Return the seconds of silence that each kind of process still lacks to count as stopped."""
    there = set(connection.introspection.table_names())
    if LiveProcess._meta.db_table in there and LiveProcess.objects.exists():
        # A process reports its end, or is missed within seconds; one of an older release is known by its work alone.
        return liveness.silences()
    if Heartbeat._meta.db_table in there:
        return {name: heartbeats.longest_silence(name) - age for name, age in heartbeats.ages().items()}
    return {}


def disarm(cursor: Any) -> None:
    """Delete all that a call to Xero could be made with, and mark the database of `cursor` as restored."""
    connections, status = XeroConnection._meta.db_table, XeroConnection.Status
    cursor.execute(f"UPDATE {connections} SET token_set_id = NULL")  # noqa: S608
    cursor.execute(
        f"UPDATE {connections} SET status = '{status.NEEDS_RECONNECTING}' "  # noqa: S608
        f"WHERE status <> '{status.DISCONNECTED}'"
    )
    cursor.execute(f"DELETE FROM {TokenSet._meta.db_table}")  # noqa: S608
    # The columns are those of the backup's release, which may be older than this one.
    for table in (connections, XeroSettings._meta.db_table):
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608
        if "restored_at" in [column[0] for column in cursor.description]:
            cursor.execute(f"UPDATE {table} SET restored_at = CURRENT_TIMESTAMP")  # noqa: S608


@transaction.atomic
def begin_anew(manifest: Manifest) -> None:
    """End what belonged to the lost portal, and have Xero asked before anything is sent."""
    now = clock.now()
    backup = f"{manifest.when:%-d %b %Y, %H:%M} UTC"
    require_lookups_after_restore(now)
    _end_sign_ins(backup)
    _release_leases(now)
    record(
        "manage.py restore",
        Action.OPERATION,
        f"Database restored from the backup of {backup}",
        after={"Backup": manifest.file, "SHA-256": manifest.sha256, **manifest.facts},
    )


def require_lookups_after_restore(now: dt.datetime) -> None:
    """Have every invoice, and every change of a document, looked up in Xero before it is sent from `now` on."""
    XeroSettings.load()
    XeroSettings.objects.update(restored_at=now)
    XeroConnection.objects.update(restored_at=now)
    Posting.objects.exclude(looked_at=None).update(looked_at=None)
    DocumentChange.objects.exclude(looked_at=None).update(looked_at=None)


def _end_sign_ins(backup: str) -> None:
    # Xero lets a refresh token be used once, and the lost portal used it; were it still good, using it twice would end
    # the connection of whoever has its successor.
    TokenSet.objects.all().delete()
    XeroConnection.objects.exclude(status=XeroConnection.Status.DISCONNECTED).update(
        status=XeroConnection.Status.NEEDS_RECONNECTING,
        status_reason=f"The database came back from a backup of {backup}, and its sign-in to Xero is outdated. Connect "
        "again: each invoice is then looked up in Xero, and sent only if it is not there.",
    )
    Session.objects.all().delete()


def _release_leases(now: dt.datetime) -> None:
    XeroConnection.objects.update(
        paused_until=None,
        pause_reason="",
        pause_problem="",
        contacts_lease_until=None,
        contacts_lease_holder="",
        contacts_read_at=None,
    )
    CallBudget.objects.all().delete()
    Submission.objects.open().update(lease_until=now)
    ChangeCall.objects.open().update(lease_until=now)
    Delivery.objects.filter(status=Delivery.Status.WAITING).update(
        status=Delivery.Status.FAILED, last_answer="Not sent: the database came back from a backup."
    )
    Heartbeat.objects.all().delete()
    Lease.objects.all().delete()
    LiveProcess.objects.all().delete()
