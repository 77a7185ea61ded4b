"""The audit record: written once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils import timezone


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries; `update` and `delete` raise TypeError."""

    def update(self, **values: Any) -> int:
        raise TypeError("The audit record is append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("The audit record is append-only.")


@dataclass(frozen=True)
class Difference:
    """One thing that changed; "" stands for nothing before or after."""

    label: str
    before: str
    after: str


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


class AuditEntry(models.Model):
    """One change, with what was before and after by label, secrets masked."""

    class Action(models.TextChoices):
        SIGN_IN = "sign_in", "Sign-in"
        USER = "user", "User or role"
        SETTINGS = "settings", "Settings"
        MAPPING = "mapping", "Mapping"
        CONTACT = "contact", "Contact"
        CONNECTION = "connection", "Connection"
        IMPORT = "import", "Import"
        UPLOAD = "upload", "Upload"
        WITHDRAW = "withdraw", "Withdraw"
        IGNORE = "ignore", "Exclude"
        NOTICE = "notice", "Notices"
        OPERATION = "operation", "Operation"
        DOWNLOAD = "download", "Download"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor_id = models.BigIntegerField(
        null=True, help_text="The user's id, null for the portal itself and for commands."
    )
    # Words, so that the record outlives the user's row.
    actor = models.CharField(max_length=254, help_text="The user's e-mail address, or what acted in nobody's name.")
    address = models.GenericIPAddressField(null=True, help_text="Where the request came from.")
    action = models.CharField(max_length=12, choices=Action)
    subject = models.CharField(max_length=255, help_text="What was changed, in words.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True, help_text="The id of the request, as in the logs.")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["action", "-at"])]

    def __str__(self) -> str:
        return f"{self.actor}: {self.subject}"

    @property
    def differences(self) -> list[Difference]:
        """Return what changed, by label."""
        return [
            Difference(label, _words(self.before.get(label)), _words(self.after.get(label)))
            for label in {**self.before, **self.after}
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the entry once. Raises TypeError on a change."""
        if self.pk:
            raise TypeError("The audit record is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raise TypeError."""
        raise TypeError("The audit record is append-only.")
