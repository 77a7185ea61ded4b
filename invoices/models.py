"""The billing domain, and how far each invoice has come on its way to Xero.

An Invoice is a fact. A Posting (one to one) says where its journey stands. An Upload is one click of UPLOAD TO XERO.
A Submission is one HTTP call that carries up to 50 postings. A PostLog is an append-only record of what happened.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from invoices.fields import ExactDecimalField
from xero_integration.models import InvoiceStatus, XeroConnection


class Customer(models.Model):
    """A customer of the partner, known by its tenant id at Microsoft; names are not unique."""

    tenant_id = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=255)
    erp_id = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=255, blank=True)
    country = models.CharField(max_length=2, blank=True)

    class Meta:
        ordering = ["name", "tenant_id"]

    def __str__(self) -> str:
        return self.name


class BillingPeriod(models.Model):
    """A billing period, as C3 numbers it (BillingId, the day it was billed as YYYYMMDD)."""

    billing_id = models.CharField(max_length=50, unique=True)
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta:
        ordering = ["-ends_on", "-billing_id"]

    def __str__(self) -> str:
        return f"{self.ends_on:%B %Y} ({self.starts_on:%-d %b %Y} to {self.ends_on:%-d %b %Y})"


class Invoice(models.Model):
    """One customer invoice of a period. Amounts are in `currency`, to the cent: the sum of its lines' cents.

    `xero_number` is the number it has in Xero: its own, or a transliteration when that is not printable ASCII.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period = models.ForeignKey(BillingPeriod, on_delete=models.PROTECT, related_name="invoices")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=255, unique=True)
    xero_number = models.CharField(max_length=255, unique=True)
    issued_on = models.DateField()
    due_on = models.DateField()
    currency = models.CharField(max_length=3)
    subtotal = models.DecimalField(max_digits=15, decimal_places=2)
    tax = models.DecimalField(max_digits=15, decimal_places=2)
    total = models.DecimalField(max_digits=15, decimal_places=2)
    source_hash = models.CharField(
        max_length=64, help_text="SHA-256 of the lines as imported: tells a changed file from a repeated one."
    )
    difference = models.TextField(blank=True, help_text="What a later import says differently, once it was sent.")
    imported_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["period", "number"])]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("invoice", args=[self.pk])

    @property
    def is_credit_note(self) -> bool:
        """Negative totals go to Xero as credit notes, which is the only form in which it takes them."""
        return self.total < 0

    @property
    def is_transliterated(self) -> bool:
        """Whether Xero knows it by another number than C3 does."""
        return self.number != self.xero_number


class InvoiceLine(models.Model):
    """One charge, in the source's own precision. `source` keeps every field of the import row for the download."""

    class Kind(models.TextChoices):
        """Which of the three account codes of Settings → General a line goes to."""

        LICENSE = "license", "License based SKUs"
        AZURE = "azure", "Azure Usage based SKUs"
        CUSTOM = "custom", "Custom offer SKUs"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    sku = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=500)
    charge_start = models.DateField(null=True, blank=True)
    charge_end = models.DateField(null=True, blank=True)
    quantity = ExactDecimalField()
    unit_price = ExactDecimalField()
    subtotal = ExactDecimalField()
    tax_name = models.CharField(max_length=100, blank=True)
    tax_percentage = ExactDecimalField()
    tax = ExactDecimalField()
    total = ExactDecimalField()
    source = models.JSONField(default=dict)

    class Meta:
        ordering = ["invoice_id", "position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="line_position_once_each_invoice")]

    def __str__(self) -> str:
        return self.name


class Upload(models.Model):
    """One click of UPLOAD TO XERO: who sent what where, with the choices in force at that moment."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="uploads")
    period = models.ForeignKey(BillingPeriod, null=True, on_delete=models.PROTECT, related_name="uploads")
    invoice_status = models.CharField(max_length=10, choices=InvoiceStatus)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"Upload {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("upload", args=[self.pk])


class DocumentType(models.TextChoices):
    """The two kinds of document an invoice becomes in Xero; each has its own endpoint."""

    INVOICE = "invoice", "Invoice"
    CREDIT_NOTE = "credit_note", "Credit note"


class Submission(models.Model):
    """One HTTP call that creates up to 50 documents.

    Its id claims the rows and is the Idempotency-Key. `body` holds the exact bytes, stored and committed before the
    call leaves: a submission without a body was never sent. `lease_until` is when a silent worker counts as dead.
    """

    class Outcome(models.TextChoices):
        PREPARING = "preparing", "Being prepared"
        SENDING = "sending", "Under way"
        ANSWERED = "answered", "Answered"
        NOT_RECORDED = "not_recorded", "Nothing was recorded"
        UNKNOWN = "unknown", "Outcome unknown"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="submissions")
    document_type = models.CharField(max_length=12, choices=DocumentType)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.PREPARING)
    body = models.BinaryField(null=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    postings_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["lease_until"], condition=Q(outcome__in=["preparing", "sending"]), name="submission_under_way"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Posting(models.Model):
    """How far an invoice's journey to Xero has come. Only `posting.py` changes `status`."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Waiting"
        SENDING = "sending", "Being sent"
        POSTED = "posted", "In Xero"
        REJECTED = "rejected", "Refused"
        UNCERTAIN = "uncertain", "Being checked"
        WITHDRAWN = "withdrawn", "Withdrawn"

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="posting")
    connection = models.ForeignKey(XeroConnection, on_delete=models.PROTECT, related_name="postings")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="postings")
    document_type = models.CharField(max_length=12, choices=DocumentType)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    submission = models.ForeignKey(Submission, null=True, blank=True, on_delete=models.PROTECT, related_name="postings")
    batch_cap = models.PositiveSmallIntegerField(
        null=True, help_text="How many may travel together: halved when Xero refuses a whole call."
    )
    not_before = models.DateTimeField(null=True, help_text="An uncertain row is looked up no earlier than this.")
    message = models.TextField(blank=True, help_text="Why it is where it is; Xero's own words when it refused.")
    xero_id = models.CharField(max_length=36, blank=True)
    xero_status = models.CharField(max_length=20, blank=True)
    xero_total = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["connection", "status", "document_type", "id"]),
            models.Index(fields=["upload", "status"]),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(status="posted") | ~Q(xero_id=""), name="posted_has_an_id_from_xero"),
            models.CheckConstraint(
                condition=~Q(status__in=["sending", "uncertain"]) | Q(submission__isnull=False),
                name="under_way_has_a_submission",
            ),
            models.UniqueConstraint(
                fields=["connection", "xero_id"], condition=~Q(xero_id=""), name="one_posting_each_document"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_status_display()}"

    @property
    def xero_url(self) -> str:
        """Return the document's address in Xero, or "" while it is not known to be there."""
        if not self.xero_id:
            return ""
        return self.connection.invoice_url(self.xero_id, credit_note=self.document_type == DocumentType.CREDIT_NOTE)


class Payment(models.Model):
    """A payment that Xero holds against a posted invoice, as last read. `amount` is in the invoice's currency."""

    posting = models.ForeignKey(Posting, on_delete=models.CASCADE, related_name="payments")
    payment_id = models.CharField(max_length=36, unique=True)
    paid_on = models.DateField()
    amount = models.DecimalField(max_digits=15, decimal_places=2)
    reference = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["paid_on", "payment_id"]

    def __str__(self) -> str:
        return f"{self.amount} on {self.paid_on}"


class PostLog(models.Model):
    """What happened to an invoice, append-only: the lines of VIEW POST LOGS."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="post_logs")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="post_logs")
    submission = models.ForeignKey(Submission, null=True, on_delete=models.PROTECT, related_name="post_logs")
    status = models.CharField(max_length=10, choices=Posting.Status)
    message = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["invoice", "id"]), models.Index(fields=["upload", "id"])]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the record once. Raises TypeError on an attempt to change it."""
        if self.pk:
            raise TypeError("A post log is append-only.")
        super().save(*args, **kwargs)


class ImportRun(models.Model):
    """One import of one file, and how it ended. A refused one changed nothing but this record."""

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
        """What it came to, in a sentence."""
        if self.state == self.State.REFUSED:
            errors = f"; {self.errors:,} error{'' if self.errors == 1 else 's'}" if self.errors else ""
            return f"Nothing was imported{errors}."
        return (
            f"Lines {self.lines:,}; invoices: {self.invoices_new:,} new, {self.invoices_updated:,} updated, "
            f"{self.invoices_unchanged:,} unchanged, {self.invoices_differing:,} sent already and differing."
        )


class ImportFinding(models.Model):
    """What an import found: errors of a refused run; of any other, what differs in invoices that were already sent."""

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
