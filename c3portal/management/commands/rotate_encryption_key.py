"""`manage.py rotate_encryption_key`: encrypt every stored secret anew with the first key, without a stop."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from c3portal.audit.record import Action, record
from c3portal.encryption import key_rotation


class Command(BaseCommand):
    """Ends with 1 when a secret cannot be read; with --check also when older keys are still needed."""

    help = "Writes every stored secret anew with the first of ENCRYPTION_KEYS. Nothing needs to be stopped for it."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--check", action="store_true", help="only say whether older keys are still needed")
        which.add_argument("--forget-unreadable", action="store_true", help="first drop what no key reads any more")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forget_unreadable"]:
            self._report(key_rotation.forget(), "dropped", "Stored secrets whose encryption key is lost were dropped")
        if not options["check"]:
            self._report(
                key_rotation.rotate(), "written anew", "Stored secrets were written anew with the first encryption key"
            )
        found = key_rotation.tally()
        for each in found:
            self.stdout.write(f"{each.place}: {each.current} with the first key, {each.old} with an older one")
        if lost := [f"{each.unreadable} of {each.place}" for each in found if each.unreadable]:
            raise CommandError(
                f"No key of ENCRYPTION_KEYS reads {', '.join(lost)}. Put the key that wrote them behind the others and "
                "run this again. If it is lost for good, docs/operations/keys.md says how to go on."
            )
        if any(each.old for each in found):
            raise CommandError("Older keys are still needed: run manage.py rotate_encryption_key.")
        self.stdout.write(
            "Only the first key is needed. Backups made before need the older ones. Sessions written with an older key "
            f"end when it goes: wait SESSION_HOURS ({settings.SESSION_COOKIE_AGE / 3600:g}) after the first key became "
            "the first, or everyone signs in again."
        )

    def _report(self, counts: dict[str, int], what: str, subject: str) -> None:
        done = {name: count for name, count in counts.items() if count}
        for name, count in done.items():
            self.stdout.write(f"{name}: {count} {what}")
        if done:
            record("manage.py rotate_encryption_key", Action.OPERATION, subject, after=done)
