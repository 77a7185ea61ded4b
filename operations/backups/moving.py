"""From the trial to production: everything of a portal on SQLite goes to an empty PostgreSQL.

At no moment two portals post from the same invoices. First this database is marked, and from then on nothing is sent
from it; then all rows go over in one transaction of PostgreSQL's, which ends only when they are the same on both sides;
then this database loses its sign-in to Xero. Wherever it breaks off, the mark and the id of the move, which goes over
with the rows, tell how far it came.
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
from invoices.models import Submission
from operations.backups import copying, restore
from operations.backups.backup import applied_migrations
from operations.backups.copying import Compared
from operations.backups.storage import BackupError
from xero_integration.models import CallBudget, TokenSet, XeroConnection, XeroSettings

logger = logging.getLogger(__name__)

DOOR = "manage.py move_to"
# How the database that is left is named while the portal's own is the other.
SOURCE = "source"
# A number of the portal's own for PostgreSQL's advisory locks.
LOCK = 0x6333706F7274616C


@dataclass(frozen=True)
class Moved:
    """Where the portal moved, and each table that was compared; none when an earlier try had brought all of it."""

    where: str
    compared: list[Compared]


def move(url: str, encryption_keys: Sequence[str]) -> Moved:
    """Bring everything of the portal's database, which is SQLite, to the empty PostgreSQL at `url`, with the secrets
    encrypted by the first of `encryption_keys`.

    Raises BackupError. Then the other database is empty, and this one is as it was; or, where that cannot be known,
    this one stays marked, and sends nothing until the move was repeated.
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
    """Return a connection to the database at `url`. Raises BackupError when it is no PostgreSQL that answers."""
    told = environ.Env.db_url_config(url)
    if told.get("ENGINE") != "django.db.backends.postgresql":
        raise BackupError("A portal moves to PostgreSQL: postgres://user@host/name. Nothing was changed.")
    settings = connections.configure_settings({"default": told})["default"]
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
    """Within the block the portal's database is `target`, and the one that it leaves is named SOURCE."""
    source = connections["default"]
    connections[SOURCE], connections["default"] = source, target
    try:
        yield
    finally:
        connections["default"] = source
        del connections[SOURCE]


# What has to hold


def _require_movable(where: str) -> None:
    """Raise BackupError unless all of this database can go."""
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
    """Raise BackupError unless this database, the other one, is empty and has the migrations that were `applied` to the
    one that is left; lay its tables when it has none."""
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
    """From now on nothing is sent from here. Returns the id of the move."""
    this = uuid.uuid4()
    XeroSettings.load()
    XeroSettings.objects.update(move=this, moved_to=where, moved_at=None)
    record(DOOR, Action.OPERATION, f"The portal moves to {where}")
    return this


def _carry(target: BaseDatabaseWrapper, encryption_keys: Sequence[str], where: str) -> list[Compared]:
    """Bring all rows over while nobody can write here, and leave. Returns what was compared."""
    # The transaction of SQLite's begins with its write lock.
    with transaction.atomic():
        with _at(target), transaction.atomic():
            _hold()
            compared = _fill(encryption_keys)
            _settle_in()
        _leave(where)
    return compared


def _hold() -> None:
    """Hold what only one at a time can hold in the other database, to the end of the transaction. Raises Error when
    somebody else does for a minute."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _fill(encryption_keys: Sequence[str]) -> list[Compared]:
    """Put the rows of SOURCE in place of what migrations left in this database. Raises BackupError when what arrived is
    not what left."""
    found, anew = copying.tables(), cipher_of(encryption_keys)
    with connection.cursor() as cursor:
        for table in found:
            cursor.execute(f"DELETE FROM {table.name}")  # noqa: S608
    left = {table.name: table.load(SOURCE, cipher(), anew) for table in found}
    connection.check_constraints()
    for table in found:
        if differing := left[table.name].differences(table.told("default", anew)):
            raise BackupError(f"What arrived of {table.name} is not what left: {', '.join(differing)} differ.")
    with connections[SOURCE].cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence")
        copying.go_on_counting(found, dict(cursor.fetchall()))
    return [Compared(table.name, left[table.name]) for table in found]


def _settle_in() -> None:
    """Be at home in this database, without the leases of processes that ran on the other."""
    XeroSettings.objects.update(moved_to="")
    XeroConnection.objects.update(contacts_lease_until=None, contacts_lease_holder="")
    TokenSet.objects.update(lease_until=None, lease_holder="")
    CallBudget.objects.update(in_flight={})
    Submission.objects.open().update(lease_until=clock.now())


@transaction.atomic
def _leave(where: str) -> None:
    """Take from this database what a call to Xero could be made with: the other one has it."""
    with connection.cursor() as cursor:
        restore.disarm(cursor)
    XeroSettings.objects.update(moved_at=timezone.now())
    status = XeroConnection.Status
    XeroConnection.objects.exclude(status=status.DISCONNECTED).update(status_reason=XeroSettings.whereabouts().gone)
    record(DOOR, Action.OPERATION, f"The portal moved to {where}")


# When it breaks off


def _arrived(target: BaseDatabaseWrapper, this: uuid.UUID) -> bool:
    """Whether the other database has all of this move. Raises BackupError when it cannot be asked."""
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
    """Take the mark away again, if nothing arrived. Raises BackupError when all of it did."""
    if _arrived(target, this):
        raise BackupError(
            f"Everything arrived in {where}, but this database could not be closed behind it: {error}\nNothing is sent "
            "from here. Run the same command again before you start the portal there."
        ) from error
    XeroSettings.objects.update(move=None, moved_to="")


@transaction.atomic
def take_back() -> None:
    """Take this database into use again after a move. Raises BackupError when there was none.

    What was sent from the other one meanwhile is in Xero, so everything is looked for there before it is sent.
    """
    gone = XeroSettings.whereabouts().gone
    if not gone:
        raise BackupError("This portal never moved. Nothing was changed.")
    with connection.cursor() as cursor:
        restore.disarm(cursor)
    restore.look_first(clock.now())
    XeroSettings.objects.update(move=None, moved_to="", moved_at=None)
    status = XeroConnection.Status
    XeroConnection.objects.exclude(status=status.DISCONNECTED).update(
        status_reason="The portal came back from its move. Connect again: each invoice is then looked for in Xero, and "
        "sent only if it is not there."
    )
    record(DOOR, Action.OPERATION, "Taken into use again after a move", before={"Moved": gone})
