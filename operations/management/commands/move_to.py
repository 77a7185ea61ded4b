"""`manage.py move_to URL`: everything of a portal on SQLite goes to an empty PostgreSQL, and posting goes on there."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from operations.backups import moving
from operations.backups.copying import Compared
from operations.backups.storage import BackupError


class Command(BaseCommand):
    """Takes secrets from files, the environment or standard input: a command line is public."""

    help = "Moves a portal on SQLite, with everything, to an empty PostgreSQL."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "url",
            nargs="?",
            help="postgres://user@host/name, without a password (PGPASSWORD or ~/.pgpass has it); “-” reads an address "
            "with one from standard input. Unset it is MOVE_TO_URL of the environment.",
        )
        parser.add_argument(
            "--environment",
            type=Path,
            help="The settings file of the portal that works from then on: its DATABASE_URL and ENCRYPTION_KEYS. "
            "Without it the keys are MOVE_TO_KEYS of the environment, else those in force.",
        )
        parser.add_argument("--back", action="store_true", help="Take this database into use again after a move.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["back"]:
                moving.take_back()
                self.stdout.write(BACK)
                return
            moved = moving.move(*_target(options["url"], options["environment"]))
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        if moved.compared:
            self.stdout.write(_table(moved.compared))
        self.stdout.write(ARRIVED.format(where=moved.where))


BACK = """\
This database is in use again. See to it that no portal runs on the other one, then start this one and connect to Xero
again: each invoice is looked up in Xero first, and sent only if it is not there."""

ARRIVED = """\
The portal moved to {where}. This database stays as it is, and nothing is sent to Xero from it any more.
What to do now:
1. Start web, worker and beat on the new database, with its ENCRYPTION_KEYS. Everyone signs in again.
2. Look at the list of invoices there. The connection to Xero goes on. With another PORTAL_URL, enter its redirect URI
   in Xero's developer portal.
3. Back the new database up, and its keys apart from it."""


def _target(url: str | None, file: Path | None) -> tuple[str, list[str]]:
    """Return the other database's address and its keys. Raises CommandError."""
    given = _read(file) if file else os.environ
    keys = given.get("ENCRYPTION_KEYS" if file else "MOVE_TO_KEYS") or ",".join(settings.ENCRYPTION_KEYS)
    if url and urlsplit(url).password:
        raise CommandError(
            "A password on the command line can be read by everyone on this machine, so change this one. Put the "
            "address into MOVE_TO_URL of the environment, or type it behind `manage.py move_to -`. Nothing was changed."
        )
    url = sys.stdin.readline().strip() if url == "-" else url or given.get("DATABASE_URL" if file else "MOVE_TO_URL")
    if not url:
        raise CommandError("Say where to: `manage.py move_to postgres://user@host/name`. Nothing was changed.")
    return url, keys.split(",")


def _read(file: Path) -> dict[str, str]:
    """Return what a settings file says, without this process's environment."""
    read: dict[str, str] = {}

    class Collected(environ.Env):  # type: ignore[misc]
        ENVIRON = read

    Collected.read_env(file.open())
    return read


def _table(compared: Iterable[Compared]) -> str:
    """Return the tables that hold anything, one a line, with counts and sums."""
    lines = [f"{'table':<40} {'rows':>10} {'highest id':>11}  sums, the same in both databases"]
    full = [each for each in compared if each.facts.rows]
    for each in full:
        facts = each.facts
        highest = "" if facts.highest is None else f"{facts.highest:,}"
        sums = ", ".join(f"{name} {amount:,}" for name, amount in facts.sums.items())
        lines.append(f"{each.name:<40} {facts.rows:>10,} {highest:>11}  {sums}".rstrip())
    lines.append(f"{sum(each.facts.rows for each in full):,} rows of {len(full)} tables, compared value by value.")
    return "\n".join(lines)
