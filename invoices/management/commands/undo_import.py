"""manage.py undo_import ID: take back what an import brought."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoices.importing.undo import undo_import
from invoices.models import ImportRun


class Command(BaseCommand):
    """Takes back what nothing stands in the way of; ends with 1 when something does."""

    help = "Delete the invoices that an import brought and put back those that it changed, unless they went to Xero."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=int, metavar="ID", help="The number in the address of the import's page.")
        parser.add_argument("--rest", action="store_true", help="Take back all that nothing stands in the way of.")

    def handle(self, *args: Any, **options: Any) -> None:
        run = ImportRun.objects.filter(pk=options["id"]).first()
        if run is None:
            raise CommandError(f"There is no import {options['id']}.")
        if not run.may_be_undone:
            raise CommandError(f"Import {run.pk} is {run.get_state_display()!r}: there is nothing to take back.")
        undone = undo_import(run, user=None, source="manage.py undo_import", rest=options["rest"])
        for each in undone.in_the_way:
            self.stdout.write(f"  {each.number}: {each.reason}")
        if not undone.is_done:
            raise CommandError(
                f"Nothing was taken back: {undone.in_the_way_count:,} invoices have to stay. "
                "--rest takes back the others."
            )
        self.stdout.write(
            f"Taken back: {undone.deleted:,} invoices deleted, {undone.restored:,} put back as before, "
            f"{undone.in_the_way_count:,} had to stay."
        )
