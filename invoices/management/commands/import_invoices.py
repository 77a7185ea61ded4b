"""manage.py import_invoices FILE…: what the import page does, for files of any size."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from c3portal.database import outages
from invoices.importing.importer import DISK_FULL, import_file
from invoices.importing.preview import preview_file
from invoices.importing.preview_words import in_words
from invoices.matching.meanings import PERIOD
from invoices.matching.profiles import ColumnProfile, profile_named
from invoices.models import BillingPeriod, ImportProfile, ImportRun
from invoices.reading.encodings import known_name
from invoices.reading.errors import FileRefused
from invoices.reading.rows import ReadOptions

ERRORS_SHOWN = 50
PERIODS_SHOWN = 12


class Command(BaseCommand):
    """Imports files one by one; ends with 1 when one was refused, a dry run also when anything is held back."""

    help = "Import files of invoice lines (CSV, Excel, JSON). An invoice with anything wrong is held back."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="Say what would come in, and change nothing.")
        parser.add_argument("--profile", metavar="NAME", help="Which column means what; else found by the header.")
        parser.add_argument(
            "--period",
            metavar="BILLINGID",
            default="",
            help="The billing period of all lines, where the files do not say it: a known one, or a new one's eight "
            "digits with its first and last day.",
        )
        parser.add_argument("--period-from", type=_day, metavar="DATE", help="First day of a new period: 2026-08-16.")
        parser.add_argument("--period-to", type=_day, metavar="DATE", help="Last day of a new period: 2026-09-15.")
        parser.add_argument("--encoding", type=_encoding, metavar="NAME", help="Such as cp1252; else found out.")
        parser.add_argument("--sheet", default="", metavar="NAME", help="Of a workbook; else the one that fits.")
        parser.add_argument(
            "--all-or-nothing",
            action="store_true",
            default=None,
            help="Refuse a whole file for one wrong invoice. Left out, Settings → Imports says.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {
            "profile": _profile(options["profile"]),
            "all_or_nothing": options["all_or_nothing"],
            "constants": _period(options["period"], options["period_from"], options["period_to"]),
            "options": ReadOptions(encoding=options["encoding"] or "", sheet=options["sheet"]),
        }
        one = self.preview_one if options["dry_run"] else self.import_one
        left = [path for path in options["files"] if not self.attempt(one, path, wanted)]
        if left:
            what = "Something is wrong with" if options["dry_run"] else "Not imported"
            raise CommandError(f"{what}: {', '.join(str(path) for path in left)}")

    def attempt(self, one: Any, path: Path, wanted: dict[str, Any]) -> bool:
        """Return whether nothing is wrong with the file."""
        try:
            return bool(one(path, wanted))
        except FileRefused as refused:
            self.stderr.write(f"{path}: {refused}")
            return False
        except (OSError, DatabaseError) as error:
            if outages.is_full(error):
                self.stderr.write(f"{path}: {DISK_FULL}")
            elif isinstance(error, OSError):
                self.stderr.write(f"{path}: {error.strerror}")
            else:
                raise
            return False

    def preview_one(self, path: Path, wanted: dict[str, Any]) -> bool:
        """Say what the file would bring; return whether all of it would come in."""
        preview = preview_file(path, **wanted)
        self.stdout.write(f"{path}: {preview.refused or 'Nothing was imported: a dry run.'}")
        for line in in_words(preview):
            self.stdout.write(f"  {line}")
        return not (preview.refused or preview.held_back.count)

    def import_one(self, path: Path, wanted: dict[str, Any]) -> bool:
        """Import the file; return whether it was taken."""
        run = import_file(path, source="manage.py import_invoices", **wanted)
        self.stdout.write(f"{path}: {run.get_state_display()}. {run.summary}")
        for line in (run.reason, *run.notes):
            if line:
                self.stdout.write(f"  {line}")
        if run.invoices_held_back:
            self.stdout.write(f"  {run.invoices_held_back:,} invoices held back")
        for finding in run.findings.all()[:ERRORS_SHOWN]:
            self.stdout.write(f"  {finding}")
        if run.findings.count() > ERRORS_SHOWN:
            self.stdout.write(f"  … all of them are on the page {run.get_absolute_url()}")
        return run.state != ImportRun.State.REFUSED


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: write it as 2026-09-15.") from error


def _encoding(name: str) -> str:
    try:
        return known_name(name)
    except FileRefused as refused:
        raise argparse.ArgumentTypeError(str(refused)) from refused


def _period(billing_id: str, starts: dt.date | None, ends: dt.date | None) -> dict[str, str]:
    """Return the period as fields of every line, {} when none is named. Raises CommandError."""
    if not billing_id:
        if starts or ends:
            raise CommandError("--period-from and --period-to are the days of a new period: name it by --period.")
        return {}
    if known := BillingPeriod.objects.filter(billing_id=billing_id).first():
        if (starts or known.starts_on, ends or known.ends_on) != (known.starts_on, known.ends_on):
            raise CommandError(f"Period {billing_id} is from {known.starts_on} to {known.ends_on}: leave its days out.")
        starts, ends = known.starts_on, known.ends_on
    elif not (starts and ends):
        there = ", ".join(BillingPeriod.objects.values_list("billing_id", flat=True)[:PERIODS_SHOWN]) or "none yet"
        raise CommandError(
            f"There is no billing period {billing_id}. There are: {there}. For a new one say --period-from and "
            "--period-to."
        )
    elif not re.fullmatch(r"\d{8}", billing_id, re.ASCII):
        raise CommandError("A new period's BillingId is the day on which it was billed, in eight digits: 20260518.")
    elif ends < starts:
        raise CommandError("The period ends before it starts.")
    return dict(zip(PERIOD, (billing_id, str(starts), str(ends)), strict=True))


def _profile(name: str | None) -> ColumnProfile | None:
    if name is None:
        return None
    if found := profile_named(name):
        return found
    known = ", ".join(ImportProfile.objects.values_list("name", flat=True)) or "none yet"
    raise CommandError(f"There is no column profile {name!r}. There are: {known}.")
