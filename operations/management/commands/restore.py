"""`manage.py restore FOLDER_OR_FILE`: a backup comes back into an empty database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.backups import restore
from operations.backups.storage import BackupError, Manifest
from xero_integration.models import XeroConnection


class Command(BaseCommand):
    help = "Restores a backup into an empty database, and has Xero looked at before anything is posted again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="A folder (its newest backup is taken), or one of its files.")
        parser.add_argument(
            "--keys-are-lost", action="store_true", help="Leave out the secrets that the keys in force do not read."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = restore.restore(options["source"], keys_are_lost=options["keys_are_lost"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_closing_words(manifest))


def _closing_words(manifest: Manifest) -> str:
    lost = XeroConnection.objects.filter(status=XeroConnection.Status.NEEDS_RECONNECTING)
    names = ", ".join(lost.order_by("name").values_list("name", flat=True)) or "your organisation"
    counted = ", ".join(f"{what} {count:,}" for what, count in manifest.facts.items())
    return (
        f"Restored: the backup of {manifest.when:%-d %b %Y, %H:%M} UTC ({counted}).\n"
        "What to do now:\n"
        "1. See to it that the portal which had this database before runs nowhere any more.\n"
        "2. Start web, worker and beat. Everyone has to sign in again.\n"
        f"3. Connect to Xero again ({names}). Then what was on its way goes on by itself: each invoice is looked for "
        "in Xero first, and sent only if it is not there.\n"
        "4. Import again what was imported after the backup, and upload it: what is in Xero already is recognised "
        "there and not sent a second time."
    )
