"""`manage.py prepare`: what a new version needs before its start; harmless when repeated."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Checks the settings, brings the database up to date and gathers the static files."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--without-static", action="store_true", help="an image holds its static files already")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("check", databases=["default"])
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        if not options["without_static"]:
            call_command("collectstatic", interactive=False, verbosity=0)
