"""What each import of a file brought, and what it refused."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F
from django.urls import reverse

from invoices.models.billing import BillingPeriod, Customer, Invoice, InvoiceLine


class BillResellers(models.TextChoices):
    """Whose contact an invoice goes to that is addressed to a reseller."""

    RESELLER = "reseller", "The reseller's contact"
    CUSTOMER = "customer", "The customer's contact"


class ImportSettings(models.Model):
    """Settings → Imports: one row."""

    all_or_nothing = models.BooleanField("One wrong invoice refuses the whole file", default=False)
    bill_resellers = models.CharField(
        "Invoices to a reseller go to", max_length=10, choices=BillResellers, default=BillResellers.RESELLER
    )
    time_zone = models.CharField(
        "Billing time zone", max_length=50, blank=True, help_text="Empty: that of the organisation in Xero."
    )
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "import settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="import_settings_is_one_row")]

    def __str__(self) -> str:
        return "Settings → Imports"

    @classmethod
    def load(cls) -> ImportSettings:
        """Return the row, made if need be."""
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def lock(cls) -> ImportSettings:
        """Return the row, held until the transaction ends: one change at a time of how files are read, column profiles
        and kinds included."""
        cls.load()
        return cls.objects.select_for_update(no_key=True).get(pk=1)


class ImportProfile(models.Model):
    """Which column means what in files of one set of headers, as a person confirmed it."""

    name = models.CharField(max_length=100, unique=True)
    header = models.JSONField(help_text="The names of the columns that were seen, in their order.")
    columns = models.JSONField(help_text="The column of each field of `meanings`, by the field's name.")
    formats = models.JSONField(
        default=dict, help_text="How numbers and dates are written, where the values do not say."
    )
    encoding = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        default="",
        help_text="A file whose encoding can only be guessed, and is guessed as this one, asks nobody.",
    )
    sheet = models.CharField(
        max_length=100,
        blank=True,
        db_default="",
        default="",
        help_text="The one that is read where several sheets of a workbook have these columns.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class KindRule(models.Model):
    """The kind of the lines of one category of the source; capitals do not count."""

    category = models.CharField(max_length=255, unique=True, help_text="Case-folded.")
    kind = models.CharField(max_length=10, choices=InvoiceLine.Kind)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["category"]

    def __str__(self) -> str:
        return f"{self.category} → {self.get_kind_display()}"


class ImportRun(models.Model):
    """One import of one file. A refused one changed nothing but this record."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        COLUMNS = "columns", "Columns to match"
        READY = "ready", "Ready to import"
        RUNNING = "running", "Under way"
        IMPORTED = "imported", "Imported"
        NOTHING_NEW = "nothing_new", "Nothing new"
        REFUSED = "refused", "Refused"
        UNDONE = "undone", "Undone"
        DISCARDED = "discarded", "Discarded"

    class Source(models.TextChoices):
        FILE = "file", "File"
        C3 = "c3", "C3"

    source = models.CharField(max_length=10, choices=Source, default=Source.FILE, db_default=Source.FILE)
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
    profile = models.ForeignKey(ImportProfile, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    stored_as = models.CharField(
        max_length=100, blank=True, db_default="", default="", help_text="The file's name in IMPORT_DIR while it waits."
    )
    options = models.JSONField(
        default=dict, db_default={}, help_text="What a person chose: encoding, sheet, billing period."
    )
    all_or_nothing = models.BooleanField(default=False, db_default=False)
    bytes_read = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Progress while it is under way.")
    process = models.UUIDField(null=True, help_text="Which process has it in hand; once that one is dead it is free.")
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="How often it was taken in hand.")
    preview = models.JSONField(default=dict, db_default={}, help_text="What would come in, before it does.")
    correlation_id = models.CharField(
        max_length=64, blank=True, db_default="", default="", help_text="C3's RequestCorrelationID."
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    lines = models.PositiveIntegerField(default=0)
    invoices_new = models.PositiveIntegerField(default=0)
    invoices_updated = models.PositiveIntegerField(default=0)
    invoices_unchanged = models.PositiveIntegerField(default=0)
    invoices_differing = models.PositiveIntegerField(default=0)
    invoices_held_back = models.PositiveIntegerField(default=0, db_default=0)
    errors = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.get_state_display()}"

    def get_absolute_url(self) -> str:
        return reverse("import_run", args=[self.pk])

    @property
    def may_be_undone(self) -> bool:
        """Whether there is anything to take back: what came in, or that it holds invoices back."""
        if self.state in (self.State.NOTHING_NEW, self.State.REFUSED):
            return self.held_back.filter(resolved_at=None).exists()
        return self.state == self.State.IMPORTED

    @property
    def summary(self) -> str:
        if self.state in (self.State.WAITING, self.State.COLUMNS, self.State.READY, self.State.RUNNING):
            return "Nothing is imported yet."
        if self.state in (self.State.REFUSED, self.State.DISCARDED):
            errors = f"; {self.errors:,} error{'' if self.errors == 1 else 's'}" if self.errors else ""
            return f"Nothing was imported{errors}."
        held_back = f", {self.invoices_held_back:,} held back" if self.invoices_held_back else ""
        return (
            f"Lines {self.lines:,}; invoices: {self.invoices_new:,} new, {self.invoices_updated:,} updated, "
            f"{self.invoices_unchanged:,} unchanged, {self.invoices_differing:,} differ from posted{held_back}."
        )


class ImportFinding(models.Model):
    """What a run found: an error of a refused file, why an invoice was held back, or what differs in one that was
    already sent."""

    class Kind(models.TextChoices):
        ERROR = "error", "Error"
        HELD_BACK = "held_back", "Held back"
        DIFFERENCE = "difference", "Differs from what was sent"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.ERROR, db_default=Kind.ERROR)
    row = models.PositiveIntegerField(help_text="As a spreadsheet counts: the header of a CSV is row 1.")
    invoice_number = models.CharField(max_length=255, blank=True)
    field = models.CharField(max_length=50, blank=True)
    reason = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"Row {self.row}", self.field or self.invoice_number) if part)
        return f"{where}: {self.reason}"


class HeldBackInvoice(models.Model):
    """An invoice of a file that did not come in, while the others did; its findings say why. It is open until a later
    file has it right, or a person closes it."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="held_back")
    number = models.CharField(max_length=255, blank=True)
    customer_name = models.CharField(max_length=255, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    total = models.DecimalField(max_digits=15, decimal_places=2, null=True, help_text="As far as it could be read.")
    billing_id = models.CharField(max_length=50, blank=True)
    resolved_by = models.ForeignKey(
        ImportRun, null=True, on_delete=models.SET_NULL, related_name="resolved", help_text="Has it right."
    )
    resolved_at = models.DateTimeField(null=True)
    customer_key = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Empty when it could not be read."
    )
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    close_reason = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Why a person closed it; empty when a file did.",
    )

    class Meta:
        ordering = ["-run", "number", "pk"]
        indexes = [models.Index(fields=["number"], condition=models.Q(resolved_at=None), name="held_back_open")]

    def __str__(self) -> str:
        return self.number or f"without a number, import {self.run_id}"


class ReplacedInvoice(models.Model):
    """An invoice as it was before an import changed it, for undoing that import."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="replaced")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="+")
    before = models.JSONField(help_text="The invoice's fields and its lines.")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "invoice"], name="replaced_once_each_run")]

    def __str__(self) -> str:
        return f"{self.invoice_id} before import {self.run_id}"


class ReplacedCustomer(models.Model):
    """What an import wrote of a customer that was there, for undoing that import."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="replaced_customers")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    before = models.JSONField(help_text="The fields that imports write, as they were.")
    after = models.JSONField(help_text="The same fields, as it wrote them.")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="replaced_customer_once_each_run")]

    def __str__(self) -> str:
        return f"{self.customer_id} before import {self.run_id}"


class DuplicateDecisionQuerySet(models.QuerySet["DuplicateDecision"]):
    def in_force(self) -> Self:
        """Return those made about what both invoices say now."""
        return self.filter(invoice_billed_hash=F("invoice__billed_hash"), other_billed_hash=F("other__billed_hash"))


class DuplicateDecision(models.Model):
    """What a person decided about an invoice that looks like another one. It is in force as long as both say what they
    said then."""

    class Decision(models.TextChoices):
        POST = "post", "Post it anyway"
        EXCLUDE = "exclude", "Do not post it"
        REPLACE = "replace", "It replaces the other"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="duplicate_decisions")
    other = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="+")
    decision = models.CharField(max_length=10, choices=Decision)
    reason = models.CharField(max_length=500, blank=True)
    invoice_billed_hash = models.CharField(max_length=64, blank=True, db_default="", default="")
    other_billed_hash = models.CharField(max_length=64, blank=True, db_default="", default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)

    objects = DuplicateDecisionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["invoice", "other"], name="duplicate_decided_once")]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_decision_display()}"

    @staticmethod
    def replaced_by(number: str) -> str:
        """Return why an invoice is ignored that the one of this number replaces."""
        return f"Replaced by {number}"[:500]
