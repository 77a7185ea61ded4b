"""The app's settings, the tokens, and the organisations."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Self
from urllib.parse import quote

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from c3portal.database import clock
from c3portal.encryption.fields import EncryptedTextField
from xero_integration.client import scopes
from xero_integration.client.vocabulary import DocumentStatus

# Of an unused one. https://developer.xero.com/documentation/guides/oauth2/token-types/
A_MINUTE = dt.timedelta(minutes=1)
REFRESH_TOKEN_LIFE = dt.timedelta(days=60)


class InvoiceStatus(models.TextChoices):
    DRAFT = DocumentStatus.DRAFT.value, "Draft"
    SUBMITTED = DocumentStatus.SUBMITTED.value, "Awaiting approval"
    AUTHORISED = DocumentStatus.AUTHORISED.value, "Approved"


class DifferencePolicy(models.TextChoices):
    """What to do with an invoice whose total Xero would round to other cents."""

    BLOCK = "block", "Do not post it"
    WARN = "warn", "Post it and flag the difference"
    ROUNDING_LINE = "rounding_line", "Add a rounding line"


class XeroSettings(models.Model):
    """Settings → General: one row."""

    client_id = models.CharField("Client ID", max_length=64, blank=True)
    client_secret = EncryptedTextField("Client Secret", blank=True, default="")
    broad_scopes = models.BooleanField("The app was made before 2 March 2026", default=False, db_default=False)
    theme_name = models.CharField("Theme", max_length=255, blank=True)
    theme_id = models.CharField(max_length=36, blank=True)
    license_account_code = models.CharField("License based SKUs", max_length=10, blank=True)
    azure_account_code = models.CharField("Azure Usage based SKUs", max_length=10, blank=True)
    custom_account_code = models.CharField("Custom offer SKUs", max_length=10, blank=True)
    invoice_status = models.CharField(
        "Invoices are created in Xero as", max_length=10, choices=InvoiceStatus, default=InvoiceStatus.DRAFT
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
    reference_template = models.CharField("Reference", max_length=255, blank=True, default="", db_default="")
    again_suffix = models.CharField(
        "Suffix of numbers that are not free again", max_length=20, blank=True, default="-R", db_default="-R"
    )
    allocate_credit_notes = models.BooleanField(
        "Set credit notes against the oldest open invoice", default=False, db_default=False
    )
    allocate_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when: what was uploaded before stays as it is."
    )
    webhook_key = EncryptedTextField(
        "Webhook signing key",
        blank=True,
        default="",
        db_default="",
        help_text="By which deliveries of Xero's are known.",
    )
    webhook_heard_at = models.DateTimeField(null=True, help_text="When Xero last delivered, to the minute.")
    restored_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the database came back from a backup; organisations connected later have it from here.",
    )
    move = models.UUIDField(null=True, blank=True, help_text="The move to another database, the same in both of them.")
    moved_to = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Where the portal moves or moved: nothing is sent from here.",
    )
    moved_at = models.DateTimeField(null=True, blank=True, help_text="When all of it had arrived there.")
    two_people = models.BooleanField(
        "Two people",
        default=False,
        db_default=False,
        help_text="Whoever uploads an invoice may not approve it, nor post it as approved: another person does.",
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
        """Return the row, made if need be."""
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def lock(cls) -> XeroSettings:
        """Return the row, held until the transaction ends, what is overridden beside it included."""
        cls.load()
        return cls.objects.select_for_update(no_key=True).get(pk=1)

    @classmethod
    def whereabouts(cls) -> XeroSettings:
        """Return what is known of a move, whether or not the keys in force read the secret."""
        return cls.objects.only("move", "moved_to", "moved_at").first() or cls()

    @classmethod
    def note_webhook_heard(cls) -> None:
        """Keep that a delivery of Xero's came."""
        now = clock.now()
        heard = models.Q(webhook_heard_at=None) | models.Q(webhook_heard_at__lt=now - A_MINUTE)
        cls.objects.filter(heard).update(webhook_heard_at=now)

    @classmethod
    def webhook_key_now(cls) -> str:
        """Return the signing key, "" without one."""
        return cls.objects.values_list("webhook_key", flat=True).first() or ""

    @property
    def has_app(self) -> bool:
        """Whether consent can be asked for."""
        return bool(self.client_id and self.client_secret)

    @property
    def gone(self) -> str:
        """Where the portal moved from this database, in words; "" when it is at home here."""
        if not self.moved_to:
            return ""
        if self.moved_at is None:
            return (
                f"The portal's move to {self.moved_to} was not finished; until then nothing is sent to Xero from here."
            )
        return f"The portal moved to {self.moved_to} on {self.moved_at:%-d %b %Y}; nothing is sent to Xero from here."

    def missing(self) -> list[str]:
        """Return the labels of what an upload needs filled in."""
        needed = ("client_id", "client_secret", "license_account_code", "azure_account_code", "custom_account_code")
        labels = {field.name: str(field.verbose_name) for field in self._meta.concrete_fields}
        return [labels[name] for name in needed if not getattr(self, name)]


class TokenSet(models.Model):
    """The tokens of one consent, for every organisation that this Xero user connected to the app. Who sets
    `lease_until` by conditional UPDATE may refresh."""

    xero_user_id = models.CharField(max_length=36, blank=True)
    access_token = EncryptedTextField(default="")
    refresh_token = EncryptedTextField(default="")
    access_expires_at = models.DateTimeField()
    refreshed_at = models.DateTimeField()
    scopes = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=80, blank=True)
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Tokens {self.pk}"

    @property
    def lacks(self) -> str:
        """What the consent lacks of what the portal needs, in words; "" for nothing."""
        names = scopes.missing(self.scopes)
        return scopes.lacking(*names) if names else ""

    @property
    def dies_at(self) -> dt.datetime:
        """When the refresh token dies unless it is used before."""
        return self.refreshed_at + REFRESH_TOKEN_LIFE


class ConnectionQuerySet(models.QuerySet["XeroConnection"]):
    def current(self) -> XeroConnection | None:
        """Return the organisation that uploads go to, or None."""
        return self.filter(is_current=True).exclude(status=XeroConnection.Status.DISCONNECTED).first()

    def usable(self) -> Self:
        """Return those that calls may be made with, pauses aside."""
        return self.filter(status=XeroConnection.Status.CONNECTED, token_set__isnull=False)


class XeroConnection(models.Model):
    """An organisation in Xero (a tenant) that the portal is or was connected to."""

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
    pause_problem = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="What the pause is for, as `Problem` names it."
    )

    short_code = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=2, blank=True)
    base_currency = models.CharField(max_length=3, blank=True)
    time_zone = models.CharField(max_length=60, blank=True, default="", db_default="", help_text="By its IANA name.")
    organisation_status = models.CharField(max_length=20, blank=True)
    organisation_class = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="Xero's plan: TRIAL and DEMO among them."
    )
    period_lock_date = models.DateField(null=True, blank=True)
    end_of_year_lock_date = models.DateField(null=True, blank=True)
    reference_read_at = models.DateTimeField(null=True, blank=True)
    contacts_read_at = models.DateTimeField(null=True, blank=True)
    payments_read_at = models.DateTimeField(null=True, blank=True)
    contacts_lease_until = models.DateTimeField(null=True, blank=True)
    contacts_lease_holder = models.CharField(max_length=80, blank=True, default="", db_default="")
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
        """Whether calls may be made with it, a pause aside."""
        return self.status == self.Status.CONNECTED and self.token_set_id is not None

    def is_paused(self, now: dt.datetime) -> bool:
        """Whether no call may be made yet."""
        return self.paused_until is not None and self.paused_until > now

    def invoice_url(self, xero_id: str, *, credit_note: bool = False) -> str:
        """Return where this document opens in Xero."""
        page = f"ViewCreditNote.aspx?creditNoteID={xero_id}" if credit_note else f"View.aspx?InvoiceID={xero_id}"
        return self._page_url(f"/AccountsReceivable/{page}")

    def contact_url(self, contact_id: str) -> str:
        """Return where this contact opens in Xero."""
        return self._page_url(f"/Contacts/View/{contact_id}")

    def _page_url(self, page: str) -> str:
        # https://developer.xero.com/documentation/guides/how-to-guides/deep-link-xero/
        origin = (
            "https://go.xero.com" if settings.XERO_LOGIN_URL == "https://login.xero.com" else settings.XERO_LOGIN_URL
        )
        return (
            f"{origin}/organisationlogin/default.aspx?shortcode={quote(self.short_code, safe='')}"
            f"&redirecturl={quote(page, safe='')}"
        )
