"""What the portal knows of Xero: the app's settings, the connections, each organisation's own reference data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from urllib.parse import quote

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from xero_integration.fields import EncryptedTextField

REFRESH_TOKEN_LIFE = dt.timedelta(days=60)


class InvoiceStatus(models.TextChoices):
    """The status an invoice is created with in Xero."""

    DRAFT = "DRAFT", "Draft"
    SUBMITTED = "SUBMITTED", "Awaiting approval"
    AUTHORISED = "AUTHORISED", "Approved"


class DifferencePolicy(models.TextChoices):
    """What to do with an invoice whose total would come out differently in Xero, by a few cents of rounding."""

    BLOCK = "block", "Do not post it"
    WARN = "warn", "Post it and flag the difference"
    ROUNDING_LINE = "rounding_line", "Add a rounding line"


class XeroSettings(models.Model):
    """Settings → General: one row for the portal."""

    client_id = models.CharField("Client ID", max_length=64, blank=True)
    client_secret = EncryptedTextField("Client Secret", blank=True, default="")
    theme_name = models.CharField("Theme", max_length=255, blank=True)
    theme_id = models.CharField(max_length=36, blank=True)
    license_account_code = models.CharField("License based SKUs", max_length=10, blank=True)
    azure_account_code = models.CharField("Azure Usage based SKUs", max_length=10, blank=True)
    custom_account_code = models.CharField("Custom offer SKUs", max_length=10, blank=True)
    invoice_status = models.CharField(
        "Invoices arrive in Xero as", max_length=10, choices=InvoiceStatus, default=InvoiceStatus.DRAFT
    )
    difference_policy = models.CharField(
        "When a total differs by rounding", max_length=15, choices=DifferencePolicy, default=DifferencePolicy.BLOCK
    )
    difference_limit = models.DecimalField(
        "Up to this difference",
        max_digits=5,
        decimal_places=2,
        default=Decimal("0.05"),
        validators=[MinValueValidator(Decimal("0.00")), MaxValueValidator(Decimal("1.00"))],
    )
    rounding_account_code = models.CharField("Account of rounding lines", max_length=10, blank=True)
    restored_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the database came back from a backup; organisations connected later have it from here.",
    )
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name_plural = "Xero settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="xero_settings_is_one_row")]

    def __str__(self) -> str:
        return "Settings → General"

    @classmethod
    def load(cls) -> XeroSettings:
        """Return the one row, made when it is not there yet."""
        return cls.objects.get_or_create(pk=1)[0]

    @property
    def has_app(self) -> bool:
        """Whether there is enough to ask Xero for consent."""
        return bool(self.client_id and self.client_secret)

    def missing(self) -> list[str]:
        """Return the labels of what must still be filled in before invoices can be uploaded, in the form's order."""
        needed = ("client_id", "client_secret", "license_account_code", "azure_account_code", "custom_account_code")
        labels = {field.name: str(field.verbose_name) for field in self._meta.concrete_fields}
        return [labels[name] for name in needed if not getattr(self, name)]


class TokenSet(models.Model):
    """The tokens of one consent; one set serves every organisation that this Xero user connected to the app.

    The refresh token rotates at each use. `lease_until` is the single-flight lock: whoever sets it by conditional
    UPDATE may refresh, everyone else waits for the new pair to appear.
    """

    xero_user_id = models.CharField(max_length=36, blank=True)
    access_token = EncryptedTextField(default="")
    refresh_token = EncryptedTextField(default="")
    access_expires_at = models.DateTimeField()
    refreshed_at = models.DateTimeField()
    scopes = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=36, blank=True)
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Tokens {self.pk}"

    @property
    def dies_at(self) -> dt.datetime:
        """When the refresh token dies unless it is used before (Xero: 60 days unused)."""
        return self.refreshed_at + REFRESH_TOKEN_LIFE


class ConnectionQuerySet(models.QuerySet["XeroConnection"]):
    """Sets of connections."""

    def current(self) -> XeroConnection | None:
        """Return the organisation that uploads go to, with its tokens, or None while nothing is connected."""
        return self.filter(is_current=True).exclude(status=XeroConnection.Status.DISCONNECTED).first()


class XeroConnection(models.Model):
    """One organisation in Xero (a tenant) that the portal is or was connected to."""

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        NEEDS_RECONNECTING = "needs_reconnecting", "Needs reconnecting"
        DISCONNECTED = "disconnected", "Disconnected"

    tenant_id = models.CharField(max_length=36, unique=True)
    connection_id = models.CharField(max_length=36)
    name = models.CharField(max_length=255)
    token_set = models.ForeignKey(
        TokenSet, null=True, blank=True, on_delete=models.SET_NULL, related_name="connections"
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.CONNECTED)
    status_reason = models.TextField(blank=True)
    is_current = models.BooleanField(default=False)
    connected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    connected_at = models.DateTimeField(default=timezone.now)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.TextField(blank=True)

    short_code = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=2, blank=True)
    base_currency = models.CharField(max_length=3, blank=True)
    organisation_status = models.CharField(max_length=20, blank=True)
    period_lock_date = models.DateField(null=True, blank=True)
    end_of_year_lock_date = models.DateField(null=True, blank=True)
    reference_read_at = models.DateTimeField(null=True, blank=True)
    contacts_read_at = models.DateTimeField(null=True, blank=True)
    payments_read_at = models.DateTimeField(null=True, blank=True)
    contacts_lease_until = models.DateTimeField(null=True, blank=True)
    restored_at = models.DateTimeField(
        null=True, blank=True, help_text="When the database came back from a backup: Xero may know more than it does."
    )

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"], condition=models.Q(is_current=True), name="one_current_connection"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Whether calls may be made with it (a pause aside)."""
        return self.status == self.Status.CONNECTED and self.token_set_id is not None

    def is_paused(self, now: dt.datetime) -> bool:
        """Whether Xero asked to wait (Retry-After) or could not be reached a moment ago."""
        return self.paused_until is not None and self.paused_until > now

    def invoice_url(self, xero_id: str, *, credit_note: bool = False) -> str:
        """Return the address at which this document opens in Xero (reference: Xero's deep-linking page)."""
        page = f"ViewCreditNote.aspx?creditNoteID={xero_id}" if credit_note else f"View.aspx?InvoiceID={xero_id}"
        return self._page_url(f"/AccountsReceivable/{page}")

    def contact_url(self, contact_id: str) -> str:
        """Return the address at which this contact opens in Xero (reference: Xero's deep-linking page)."""
        return self._page_url(f"/Contacts/View/{contact_id}")

    def _page_url(self, page: str) -> str:
        origin = (
            "https://go.xero.com" if settings.XERO_LOGIN_URL == "https://login.xero.com" else settings.XERO_LOGIN_URL
        )
        return (
            f"{origin}/organisationlogin/default.aspx?shortcode={quote(self.short_code, safe='')}"
            f"&redirecturl={quote(page, safe='')}"
        )


class CallBudget(models.Model):
    """What of an organisation's call limits is in use, shared by all workers; only `limits` reads and writes it.

    `version` makes each change a conditional UPDATE. `in_flight` holds, by permit, when its call must be over (epoch
    seconds); `started` counts the calls of the last minute in sixty steps.
    """

    connection = models.OneToOneField(XeroConnection, on_delete=models.CASCADE, related_name="budget")
    version = models.PositiveBigIntegerField(default=0)
    in_flight = models.JSONField(default=dict)
    started = models.JSONField(default=dict)
    minute_limit = models.PositiveIntegerField(default=60)
    day_remaining = models.PositiveIntegerField(null=True)
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Calls of {self.connection_id}"


class CallCount(models.Model):
    """How many calls of a kind ended how, and how long they took: what monitoring reads.

    One row for each bucket of duration; `bucket` is its upper end in seconds, 0 for what took longer than all of them.
    """

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="call_counts")
    endpoint = models.CharField(max_length=30)
    result = models.CharField(max_length=20)
    bucket = models.FloatField()
    calls = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "endpoint", "result", "bucket"], name="one_count_each_kind_of_call"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.result}: {self.calls}"


class ReferenceData(models.Model):
    """A row that Xero keeps for an organisation and the portal holds a copy of."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="%(class)ss")
    name = models.CharField(max_length=255)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Account(ReferenceData):
    """An account of the organisation's chart of accounts."""

    REVENUE_TYPES = ("REVENUE", "SALES", "OTHERINCOME")

    code = models.CharField(max_length=10)
    type = models.CharField(max_length=30)
    status = models.CharField(max_length=20)
    tax_type = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="account_code_once_each_connection")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def takes_sales(self) -> bool:
        """Whether a sales invoice line may be posted to it."""
        return self.status == "ACTIVE" and self.type in self.REVENUE_TYPES


class BrandingTheme(ReferenceData):
    """An invoice theme."""

    theme_id = models.CharField(max_length=36)
    sort_order = models.IntegerField(default=0)

    class Meta:
        ordering = ["sort_order", "name"]
        constraints = [models.UniqueConstraint(fields=["connection", "theme_id"], name="theme_once_each_connection")]


class TaxRate(ReferenceData):
    """A tax rate; `effective_rate` is a percentage (10 means 10 %)."""

    tax_type = models.CharField(max_length=50)
    status = models.CharField(max_length=20)
    effective_rate = models.DecimalField(max_digits=9, decimal_places=4)
    can_apply_to_revenue = models.BooleanField(default=False)
    components = models.JSONField(default=list, help_text="Name and percentage of each part, as [name, percentage].")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["connection", "tax_type"], name="tax_type_once_each_connection")]


class Currency(ReferenceData):
    """A currency that the organisation has switched on."""

    code = models.CharField(max_length=3)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "currencies"
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="currency_once_each_connection")]


class TrackingCategory(ReferenceData):
    """A tracking category with its active options' names."""

    category_id = models.CharField(max_length=36)
    status = models.CharField(max_length=20)
    options = models.JSONField(default=list)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "tracking categories"
        constraints = [
            models.UniqueConstraint(fields=["connection", "category_id"], name="tracking_once_each_connection")
        ]


class Contact(ReferenceData):
    """A contact of the organisation, as last read: what customers are matched against without a look-up each."""

    ACTIVE = "ACTIVE"

    contact_id = models.CharField(max_length=36)
    contact_number = models.CharField(max_length=50, blank=True, db_index=True)
    status = models.CharField(max_length=20)
    merged_into = models.CharField(max_length=36, blank=True, help_text="The contact it was merged into in Xero.")
    name_key = models.CharField(
        max_length=255, db_index=True, help_text="The name, casefolded, with runs of blanks as one."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "contact_id"], name="contact_once_each_connection")
        ]


class ContactLink(models.Model):
    """Remembers which contact a customer is; two customers never share one.

    `customer_key` is the customer's tenant id at Microsoft, which is also the ContactNumber in Xero.
    """

    class MatchedBy(models.TextChoices):
        NUMBER = "number", "Contact number"
        NAME = "name", "Name"
        HAND = "hand", "Linked by hand"
        CREATED = "created", "Created by the portal"

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="contact_links")
    customer_key = models.CharField(max_length=50)
    contact_id = models.CharField(max_length=36)
    contact_name = models.CharField(max_length=255)
    matched_by = models.CharField(max_length=10, choices=MatchedBy)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "customer_key"], name="one_contact_each_customer"),
            models.UniqueConstraint(fields=["connection", "contact_id"], name="one_customer_each_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_key} → {self.contact_name}"


class UnlinkedContact(models.Model):
    """Remembers that a person took a contact away from a customer, who is not matched with it by itself again."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="unlinked_contacts")
    customer_key = models.CharField(max_length=50)
    contact_id = models.CharField(max_length=36)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "customer_key", "contact_id"], name="unlinked_once")
        ]

    def __str__(self) -> str:
        return f"{self.customer_key} is not {self.contact_id}"
