"""`manage.py ensure_admin`: the first System Admin of a new portal, from the environment."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from c3portal.audit.record import Action, record
from c3portal.models import User, roles


class Command(BaseCommand):
    """Changes no user who exists, so each release may run it."""

    help = "Makes the System Admin of PORTAL_ADMIN_EMAIL and PORTAL_ADMIN_PASSWORD unless there is such a user."

    def handle(self, *args: Any, **options: Any) -> None:
        email, password = settings.PORTAL_ADMIN_EMAIL, settings.PORTAL_ADMIN_PASSWORD
        if not (email and password):
            raise CommandError("Set PORTAL_ADMIN_EMAIL and PORTAL_ADMIN_PASSWORD, then run this again.")
        if User.objects.filter(email=email.lower()).exists():
            self.stdout.write(f"{email} is there already.")
            return
        with transaction.atomic():
            user = User.objects.create_superuser(email, password)
            after = {"Email": user.email, "Role": roles.role_of(user)}
            record("manage.py ensure_admin", Action.USER, f"User {user.email}", after=after)
        self.stdout.write(f"{email} can sign in as System Admin.")
