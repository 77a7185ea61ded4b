"""Where C3 is, what the portal signs in with, and the token that it has."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

from c3portal.encryption.fields import EncryptedTextField

# The directory of C3's maker, the same for all partners (docs.cspcontrolcenter.com, get-access-token).
DIRECTORY = "08e91d7e-4f3f-49a0-8973-8b2547341ec7"
LAST_HOUR = 23


class C3Settings(models.Model):
    """Settings → Invoices from C3: one row."""

    api_url = models.CharField("API address", max_length=255, blank=True)
    tenant_id = models.CharField("Directory (tenant) ID", max_length=100, blank=True, default=DIRECTORY)
    client_id = models.CharField("Client ID", max_length=100, blank=True)
    client_secret = EncryptedTextField("Client Secret", blank=True, default="")
    scope = models.CharField("Scope", max_length=255, blank=True)
    resource = models.CharField("Resource", max_length=255, blank=True)
    fetch_enabled = models.BooleanField("Fetch every morning", default=True)
    fetch_hour = models.PositiveSmallIntegerField(
        "Hour of the morning", default=6, validators=[MaxValueValidator(LAST_HOUR)]
    )
    time_zone = models.CharField("Time zone", max_length=50, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "C3 settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="c3_settings_is_one_row")]

    def __str__(self) -> str:
        return "Settings → Invoices from C3"

    @classmethod
    def load(cls) -> C3Settings:
        """Return the row, as new where nobody has saved one yet."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @classmethod
    def lock(cls) -> C3Settings:
        """Return the row, made if need be, held until the transaction ends."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.select_for_update(no_key=True).get(pk=1)

    @property
    def is_complete(self) -> bool:
        """Whether C3 can be asked."""
        return not self.missing()

    def missing(self) -> list[str]:
        """Return the labels of what a call to C3 needs filled in."""
        needed = ("api_url", "tenant_id", "client_id", "client_secret", "resource")
        labels = {field.name: str(field.verbose_name) for field in self._meta.concrete_fields}
        return [labels[name] for name in needed if not getattr(self, name)]


class C3Token(models.Model):
    """The access token of the settings as they are: one row. There is no refresh token."""

    access_token = EncryptedTextField(default="")
    expires_at = models.DateTimeField(help_text="By the database's clock.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="c3_token_is_one_row")]

    def __str__(self) -> str:
        return f"Token until {self.expires_at:%Y-%m-%d %H:%M:%S}"
