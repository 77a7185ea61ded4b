"""Copying a whole database to a file and back: SQLite's backup API, PostgreSQL's pg_dump and pg_restore."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from invoices.models import Invoice, Posting
from operations.backups.storage import BackupError

EXTENSIONS = {"sqlite": "sqlite3", "postgresql": "pgdump"}
Ask = Callable[[str], Iterable[tuple[Any, ...]]]


def left_out() -> list[str]:
    """Return the tables whose rows no backup holds: sessions, whose keys sign in, and caches."""
    labels = ("sessions.Session", "usersessions.UserSession")
    models = [apps.get_model(label) for label in labels if label.partition(".")[0] in apps.app_configs]
    return [*(model._meta.db_table for model in models), *cache_tables()]


def cache_tables() -> list[str]:
    caches: list[dict[str, Any]] = list(settings.CACHES.values())
    return [str(each["LOCATION"]) for each in caches if str(each["BACKEND"]).endswith("db.DatabaseCache")]


def facts(ask: Ask) -> dict[str, int]:
    """Return how many invoices there are, and postings in each state; `ask` runs a query."""
    ((invoices,),) = ask(f"SELECT COUNT(*) FROM {Invoice._meta.db_table}")  # noqa: S608
    states = ask(f"SELECT status, COUNT(*) FROM {Posting._meta.db_table} GROUP BY status ORDER BY status")  # noqa: S608
    return {"invoices": invoices, **{f"postings {status}": count for status, count in states}}


def ask(query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def dump(target: Path) -> dict[str, int]:
    """Write the database as at one moment to the empty file `target`; return its facts. Raises BackupError."""
    return _dump_sqlite(target) if connection.vendor == "sqlite" else _dump_postgresql(target)


def load(source: Path, first: Callable[[Any], None]) -> None:
    """Replace all tables by the copy. Raises BackupError, and then there are none.

    `first` gets a cursor on what was loaded: on SQLite before it is in place, on PostgreSQL right after.
    """
    if connection.vendor == "sqlite":
        _load_sqlite(source, first)
    else:
        _load_postgresql(source)
        with transaction.atomic(), connection.cursor() as cursor:
            first(cursor)


def empty() -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect("")) as nothing:
            _put_in_place(nothing)
    else:
        _drop_tables()


# SQLite


def _dump_sqlite(target: Path) -> dict[str, int]:
    connection.ensure_connection()
    with closing(sqlite3.connect(target)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in there.intersection(left_out()):
            copy.execute(f'DELETE FROM "{table}"')  # noqa: S608
        copy.commit()
        # What was deleted is still in the file's free pages until it is written anew.
        copy.execute("VACUUM")
        return facts(lambda query: copy.execute(query).fetchall())


def _load_sqlite(source: Path, first: Callable[[Any], None]) -> None:
    # A database without a name is a file of SQLite's own, which is gone once it is closed.
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as copy,
        closing(sqlite3.connect("")) as prepared,
    ):
        copy.backup(prepared)
        first(prepared.cursor())
        prepared.commit()
        _put_in_place(prepared)


def _put_in_place(database: sqlite3.Connection) -> None:
    connection.ensure_connection()
    try:
        database.backup(connection.connection)
    except sqlite3.Error as error:
        raise BackupError(
            f"The database could not be written: {error}. Stop whatever has it open (web, worker, beat), then run "
            "this again."
        ) from error
    connection.close()


# PostgreSQL


def _dump_postgresql(target: Path) -> dict[str, int]:
    without = [f"--exclude-table-data={table}" for table in left_out()]
    with transaction.atomic(durable=True):
        run_statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        ((snapshot,),) = ask("SELECT pg_export_snapshot()")
        # Rows are counted in the very snapshot that pg_dump copies.
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={target}", *without)
        return facts(ask)


def _load_postgresql(source: Path) -> None:
    _drop_tables()
    name = str(connection.settings_dict["NAME"])
    options = ["--no-owner", "--no-privileges", "--clean", "--if-exists", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", *options, f"--dbname={name}", str(source))


def _drop_tables() -> None:
    if tables := connection.introspection.table_names():
        run_statement(f"DROP TABLE {', '.join(map(connection.ops.quote_name, tables))} CASCADE")


def run_statement(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on the portal's database. Raises BackupError."""
    # The password goes by the environment: everyone on the machine sees the command line.
    command = [_program(program), "--no-password", *arguments]
    done = subprocess.run(  # noqa: S603
        command, env=os.environ | _environment(), capture_output=True, text=True, umask=0o077
    )
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1000:]}")


def _program(name: str) -> str:
    """Return the path of a program. Raises BackupError without a fit one."""
    found = shutil.which(name, path=settings.PG_BIN or None)
    if found is None:
        raise BackupError(
            f"{name} was not found {f'in {settings.PG_BIN}' if settings.PG_BIN else 'on the PATH'}. {_ADVICE}"
        )
    done = subprocess.run([found, "--version"], capture_output=True, text=True)  # noqa: S603
    version = re.search(r"\d+", done.stdout)
    connection.ensure_connection()
    server = connection.connection.info.server_version // 10_000
    # Older programs do not read databases of a newer server.
    if version and int(version[0]) < server:
        raise BackupError(f"{found} is of PostgreSQL {version[0]}, and the server of {server}. {_ADVICE}")
    return found


_ADVICE = (
    "Install PostgreSQL's client programs, of the server's version or newer, and name their folder in PG_BIN, such as "
    "PG_BIN=/usr/lib/postgresql/17/bin. Nothing was changed."
)


def _environment() -> dict[str, str]:
    from psycopg.pq import Conninfo

    connection.ensure_connection()
    info = connection.connection.info
    parameters = info.get_parameters() | {"password": info.password}
    # The environment variables that PostgreSQL's programs read.
    names = {option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    return {names[name]: str(value) for name, value in parameters.items() if name in names and value}
