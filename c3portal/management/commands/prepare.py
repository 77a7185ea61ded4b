"""`manage.py prepare`: what a new version needs before its start; harmless when repeated."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError

TRIES = 5
# https://www.postgresql.org/docs/current/errcodes-appendix.html
DEADLOCK = "40P01"


class Command(BaseCommand):
    help = "Checks the settings, brings the database up to date and gathers the static files."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--without-static", action="store_true", help="an image holds its static files already")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("check", databases=["default"])
        _migrate()
        call_command("createcachetable", verbosity=0)
        if not options["without_static"]:
            call_command("collectstatic", interactive=False, verbosity=0)


def _migrate() -> None:
    """Bring the schema up to date. The release before works meanwhile: a migration that waits in a circle with one of
    its transactions is undone whole by PostgreSQL, and tried again."""
    for tries_left in reversed(range(TRIES)):
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            if not tries_left or getattr(error.__cause__, "sqlstate", "") != DEADLOCK:
                raise
        else:
            return
