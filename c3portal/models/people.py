"""The portal's people."""

from __future__ import annotations

import zoneinfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from c3portal.models import roles


class DateFormat(models.TextChoices):
    """How one reads dates."""

    WORDS = "words", "25 Nov 2026"
    DAY = "day", "25/11/2026"
    MONTH = "month", "11/25/2026"
    YEAR = "year", "2026-11-25"


def known_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone of this IANA name, None when this machine knows none."""
    try:
        return zoneinfo.ZoneInfo(name)
    # OSError: the name of a folder of zones, or one that is too long for a file.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


class UserManager(BaseUserManager["User"]):
    """Makes users known by their e-mail address."""

    def create_user(
        self, email: str, password: str | None = None, *, role: str | None = None, **fields: object
    ) -> User:
        """Return a new user with `role`, one of `roles.ALL`; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        if role:
            roles.grant(user, role)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        """Return a System Admin, for `manage.py createsuperuser`."""
        return self.create_user(email, password, role=roles.SYSTEM_ADMIN, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who works in the portal; their role is a Django group."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="An IANA name; times on pages are shown in it. Empty for the browser's.",
    )
    date_format = models.CharField(
        max_length=10, choices=DateFormat, default=DateFormat.WORDS, db_default=DateFormat.WORDS
    )
    notices_seen = models.BigIntegerField(
        default=0, db_default=0, help_text="The id of the newest notice when all were last marked as seen."
    )
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    invited_at = models.DateTimeField(null=True, blank=True, help_text="When the newest invitation was sent.")

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_invited(self) -> bool:
        """Whether nothing but an invitation lets them in so far."""
        return self.last_login is None and not self.has_usable_password()

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The zone that they chose, in which mails tell them times; UTC without one that this machine knows."""
        return known_zone(self.time_zone) or zoneinfo.ZoneInfo("UTC")
