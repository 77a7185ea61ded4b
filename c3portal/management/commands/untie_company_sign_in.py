"""`manage.py untie_company_sign_in`: after a new app registration, under which everyone has a new subject."""

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from c3portal.audit.record import Action, record


class Command(BaseCommand):
    help = "Forgets which account at the company is whose; the next sign-in from there goes by e-mail address again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("emails", nargs="*", metavar="EMAIL", help="whose")
        parser.add_argument("--all", action="store_true", help="everyone's")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["emails"]) is options["all"]:
            raise CommandError("Name the e-mail addresses, or give --all.")
        ties = SocialAccount.objects.select_related("user")
        if not options["all"]:
            ties = ties.filter(user__email__in=[email.lower() for email in options["emails"]])
        with transaction.atomic():
            emails = [tie.user.email for tie in ties]
            ties.delete()
            for email in emails:
                record(
                    "manage.py untie_company_sign_in",
                    Action.SIGN_IN,
                    f"Untied from the company's sign-in: {email}",
                )
        self.stdout.write(f"Untied: {', '.join(emails) or 'nobody'}.")
