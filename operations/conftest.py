"""What tests of backups share."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from c3portal.conftest import webhook  # noqa: F401
from c3portal.tests import machine
from invoices.conftest import no_lookup_delay, woken  # noqa: F401
from invoices.tests.c3_files import NEW_CUSTOMERS, of_customer, write

Lose = Callable[[], None]


# Backups: PostgreSQL's programs, a database that is lost, and one that comes back


@pytest.fixture
def postgres_programs(settings: Any) -> None:
    """Have pg_dump and pg_restore be those of the server that the tests run on."""
    settings.PG_BIN = machine.postgres_programs()


@pytest.fixture
def lose(transactional_db: None) -> Lose:
    """Return a function that leaves the database as one that was migrated and never used."""
    return lambda: call_command("flush", interactive=False, verbosity=0)


def make_older(app: str) -> None:
    """Leave the database as a release had it that knew all of this app's migrations but the last."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    known = sorted(name for label, name in executor.loader.disk_migrations if label == app)
    in_one_step = [name for name in known if executor.loader.disk_migrations[app, name].replaces]
    single = [name for name in known if name not in in_one_step]
    executor.migrate([(app, single[-2])])
    for name in in_one_step:
        MigrationRecorder(connection).record_unapplied(app, name)


def restore(source: Path) -> str:
    """Restore and return what the command says."""
    output = io.StringIO()
    call_command("restore", str(source), stdout=output)
    return output.getvalue()


@pytest.fixture
def later_file(tmp_path: Path) -> Path:
    """Invoices and a credit note of customers that nobody knew before."""
    rows = [of_customer(index, CustomerName=f"Newcomer {index}") for index in range(NEW_CUSTOMERS)]
    rows.append(
        of_customer(
            0,
            CustomerName="Newcomer 0",
            InvoiceNumber="Credit_1",
            Quantity="-1",
            SubTotal="-9.00",
            TaxAmount="-0.90",
            Total="-9.90",
        )
    )
    return write(tmp_path, *rows, name="later.csv")
