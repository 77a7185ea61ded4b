"""`manage.py backup FOLDER`: a copy of the database, made while the portal works."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.backups import backup, keys, storage
from operations.backups.storage import BackupError


class Command(BaseCommand):
    """Ends with 1 also when a backup was made with a secret in it that no key reads."""

    help = "Writes a backup of the database and its manifest into a folder, while the portal works. Without the keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="Where the backups are kept; made when it is not there.")
        parser.add_argument("--keep", type=int, metavar="N", help="Delete all but the newest N backups afterwards.")
        parser.add_argument(
            "--keys", type=Path, metavar="FILE", help="Write the keys too, to a file in another folder."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder, keep, key_file = options["folder"], options["keep"], options["keys"]
        if keep is not None and keep < 1:
            raise CommandError("--keep takes a number from 1 up.")
        try:
            if key_file:
                keys.write(key_file, backups=folder)
            manifest = backup.take(folder)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        counted = ", ".join(f"{what} {count:,}" for what, count in manifest.facts.items())
        self.stdout.write(f"{folder / manifest.file}: {manifest.size:,} bytes; {counted}.")
        if key_file:
            self.stdout.write(f"The keys are in {key_file}: take that file somewhere else.")
        if keep and (deleted := storage.keep_newest(folder, keep)):
            self.stdout.write(f"Older backups deleted: {deleted:,}.")
        if manifest.unreadable:
            raise CommandError(
                f"The backup was made, but {manifest.unreadable:,} of its secrets can be read with none of the "
                "ENCRYPTION_KEYS in force: put the key that wrote them back into the list. If it is lost for good, "
                "docs/operations/keys.md says how to go on."
            )
