"""An organisation's reference data, copied, and which contact a customer is."""

from __future__ import annotations

from django.db import models

from c3portal.database import clock
from xero_integration.client.vocabulary import RecordStatus
from xero_integration.models.connections import XeroConnection


class ReferenceData(models.Model):
    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="%(class)ss")
    name = models.CharField(max_length=255)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Account(ReferenceData):
    code = models.CharField(max_length=10)
    type = models.CharField(max_length=30)
    status = models.CharField(max_length=20)
    tax_type = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["connection", "code"], name="account_code_once_each_connection")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


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
    """A contact of the organisation, as last listed."""

    ACTIVE = RecordStatus.ACTIVE

    contact_id = models.CharField(max_length=36)
    contact_number = models.CharField(max_length=50, blank=True, db_index=True)
    status = models.CharField(max_length=20)
    merged_into = models.CharField(max_length=36, blank=True, help_text="The contact it was merged into in Xero.")
    email = models.CharField(max_length=255, blank=True, default="", db_default="")
    address = models.JSONField(
        null=True, help_text="line1, line2, city, state, zip, country; null when it was never read."
    )
    name_key = models.CharField(
        max_length=255, db_index=True, help_text="The name, casefolded, with runs of blanks as one."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "contact_id"], name="contact_once_each_connection")
        ]


class ContactLink(models.Model):
    """Which contact a customer is; two customers never share one. `customer_key`: the tenant id at Microsoft, which
    is also the ContactNumber."""

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
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "customer_key"], name="one_contact_each_customer"),
            models.UniqueConstraint(fields=["connection", "contact_id"], name="one_customer_each_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_key} → {self.contact_name}"


class UnlinkedContact(models.Model):
    """A contact that a person took away from a customer, never matched with it again."""

    connection = models.ForeignKey(XeroConnection, on_delete=models.CASCADE, related_name="unlinked_contacts")
    customer_key = models.CharField(max_length=50)
    contact_id = models.CharField(max_length=36)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "customer_key", "contact_id"], name="unlinked_once")
        ]

    def __str__(self) -> str:
        return f"{self.customer_key} is not {self.contact_id}"
