"""Moments and leases."""

from __future__ import annotations

from django.db import models


class Moment(models.Model):
    """When something last happened, or will next."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.at:%Y-%m-%d %H:%M:%S}"


class Lease(models.Model):
    """Which process does what one alone may do, and until when."""

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=120)
    until = models.DateTimeField()
    rival = models.CharField(max_length=120, blank=True, help_text="Who asked for it last and did not get it.")

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} until {self.until:%Y-%m-%d %H:%M:%S}"
