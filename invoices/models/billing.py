"""What was billed: customers, billing periods, invoices and their lines."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from c3portal.database import clock
from invoices.models.fields import ExactDecimalField
from invoices.models.statuses import IN_PROGRESS, UPLOADABLE


class Customer(models.Model):
    """Who is billed: a customer of the partner, known by its tenant id at Microsoft, or a reseller; names are not
    unique. One without a tenant id has a key of ours in its place."""

    class Key(models.TextChoices):
        """What `tenant_id` is made of."""

        TENANT = "tenant", "Tenant id"
        ERP = "erp", "ERP id"
        NAME = "name", "Name"
        RESELLER = "reseller", "Reseller's name"

    tenant_id = models.CharField(max_length=50, unique=True)
    key_from = models.CharField(max_length=10, choices=Key, default=Key.TENANT, db_default=Key.TENANT)
    name = models.CharField(max_length=255)
    erp_id = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=255, blank=True)
    country = models.CharField(max_length=2, blank=True)
    c3_details = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="What C3 knows besides: address, tags, reseller, e-mail."
    )

    c3_read_at = models.DateTimeField("C3 gave its details", null=True, blank=True)
    same_as = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Of a reseller: the customer that it is too, as a person said; itself when it is none.",
    )

    class Meta:
        ordering = ["name", "tenant_id"]

    def __str__(self) -> str:
        return self.name


class BillingPeriod(models.Model):
    """A billing period, as C3 numbers it (BillingId, the day it was billed as YYYYMMDD)."""

    billing_id = models.CharField(max_length=50, unique=True)
    c3_id = models.PositiveIntegerField("C3's number", null=True, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta:
        ordering = ["-ends_on", "-billing_id"]

    def __str__(self) -> str:
        return f"{self.ends_on:%B %Y} ({self.starts_on:%-d %b %Y} to {self.ends_on:%-d %b %Y})"


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def uploadable(self) -> Self:
        """Return those that UPLOAD TO XERO may take."""
        return self.not_sent().filter(ignored_because="")

    def not_sent(self) -> Self:
        """Return those neither in Xero nor on their way there."""
        return self.filter(Q(posting__isnull=True) | Q(posting__status__in=UPLOADABLE))

    def not_in_progress(self) -> Self:
        return self.exclude(posting__status__in=IN_PROGRESS)


class Invoice(models.Model):
    """One customer invoice of a period. Amounts are in `currency`, to the cent: the sum of its lines' cents."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period = models.ForeignKey(BillingPeriod, on_delete=models.PROTECT, related_name="invoices")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    bill_to = models.ForeignKey(
        Customer,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="billed_invoices",
        help_text="The reseller who is billed in place of the customer.",
    )
    number = models.CharField(max_length=255, unique=True)
    # `number`, or a transliteration when that is not printable ASCII.
    xero_number = models.CharField(max_length=255, unique=True)
    issued_on = models.DateField()
    due_on = models.DateField()
    currency = models.CharField(max_length=3)
    subtotal = models.DecimalField(max_digits=15, decimal_places=2)
    tax = models.DecimalField(max_digits=15, decimal_places=2)
    total = models.DecimalField(max_digits=15, decimal_places=2)
    exact_total = ExactDecimalField(
        null=True, blank=True, help_text="The sum of the lines before they are rounded to cents."
    )
    service_start = models.DateField(null=True, blank=True, help_text="The first day that a line charges for.")
    service_end = models.DateField(null=True, blank=True, help_text="The last day that a line charges for.")
    billed_hash = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        default="",
        help_text="SHA-256 of what was billed, without number, billing period and names.",
    )
    # Nothing is equal to null, so what has none is like nothing.
    charges_hash = models.CharField(
        max_length=64, null=True, blank=True, help_text="The same without the customer's key."
    )
    keyless_hash = models.CharField(
        max_length=64, null=True, blank=True, help_text="`charges_hash` again, where the customer has no tenant id."
    )
    named_hash = models.CharField(
        max_length=64, null=True, blank=True, help_text="The same with the customer's name in place of the key."
    )
    purchase_order = models.CharField(max_length=255, blank=True, db_default="", default="")
    import_run = models.ForeignKey(
        "invoices.ImportRun",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="invoices",
        help_text="The import that brought it first.",
    )
    source_hash = models.CharField(
        max_length=64, help_text="SHA-256 of the lines as imported: tells a changed file from a repeated one."
    )
    difference = models.TextField(blank=True, help_text="What a later import says differently, once it was sent.")
    ignored_because = models.CharField(
        max_length=500, blank=True, help_text="Why it must not go to Xero; empty when it may."
    )
    ignored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ignored_at = models.DateTimeField(null=True, blank=True)
    imported_at = models.DateTimeField(auto_now=True)

    # Made here, and by no import: a credit note, or an invoice over what was missing, for one that is in Xero.
    corrects = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="corrections",
        help_text="The invoice that it corrects.",
    )
    reason = models.CharField(max_length=500, blank=True, db_default="", default="", help_text="Why it was corrected.")
    contact_id = models.CharField(
        max_length=36,
        blank=True,
        db_default="",
        default="",
        help_text="Of a correction: the contact in Xero that the corrected invoice is on, whoever is linked by now.",
    )

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(fields=["period", "number"]),
            # What the periods come to: no row is read for it.
            models.Index(fields=["period", "currency", "total"], name="invoice_sums"),
            models.Index(Lower("xero_number"), name="invoice_xero_number_lower"),
            models.Index(fields=["period"], condition=~Q(difference=""), name="invoice_differs"),
            models.Index(fields=["billed_hash"], condition=~Q(billed_hash=""), name="invoice_billed_hash"),
            models.Index(fields=["charges_hash"], condition=Q(charges_hash__isnull=False), name="invoice_charges"),
            models.Index(fields=["keyless_hash"], condition=Q(keyless_hash__isnull=False), name="invoice_keyless"),
            models.Index(fields=["named_hash"], condition=Q(named_hash__isnull=False), name="invoice_named"),
            models.Index(fields=["customer", "service_start", "service_end"], name="invoice_service_dates"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def billed_to(self) -> Customer:
        """Who gets the invoice."""
        return self.bill_to or self.customer

    def get_absolute_url(self) -> str:
        return reverse("invoice", args=[self.pk])

    @property
    def may_go(self) -> bool:
        """Whether `uploadable` has it; its posting should be loaded."""
        posting = getattr(self, "posting", None)
        return not self.ignored_because and (posting is None or posting.status in UPLOADABLE)

    @property
    def number_in_xero(self) -> str:
        """The number under which it goes to Xero, or went there; its posting should be loaded."""
        posting = getattr(self, "posting", None)
        return self.xero_number if posting is None else posting.number or self.xero_number

    @property
    def attempt(self) -> int:
        """How often it was in Xero and taken back; its posting should be loaded."""
        posting = getattr(self, "posting", None)
        return 0 if posting is None else posting.attempt

    @property
    def is_credit_note(self) -> bool:
        # Xero takes a negative total only as a credit note: https://developer.xero.com/documentation/api/accounting/creditnotes/
        return self.total < 0

    @property
    def is_correction(self) -> bool:
        """Whether the portal made it, to correct another one."""
        return self.corrects_id is not None

    @property
    def is_transliterated(self) -> bool:
        return self.number != self.xero_number


class LineFacts(models.Model):
    """One charge, in the source's own precision; `source` keeps the import row's fields."""

    class Kind(models.TextChoices):
        """Which of the three account codes of Settings → General a line goes to."""

        LICENSE = "license", "License based SKUs"
        AZURE = "azure", "Azure Usage based SKUs"
        CUSTOM = "custom", "Custom offer SKUs"

    position = models.PositiveIntegerField()
    # Empty while nobody has said which kind the source's category is: it cannot be posted.
    kind = models.CharField(max_length=10, choices=Kind, blank=True)
    sku = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=4000)
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
        abstract = True

    def __str__(self) -> str:
        return self.name


class InvoiceLine(LineFacts):
    """A charge of an invoice."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    # Of corrections, which go as the corrected line did, whatever the settings say by now; else the rules decide.
    account_code = models.CharField(max_length=50, blank=True, db_default="", default="")
    tax_type = models.CharField(max_length=50, blank=True, db_default="", default="")

    class Meta:
        ordering = ["invoice_id", "position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="line_position_once_each_invoice")]
        indexes = [
            # Few at any time, among all that were ever imported.
            models.Index(fields=["kind"], condition=Q(kind=""), name="line_without_a_kind"),
            models.Index(fields=["sku", "kind", "id"], name="line_by_sku"),
        ]


class BilledTax(models.Model):
    """How many lines of a customer's invoices, or of those that this reseller is billed, have a tax: the sum of the
    rows (`importing/billed_taxes`)."""

    # The release before, which does not know of these rows, may delete whom they name.
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    bill_to = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    tax_name = models.CharField(max_length=100, blank=True)
    tax_percentage = ExactDecimalField()
    lines = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.lines:+} of {self.tax_name} {self.tax_percentage}"


class LaterVersion(models.Model):
    """What a later file says of an invoice that was sent, for the same customer: its `facts`, as of
    `importing/later.py`, and its lines. The newest counts; an older one stays while Xero is asked for it."""

    id = models.UUIDField(primary_key=True, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="later_versions")
    run = models.ForeignKey(
        "invoices.ImportRun", null=True, on_delete=models.SET_NULL, related_name="later_versions", help_text="Its file."
    )
    facts = models.JSONField()
    kept_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["kept_at", "pk"]

    def __str__(self) -> str:
        return f"{self.invoice_id} as of {self.kept_at}"


class LaterLine(LineFacts):
    """A charge of a later version."""

    version = models.ForeignKey(LaterVersion, on_delete=models.CASCADE, related_name="lines")

    class Meta:
        ordering = ["version_id", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="line_once_each_later_version")]
