"""manage.py fetch_from_c3 [--period ID]: what the button does, in this process."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from c3_integration import fetches
from c3_integration.fetches import AlreadyFetching
from c3_integration.models import C3Fetch
from invoices.fetching import fetch, summary
from invoices.models import ImportRun

SOURCE = "manage.py fetch_from_c3"
FAILED, WAITS, BUSY = 1, 2, 3


class Command(BaseCommand):
    """Ends with 1 when the fetch failed, 2 when something waits for a person, 3 when another fetch is under way."""

    help = (
        "Fetch invoices from C3: new billing periods, and those of the last days that are not wholly in Xero. "
        "Ends with 1 when it failed, 2 when something waits for a person, 3 when another fetch is under way."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--period", default="", metavar="ID", help="this billing period alone, by its BillingId or C3's ID"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = fetches.open_one(C3Fetch.Trigger.COMMAND, only_period=str(options["period"])[:50])
        except AlreadyFetching as already:
            where = f": {already.fetch.get_absolute_url()}" if already.fetch else ""
            raise CommandError(f"A fetch from C3 is under way already{where}", returncode=BUSY) from already
        if not fetch.run(made, SOURCE):
            raise CommandError("Another process took this fetch, or this machine's clock is wrong.", returncode=BUSY)
        made.refresh_from_db()
        self._tell(made)

    def _tell(self, made: C3Fetch) -> None:
        runs = ImportRun.objects.in_bulk([each["run"] for each in made.outcomes if each.get("run")])
        for each in made.outcomes:
            words = summary.outcome_words(each, runs.get(each.get("run")))
            said = f" {each['words']}" if each["words"] else ""
            self.stdout.write(f"{each['billing_id']}: {words}, {each['lines']:,} lines.{said}")
        for note in made.notes:
            self.stdout.write(note)
        if made.state != C3Fetch.State.DONE:
            where = f" C3's id of the call: {made.correlation_id}." if made.correlation_id else ""
            raise CommandError(f"{made.reason} {summary.next_step(made)}{where}", returncode=FAILED)
        self.stdout.write(f"Fetched from C3: {summary.result(made)}.")
        if summary.waiting_runs(made):
            raise CommandError("Open the list of invoices and match the columns.", returncode=WAITS)
