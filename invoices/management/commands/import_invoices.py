"""manage.py import_invoices FILE…: what the import page does, for files of any size."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from c3portal.database import outages
from invoices.importing.importer import DISK_FULL, import_file
from invoices.importing.preview import preview_file
from invoices.importing.preview_words import in_words
from invoices.matching.profiles import ColumnProfile, profile_named
from invoices.models import ImportProfile, ImportRun

ERRORS_SHOWN = 50


class Command(BaseCommand):
    """Imports files one by one; ends with 1 when one was refused, a dry run also when anything is held back."""

    help = "Import files of invoice lines (CSV, Excel, JSON). An invoice with anything wrong is held back."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="Say what would come in, and change nothing.")
        parser.add_argument("--profile", metavar="NAME", help="Which column means what; else found by the header.")
        parser.add_argument(
            "--all-or-nothing",
            action="store_true",
            default=None,
            help="Refuse a whole file for one wrong invoice. Left out, Settings → Imports says.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {"profile": _profile(options["profile"]), "all_or_nothing": options["all_or_nothing"]}
        one = self.preview_one if options["dry_run"] else self.import_one
        left = [path for path in options["files"] if not self.attempt(one, path, wanted)]
        if left:
            what = "Something is wrong with" if options["dry_run"] else "Not imported"
            raise CommandError(f"{what}: {', '.join(str(path) for path in left)}")

    def attempt(self, one: Any, path: Path, wanted: dict[str, Any]) -> bool:
        """Return whether nothing is wrong with the file."""
        try:
            return bool(one(path, wanted))
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


def _profile(name: str | None) -> ColumnProfile | None:
    if name is None:
        return None
    if found := profile_named(name):
        return found
    known = ", ".join(ImportProfile.objects.values_list("name", flat=True)) or "none yet"
    raise CommandError(f"There is no column profile {name!r}. There are: {known}.")
