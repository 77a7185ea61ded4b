"""A portal that has been at work for two years: `python -m bench.filled --folder FOLDER --invoices 100000`.

Writes `portal.sqlite3` in the folder (or fills the empty database at `--database-url`), straight to the tables, without
Xero: an organisation with its accounts, taxes and contacts, customers (4,000 for 100,000 invoices), up to 24 billing
periods, ten lines and ten entries of the post logs for each invoice, uploads, calls, imports, audit record and notices.
What it writes is the same each time. Import nothing of Django before `open_portal` has set the environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

DATABASE = "portal.sqlite3"
EMAIL, PASSWORD = "finance@contoso.example", "a password of the measurements"


def open_portal(folder: Path, database_url: str = "") -> None:
    """Have this process work on the portal in `folder`, with its tables made. Nothing outside is ever called."""
    folder.mkdir(parents=True, exist_ok=True)
    nowhere = dict.fromkeys(("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"), "http://127.0.0.1:9")
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "c3portal.settings",
            "ENV_FILE": os.devnull,
            "DEBUG": "0",
            "SECRET_KEY": "a-key-for-measurements-which-signs-nothing-of-value",
            "ENCRYPTION_KEYS": "an-encryption-key-for-measurements",
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": database_url or f"sqlite:///{folder.absolute() / DATABASE}",
            "CELERY_BROKER_URL": "",
            "ALLOWED_HOSTS": "localhost",
            "PORTAL_URL": "http://localhost:8000",
            "MFA_REQUIRED_FOR": "none",
            "LOG_LEVEL": "ERROR",
            **nowhere,
        }
    )
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    # The manifest would have to be made anew with every file that is added; the addresses are as long without it.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def fill(count: int) -> None:
    """Write `count` invoices and all that goes with them into the empty database of this process."""
    from django.db import connection, transaction

    from bench import fillings

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")
    with transaction.atomic():
        fillings.everything(count)
    with connection.cursor() as cursor:
        # As a database comes to know by itself how large its tables are, and PostgreSQL which rows everyone sees.
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def main() -> int:
    """Run from the command line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--invoices", type=int, default=100_000)
    arguments.add_argument("--database-url", default="", help="of an empty PostgreSQL, in place of a file")
    given = arguments.parse_args()
    if not given.database_url and (given.folder / DATABASE).exists():
        print(f"{given.folder / DATABASE} is there already.")
        return 1
    began = time.monotonic()
    open_portal(given.folder, given.database_url)
    fill(given.invoices)
    print(
        f"Filled with {given.invoices:,} invoices in {time.monotonic() - began:.0f} s; sign in as {EMAIL}: {PASSWORD}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
