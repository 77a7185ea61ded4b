"""`manage.py set_password EMAIL`: where no mail brings a link; recorded, unlike Django's changepassword."""

import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from c3portal.models import User
from c3portal.users import administration


class Command(BaseCommand):
    help = "Asks for a user's new password twice, sets it, and signs them out of every browser."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The e-mail address with which they sign in.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the e-mail address {options['email']}.")
        administration.set_password("manage.py set_password", user, _prompt(user))
        self.stdout.write(f"{user.email} signs in with the new password, and is signed out everywhere.")


def _prompt(user: User) -> str:
    """Return the new password. Raises CommandError."""
    password = getpass.getpass(f"New password of {user.email}: ")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("The two differ. Nothing was changed: run this again.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(f"{' '.join(error.messages)} Nothing was changed: run this again.") from error
    return password
