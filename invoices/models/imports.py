"""What each import of a file brought, and what it refused."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from invoices.models.billing import BillingPeriod


class ImportRun(models.Model):
    """One import of one file. A refused one changed nothing but this record."""

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        IMPORTED = "imported", "Imported"
        NOTHING_NEW = "nothing_new", "Nothing new"
        REFUSED = "refused", "Refused"

    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    reason = models.TextField(blank=True, help_text="Why the file as a whole was refused.")
    notes = models.JSONField(default=list, help_text="Sentences on what was noticed and refused nothing.")
    period = models.ForeignKey(
        BillingPeriod, null=True, on_delete=models.SET_NULL, related_name="+", help_text="None for a file of several."
    )
    lines = models.PositiveIntegerField(default=0)
    invoices_new = models.PositiveIntegerField(default=0)
    invoices_updated = models.PositiveIntegerField(default=0)
    invoices_unchanged = models.PositiveIntegerField(default=0)
    invoices_differing = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.get_state_display()}"

    def get_absolute_url(self) -> str:
        return reverse("import_run", args=[self.pk])

    @property
    def summary(self) -> str:
        if self.state == self.State.REFUSED:
            errors = f"; {self.errors:,} error{'' if self.errors == 1 else 's'}" if self.errors else ""
            return f"Nothing was imported{errors}."
        return (
            f"Lines {self.lines:,}; invoices: {self.invoices_new:,} new, {self.invoices_updated:,} updated, "
            f"{self.invoices_unchanged:,} unchanged, {self.invoices_differing:,} sent already and differing."
        )


class ImportFinding(models.Model):
    """An error of a refused run, or what differs in an invoice that was already sent."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="findings")
    row = models.PositiveIntegerField(help_text="As a spreadsheet counts: the header of a CSV is row 1.")
    invoice_number = models.CharField(max_length=255, blank=True)
    field = models.CharField(max_length=50, blank=True)
    reason = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"Row {self.row}", self.field or self.invoice_number) if part)
        return f"{where}: {self.reason}"
