"""`manage.py reset_second_factor EMAIL`: for a System Admin who lost theirs and has no colleague to ask."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from c3portal.models import User
from c3portal.users import administration


class Command(BaseCommand):
    help = "Takes away every second factor and recovery code of a user, and signs them out of every browser."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The e-mail address with which they sign in.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the e-mail address {options['email']}.")
        try:
            administration.take_second_factor("manage.py reset_second_factor", user)
        except administration.NotDone as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{user.email} signs in with the password alone now, and is signed out everywhere.")
