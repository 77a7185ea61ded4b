"""`manage.py setup_demo`: fill a fresh portal with users, periods and the sandbox's app; harmless when repeated."""

from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from c3portal.audit.record import Action, record_changes
from c3portal.context_processors import REAL_XERO
from operations import demo


class Command(BaseCommand):
    help = "Makes the demonstration's users, imports its billing periods, registers the portal with the Xero sandbox."

    def handle(self, *args: Any, **options: Any) -> None:
        before = demo.facts()
        if settings.XERO_LOGIN_URL not in REAL_XERO:
            self._register()
        try:
            demo.periods()
        except demo.SampleRefusedError as error:
            raise CommandError(str(error)) from error
        sign_ins = demo.people()
        record_changes(demo.COMMAND, Action.OPERATION, "The demonstration was set up", before, demo.facts())
        for sign_in in sign_ins:
            self.stdout.write(f"{sign_in.role:<14} {sign_in.email:<24} {sign_in.password}")

    def _register(self) -> None:
        try:
            demo.sandbox_app()
        except requests.RequestException as error:
            self.stderr.write(f"Not registered with the stand-in for Xero at {settings.XERO_LOGIN_URL}: {error}")
