"""`manage.py setup_demo`: fill a fresh portal with users, periods and the sandboxes' keys; harmless when repeated."""

from collections.abc import Callable
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from c3portal.audit.record import Action, record_changes
from c3portal.context_processors import REAL_XERO
from operations import demo


class Command(BaseCommand):
    help = "Makes the demonstration's users, acquaints the portal with the sandboxes, brings billing periods to try."

    def handle(self, *args: Any, **options: Any) -> None:
        before = demo.facts()
        if settings.XERO_LOGIN_URL not in REAL_XERO:
            self._acquaint(demo.sandbox_app, "Xero", settings.XERO_LOGIN_URL)
        if settings.C3_LOGIN_URL != settings.MICROSOFT_LOGIN_URL:
            # Which has the sample's periods too: fetching them is the first thing to try.
            self._acquaint(demo.c3_sandbox, "C3", settings.C3_LOGIN_URL)
        else:
            self._bring_periods()
        sign_ins = demo.people()
        record_changes(demo.COMMAND, Action.OPERATION, "The demonstration was set up", before, demo.facts())
        for sign_in in sign_ins:
            self.stdout.write(f"{sign_in.role:<14} {sign_in.email:<24} {sign_in.password}")

    def _bring_periods(self) -> None:
        try:
            demo.periods()
        except demo.SampleRefusedError as error:
            raise CommandError(str(error)) from error

    def _acquaint(self, acquaint: Callable[[], None], whom: str, url: str) -> None:
        try:
            acquaint()
        except requests.RequestException as error:
            self.stderr.write(f"Not acquainted with the stand-in for {whom} at {url}: {error}")
