"""`manage.py prune`: delete what is old and no fact of the books."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from c3portal.audit.record import Action, record
from operations import retention


class Command(BaseCommand):
    help = "Takes away stored bytes, steps in between and details that are old; never invoices or how they fared."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=int, default=400, metavar="DAYS", help="400 days when left out.")
        parser.add_argument("--dry-run", action="store_true", help="Say how many there are, and leave them.")

    def handle(self, *args: Any, **options: Any) -> None:
        days, dry_run = options["older_than"], options["dry_run"]
        if days < 1:
            raise CommandError("--older-than takes a number of days from 1 up.")
        counts = retention.prune(dt.timedelta(days=days), dry_run=dry_run)
        self.stdout.write("Would go:" if dry_run else "Gone:")
        for words, count in counts.items():
            self.stdout.write(f"{count:>9,} {words}")
        if not dry_run:
            subject = f"Pruned what was older than {days} days"
            record("manage.py prune", Action.OPERATION, subject, after=counts)
