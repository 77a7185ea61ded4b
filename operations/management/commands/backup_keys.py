"""`manage.py backup_keys FILE`: the keys without which a backup's secrets cannot be read; again after each new key."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.backups import keys
from operations.backups.storage import BackupError


class Command(BaseCommand):
    help = "Writes SECRET_KEY and ENCRYPTION_KEYS to a new file that only its owner can read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="In another folder than the backups, best on another machine.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys.write(options["file"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The keys are in {options['file']}. Keep it apart from the backups.")
