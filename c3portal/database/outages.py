"""Tells outages and full disks from mistakes of the program."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

from django.db import Error, InterfaceError, OperationalError, connection

FULL_ERRNO = {errno.ENOSPC, errno.EDQUOT}
# The driver's own codes decide: sqlite.org/rescode.html, postgresql.org/docs/current/errcodes-appendix.html.
SQLITE_FULL = sqlite3.SQLITE_FULL
# Locked for longer than its patience, not to be read or written, not to be opened.
SQLITE_UNAVAILABLE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
POSTGRESQL_FULL = "53100"
# A connection that failed (class 08); stopping, crashed, starting, shut for idleness; no memory, too many connections;
# a server that only reads, as after a change to another.
POSTGRESQL_UNAVAILABLE = {"57P01", "57P02", "57P03", "57P05", "53200", "53300", "25006"}


def is_full(error: BaseException | None) -> bool:
    """Whether a disk without space is the reason of `error`."""
    return any(
        (isinstance(each, OSError) and each.errno in FULL_ERRNO)
        or _sqlite_code(each) == SQLITE_FULL
        or _sqlstate(each) == POSTGRESQL_FULL
        for each in _reasons(error)
    )


def is_unavailable(error: BaseException | None) -> bool:
    """Whether a database that does not serve is the reason of `error`."""
    return any(_is_unavailable(each) for each in _reasons(error))


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_unavailable(error: BaseException) -> bool:
    if not isinstance(error, Error):
        return False
    driver = error.__cause__
    state = _sqlstate(driver)
    if state is not None:
        return state.startswith("08") or state in POSTGRESQL_UNAVAILABLE
    if connection.vendor == "sqlite":
        return _sqlite_code(driver) in SQLITE_UNAVAILABLE
    return isinstance(error, OperationalError) or (isinstance(error, InterfaceError) and _is_broken())


def _is_broken() -> bool:
    # On a living connection, a cursor used after its end is a mistake of the program.
    return connection.connection is None or bool(connection.connection.closed)


def _sqlstate(error: BaseException | None) -> str | None:
    state: str | None = getattr(error, "sqlstate", None)
    return state


def _sqlite_code(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    # The lowest byte is the primary result code.
    return None if code is None else int(code) & 0xFF
