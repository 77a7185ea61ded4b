"""Moving everything of a portal on SQLite to an empty PostgreSQL; at no moment do two portals post the same invoices.

This database is marked and sends nothing; all rows go over in one transaction, which ends only when both sides are the
same; then this database loses its sign-in to Xero. The mark and the id of the move tell how far it came.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import environ
from django.core.management import call_command
from django.db import Error, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend
from django.utils import timezone

from c3portal.audit.record import Action, record
from c3portal.database import clock
from c3portal.encryption.cipher import cipher, cipher_of
from c3portal.encryption.key_rotation import tally
from c3portal.processes import pending_migrations
from invoices.models import ChangeCall, Submission
from operations.backups import copying, restore
from operations.backups.backup import applied_migrations
from operations.backups.copying import Compared
from operations.backups.storage import BackupError
from xero_integration.models import CallBudget, TokenSet, XeroConnection, XeroSettings

logger = logging.getLogger(__name__)

AUDIT_SOURCE = "manage.py move_to"
# How the database that is left is named while the portal's own is the other.
SOURCE = "source"
# A number of the portal's own for PostgreSQL's advisory locks.
LOCK = 0x6333706F7274616C


@dataclass(frozen=True)
class Moved:
    """Where the portal moved, and what was compared: nothing when an earlier try had brought it."""

    where: str
    compared: list[Compared]


def move(url: str, encryption_keys: Sequence[str]) -> Moved:
    """Move the portal to `url`, secrets encrypted by the first of `encryption_keys`.

    Raises BackupError; then the other database is empty and this one as before, or, where that cannot be known, this
    one sends nothing until the move is repeated.
    """
    target = _open(url)
    try:
        return _move(target, encryption_keys)
    finally:
        target.close()


def _move(target: BaseDatabaseWrapper, encryption_keys: Sequence[str]) -> Moved:
    where = _name_of(target)
    _require_movable(where)
    begun = XeroSettings.whereabouts()
    if begun.moved_to and begun.move and _arrived(target, begun.move):
        _leave(where)
        return Moved(where, [])
    applied = applied_migrations()
    with _at(target):
        _require_fit(applied)
    this = _mark(where)
    try:
        return Moved(where, _carry(target, encryption_keys, where))
    except (Exception, KeyboardInterrupt) as error:
        _come_back(target, this, where, error)
        raise BackupError(
            f"The move broke off: {error}\nNothing of it is in {where}, and this portal goes on."
        ) from error


# The other database


def _open(url: str) -> BaseDatabaseWrapper:
    """Return a connection. Raises BackupError."""
    config = environ.Env.db_url_config(url)
    if config.get("ENGINE") != "django.db.backends.postgresql":
        raise BackupError("A portal moves to PostgreSQL: postgres://user@host/name. Nothing was changed.")
    settings = connections.configure_settings({"default": config})["default"]
    target: BaseDatabaseWrapper = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
    try:
        target.ensure_connection()
    except Error as error:
        raise BackupError(f"The database cannot be reached: {error}\nNothing was changed.") from error
    return target


def _name_of(target: BaseDatabaseWrapper) -> str:
    info = target.connection.info
    return f"PostgreSQL, database {info.dbname} at {info.host or 'this machine'}, port {info.port}"


@contextmanager
def _at(target: BaseDatabaseWrapper) -> Iterator[None]:
    """Make `target` the portal's database within the block, its own SOURCE."""
    source = connections["default"]
    connections[SOURCE], connections["default"] = source, target
    try:
        yield
    finally:
        connections["default"] = source
        del connections[SOURCE]


# What has to hold


def _require_movable(where: str) -> None:
    if connection.vendor != "sqlite":
        raise BackupError("This portal is on PostgreSQL already: backup and restore bring it elsewhere.")
    settings = XeroSettings.whereabouts()
    if settings.moved_at or settings.moved_to not in ("", where):
        raise BackupError(
            f"{settings.gone} Repeat that move, or take this database into use again by `manage.py move_to --back`. "
            "Nothing was changed."
        )
    if lacking := pending_migrations.missing():
        raise BackupError(f"This database lacks {', '.join(lacking)}: run `manage.py prepare`, then this again.")
    restore.require_stopped()
    if lost := [f"{each.unreadable} of {each.place}" for each in tally() if each.unreadable]:
        raise BackupError(
            f"No key in force reads {', '.join(lost)}. Put the key that wrote them into ENCRYPTION_KEYS, or drop them "
            "by `manage.py rotate_encryption_key --forget-unreadable`; then run this again. Nothing was changed."
        )
    if too_long := [words for table in copying.tables() for words in table.too_long()]:
        raise BackupError(f"PostgreSQL refuses texts that are too long: {', '.join(too_long)}. Nothing was changed.")


def _require_fit(applied: dict[str, list[str]]) -> None:
    """Raise BackupError unless the other database is empty and of this release; make its tables."""
    if held := restore.contents():
        raise BackupError(
            f"The other database is not empty: it holds {', '.join(held)}. A move never writes over anything. Make a "
            "new database, and move there. Nothing was changed."
        )
    restore.require_stopped()
    if not connection.introspection.table_names():
        call_command("createcachetable", verbosity=0)
        call_command("migrate", interactive=False, verbosity=0)
    if (here := applied_migrations()) != applied:
        apps = sorted(app for app in here.keys() | applied.keys() if here.get(app) != applied.get(app))
        raise BackupError(
            f"The two databases are of different releases: their migrations of {', '.join(apps)} differ. Run "
            "`manage.py prepare` of the same release on both, then this again. Nothing was changed."
        )


# The steps


@transaction.atomic
def _mark(where: str) -> uuid.UUID:
    """Stop all sending from here; return the id of the move."""
    this = uuid.uuid4()
    XeroSettings.load()
    XeroSettings.objects.update(move=this, moved_to=where, moved_at=None)
    record(AUDIT_SOURCE, Action.OPERATION, f"The portal moves to {where}")
    return this


def _carry(target: BaseDatabaseWrapper, encryption_keys: Sequence[str], where: str) -> list[Compared]:
    # The transaction of SQLite's begins with its write lock.
    with transaction.atomic():
        with _at(target), transaction.atomic():
            _hold()
            compared = _fill(encryption_keys)
            _settle_in()
        _leave(where)
    return compared


def _hold() -> None:
    """Shut out another move to the end of the transaction. Raises Error after a minute."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _fill(encryption_keys: Sequence[str]) -> list[Compared]:
    """Replace what migrations left by the rows of SOURCE. Raises BackupError when what arrived differs."""
    found, anew = copying.tables(), cipher_of(encryption_keys)
    with connection.cursor() as cursor:
        for table in found:
            cursor.execute(f"DELETE FROM {table.name}")  # noqa: S608
    left = {table.name: table.load(SOURCE, cipher(), anew) for table in found}
    connection.check_constraints()
    for table in found:
        if differing := left[table.name].differences(table.facts_of("default", anew)):
            raise BackupError(f"What arrived of {table.name} is not what left: {', '.join(differing)} differ.")
    with connections[SOURCE].cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence")
        copying.go_on_counting(found, dict(cursor.fetchall()))
    return [Compared(table.name, left[table.name]) for table in found]


def _settle_in() -> None:
    """End the mark, and the leases of processes on the other database."""
    XeroSettings.objects.update(moved_to="")
    XeroConnection.objects.update(contacts_lease_until=None, contacts_lease_holder="")
    TokenSet.objects.update(lease_until=None, lease_holder="")
    CallBudget.objects.update(in_flight={})
    Submission.objects.open().update(lease_until=clock.now())
    ChangeCall.objects.open().update(lease_until=clock.now())


@transaction.atomic
def _leave(where: str) -> None:
    """Delete from this database what a call to Xero could be made with."""
    with connection.cursor() as cursor:
        restore.disarm(cursor)
    XeroSettings.objects.update(moved_at=timezone.now())
    status = XeroConnection.Status
    XeroConnection.objects.exclude(status=status.DISCONNECTED).update(status_reason=XeroSettings.whereabouts().gone)
    record(AUDIT_SOURCE, Action.OPERATION, f"The portal moved to {where}")


# When it breaks off


def _arrived(target: BaseDatabaseWrapper, this: uuid.UUID) -> bool:
    """Return whether the other database has all of this move. Raises BackupError."""
    target.close()
    try:
        with _at(target), transaction.atomic():
            # A transaction whose end nobody heard of may still be at it.
            _hold()
            there = XeroSettings._meta.db_table in connection.introspection.table_names()
            return there and XeroSettings.objects.filter(move=this).exists()
    except Error as error:
        raise BackupError(
            f"Whether the move arrived is not known: the other database cannot be asked ({error}). Until then nothing "
            "is sent from here either. Run the same command again when it answers."
        ) from error


def _come_back(target: BaseDatabaseWrapper, this: uuid.UUID, where: str, error: BaseException) -> None:
    """Take the mark away. Raises BackupError when everything arrived."""
    if _arrived(target, this):
        raise BackupError(
            f"Everything arrived in {where}, but this database could not be closed behind it: {error}\nNothing is sent "
            "from here. Run the same command again before you start the portal there."
        ) from error
    XeroSettings.objects.update(move=None, moved_to="")


@transaction.atomic
def take_back() -> None:
    """Use this database again after a move. Raises BackupError."""
    gone = XeroSettings.whereabouts().gone
    if not gone:
        raise BackupError("This portal never moved. Nothing was changed.")
    with connection.cursor() as cursor:
        restore.disarm(cursor)
    # What was sent from the other database meanwhile is in Xero.
    restore.require_lookups_after_restore(clock.now())
    XeroSettings.objects.update(move=None, moved_to="", moved_at=None)
    status = XeroConnection.Status
    XeroConnection.objects.exclude(status=status.DISCONNECTED).update(
        status_reason="The portal came back from its move. Connect again: each invoice is then looked up in Xero, and "
        "sent only if it is not there."
    )
    record(AUDIT_SOURCE, Action.OPERATION, "Taken into use again after a move", before={"Moved": gone})
