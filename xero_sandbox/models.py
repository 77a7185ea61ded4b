"""What the sandbox keeps: organisations with their reference data, documents, and who may reach them."""

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q

from xero_sandbox import clock

ENDED = ["VOIDED", "DELETED"]


class Organisation(models.Model):
    """A tenant. `tenant_id` is what calls name in Xero-Tenant-Id."""

    tenant_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255)
    short_code = models.CharField(max_length=20, unique=True)
    country = models.CharField(max_length=2)
    base_currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=60)
    tax_number = models.CharField(max_length=50, blank=True)
    period_lock_date = models.DateField(null=True)
    year_lock_date = models.DateField(null=True)
    unique_credit_notes = models.BooleanField(default=False)
    # Third parties say that Xero gives a number free with its deleted draft, but not with a voided document.
    free_after_delete = models.BooleanField(default=True, db_default=True)
    free_after_void = models.BooleanField(default=False, db_default=False)
    numbers_ignore_case = models.BooleanField(default=False, db_default=False)
    is_demo = models.BooleanField(default=False, db_default=False)
    mails_a_day = models.IntegerField(default=1000, db_default=1000)
    position = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """A line of the chart of accounts."""

    account_id = models.UUIDField(default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="accounts")
    code = models.CharField(max_length=10)
    name = models.CharField(max_length=150)
    type = models.CharField(max_length=20)
    klass = models.CharField(max_length=20)
    tax_type = models.CharField(max_length=50)
    status = models.CharField(max_length=20, default="ACTIVE")
    system_account = models.CharField(max_length=40, blank=True)
    description = models.CharField(max_length=500, blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["organisation", "code"], name="account_code_unique")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class TaxRate(models.Model):
    """A tax rate; `applies_to` lists the account classes it may be used with."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="tax_rates")
    tax_type = models.CharField(max_length=50)
    name = models.CharField(max_length=50)
    rate = models.DecimalField(max_digits=9, decimal_places=4)
    report_tax_type = models.CharField(max_length=40)
    component = models.CharField(max_length=50)
    applies_to = models.JSONField(default=list)
    status = models.CharField(max_length=20, default="ACTIVE")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "tax_type"], name="tax_type_unique")]

    def __str__(self) -> str:
        return f"{self.name} ({self.rate}%)"


class BrandingTheme(models.Model):
    """An invoice theme."""

    theme_id = models.UUIDField(default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="themes")
    name = models.CharField(max_length=100)
    sort_order = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["sort_order", "name"]

    def __str__(self) -> str:
        return self.name


class Currency(models.Model):
    """A currency the organisation has subscribed to."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="currencies")
    code = models.CharField(max_length=3)
    description = models.CharField(max_length=100)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["organisation", "code"], name="currency_unique")]

    def __str__(self) -> str:
        return self.code


class TrackingCategory(models.Model):
    """A tracking category with its options by name."""

    category_id = models.UUIDField(default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="tracking_categories")
    name = models.CharField(max_length=100)
    options = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A customer or supplier. Names are unique among active contacts, contact numbers among all."""

    contact_id = models.UUIDField(default=uuid.uuid4, unique=True)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=255)
    name_key = models.CharField(max_length=255)
    number = models.CharField(max_length=50, blank=True)
    account_number = models.CharField(max_length=50, blank=True)
    email = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, default="ACTIVE")
    details = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name_key"], condition=Q(status="ACTIVE"), name="contact_name_unique"
            ),
            models.UniqueConstraint(
                fields=["organisation", "number"], condition=~Q(number=""), name="contact_number_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """An invoice (ACCREC), credit note (ACCRECCREDIT), prepayment or overpayment (RECEIVE-…). Amounts are whole cents,
    lines are wire JSON."""

    document_id = models.UUIDField(default=uuid.uuid4, unique=True)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="documents")
    type = models.CharField(max_length=20)
    number = models.CharField(max_length=255)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="documents")
    client_id = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=20)
    date = models.DateField()
    due_date = models.DateField(null=True)
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=18, decimal_places=6, default=1, db_default=1)
    line_amount_types = models.CharField(max_length=20)
    reference = models.CharField(max_length=255, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    theme_id = models.UUIDField(null=True)
    sent_to_contact = models.BooleanField(default=False)
    sub_total_cents = models.BigIntegerField()
    tax_cents = models.BigIntegerField()
    total_cents = models.BigIntegerField()
    paid_cents = models.BigIntegerField(default=0)
    # Of an invoice, what was credited on it; of credit, what was allocated of it.
    credited_cents = models.BigIntegerField(default=0, db_default=0)
    fully_paid_on = models.DateField(null=True)
    lines = models.TextField()
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["organisation", "type", "number"], name="document_number"),
            models.Index(fields=["organisation", "type", "url"], name="document_url"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "type", "number"],
                condition=Q(type="ACCREC") & ~Q(status__in=ENDED),
                name="invoice_number_unique",
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Decimal:
        """The total with tax."""
        return dollars(self.total_cents)

    @property
    def due(self) -> Decimal:
        """What remains to be paid: nothing on a document that was voided or deleted."""
        return dollars(0 if self.status in ENDED else self.total_cents - self.paid_cents - self.credited_cents)

    @property
    def settled(self) -> bool:
        """Whether a payment or credit stands against it, in part or in full."""
        return bool(self.paid_cents or self.credited_cents)


class Payment(models.Model):
    """A payment on an invoice, or a refund on a credit note."""

    payment_id = models.UUIDField(default=uuid.uuid4, unique=True)
    document = models.ForeignKey(Document, models.CASCADE, related_name="payments")
    amount_cents = models.BigIntegerField()
    date = models.DateField()
    reference = models.CharField(max_length=255, blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.amount} on {self.date}"

    @property
    def amount(self) -> Decimal:
        """The amount paid."""
        return dollars(self.amount_cents)


class Allocation(models.Model):
    """Credit that is set against an invoice."""

    allocation_id = models.UUIDField(default=uuid.uuid4, unique=True)
    source = models.ForeignKey(Document, models.CASCADE, related_name="allocations")
    invoice = models.ForeignKey(Document, models.CASCADE, related_name="credits")
    amount_cents = models.BigIntegerField()
    date = models.DateField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.amount} of {self.source} to {self.invoice}"

    @property
    def amount(self) -> Decimal:
        """The amount allocated."""
        return dollars(self.amount_cents)


class Mail(models.Model):
    """An invoice that was mailed to its contact. The same invoice may be mailed again."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="mails")
    address = models.CharField(max_length=255)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.document} to {self.address}"


class HistoryNote(models.Model):
    """What happened to a document, when, and through whom."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="history")
    changes = models.CharField(max_length=50)
    details = models.CharField(max_length=2500)
    user = models.CharField(max_length=100)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.changes} by {self.user}"


class App(models.Model):
    """An app registered under My Apps. Those made before March 2026 may use the broad scopes."""

    client_id = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    company_url = models.CharField(max_length=500)
    redirect_uris = models.JSONField(default=list)
    broad_scopes = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name


class Secret(models.Model):
    """A client secret, kept as a digest; `hint` is its last characters for telling two apart."""

    app = models.ForeignKey(App, models.CASCADE, related_name="secrets")
    digest = models.CharField(max_length=64)
    hint = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"ends in {self.hint}"


class Grant(models.Model):
    """What one consent gave: every token made from it dies with it."""

    grant_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    app = models.ForeignKey(App, models.CASCADE, related_name="grants")
    auth_event_id = models.UUIDField()
    scope = models.TextField()
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return str(self.grant_id)


class Code(models.Model):
    """An authorisation code, kept as a digest."""

    digest = models.CharField(max_length=64, unique=True)
    grant = models.ForeignKey(Grant, models.CASCADE, related_name="codes")
    redirect_uri = models.CharField(max_length=2000)
    challenge = models.CharField(max_length=128, blank=True)
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"code of {self.grant_id}"


class RefreshToken(models.Model):
    """A refresh token, kept as a digest. `used_at` starts its grace period."""

    digest = models.CharField(max_length=64, unique=True)
    grant = models.ForeignKey(Grant, models.CASCADE, related_name="refresh_tokens")
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"refresh token of {self.grant_id}"


class Connection(models.Model):
    """That an app may reach an organisation. Xero calls its key the connection id."""

    connection_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    app = models.ForeignKey(App, models.CASCADE, related_name="connections")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="connections")
    auth_event_id = models.UUIDField()
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["app", "organisation"], name="connection_unique")]

    def __str__(self) -> str:
        return f"{self.app} to {self.organisation}"


class Webhook(models.Model):
    """Where an app wants to be told of changes. Nothing is sent before it confirmed, or once it was switched off."""

    app = models.OneToOneField(App, models.CASCADE, related_name="webhook")
    url = models.CharField(max_length=2000)
    key = models.CharField(max_length=100)
    categories = models.JSONField(default=list)
    tells_payments = models.BooleanField(default=True)
    status = models.CharField(max_length=20, default="UNCONFIRMED")
    problem = models.CharField(max_length=200, blank=True)
    fault = models.CharField(max_length=20, blank=True, default="", db_default="")
    tries = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.app} at {self.url}"


class WebhookEvent(models.Model):
    """One thing that happened to a document, or to a contact, for one webhook."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="events")
    document = models.ForeignKey(Document, models.CASCADE, null=True)
    contact = models.ForeignKey(Contact, models.CASCADE, null=True)
    sequence = models.IntegerField()
    event_type = models.CharField(max_length=10)
    at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)
    # How often it was ordered once more: a delivery under way at that moment does not count for the new order.
    replays = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["sequence"]
        indexes = [models.Index(fields=["webhook", "delivered_at"], name="webhook_event_pending")]

    def __str__(self) -> str:
        return f"{self.event_type} of {self.document or self.contact}"


def dollars(cents: int) -> Decimal:
    """Return whole cents as an amount with two decimals."""
    return Decimal(cents).scaleb(-2)
