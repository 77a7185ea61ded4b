"""manage.py import_invoices FILE…: what the import page does, for files of any size."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from c3portal.database import outages
from invoices.importing.importer import DISK_FULL, import_file
from invoices.models import ImportRun

ERRORS_SHOWN = 50


class Command(BaseCommand):
    """Imports files one by one; ends with 1 when one was refused."""

    help = "Import C3's invoice line downloads (JSON or CSV). Each file comes in as a whole or not at all."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = [path for path in options["files"] if not self.import_one(path)]
        if refused:
            raise CommandError(f"Not imported: {', '.join(str(path) for path in refused)}")

    def import_one(self, path: Path) -> bool:
        """Return whether the file was taken."""
        try:
            run = import_file(path, source="manage.py import_invoices")
        except (OSError, DatabaseError) as error:
            if outages.is_full(error):
                self.stderr.write(f"{path}: {DISK_FULL}")
            elif isinstance(error, OSError):
                self.stderr.write(f"{path}: {error.strerror}")
            else:
                raise
            return False
        self.stdout.write(f"{path}: {run.get_state_display()}. {run.summary}")
        for line in (run.reason, *run.notes):
            if line:
                self.stdout.write(f"  {line}")
        for finding in run.findings.all()[:ERRORS_SHOWN]:
            self.stdout.write(f"  {finding}")
        if run.findings.count() > ERRORS_SHOWN:
            self.stdout.write(f"  … all of them are on the page {run.get_absolute_url()}")
        return run.state != ImportRun.State.REFUSED
