"""How each user has the list of invoices."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ListChoices(models.Model):
    """A user's columns of the list, and the filters they keep under a name. One row for both: each page of the list
    asks for it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    columns = models.JSONField(default=list, help_text="The names of the columns, none for the usual ones.")
    views = models.JSONField(
        default=list, help_text="{name, query}; the query is what the list's address has, without the period."
    )

    def __str__(self) -> str:
        return f"List of {self.user_id}"
