"""The portal's people."""

from __future__ import annotations

import zoneinfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from c3portal.models import roles


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
        max_length=64, default="UTC", help_text="An IANA name; times on pages are shown in it."
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
        """The zone in which they read times; UTC when this machine does not know theirs."""
        try:
            return zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            return zoneinfo.ZoneInfo("UTC")
