"""What the sandbox keeps: a partner's way in, its customers, and the billing periods with their invoices."""

import uuid
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.crypto import get_random_string

from c3_sandbox import clock

# Spektra's directory, the same for all partners.
DIRECTORY = "08e91d7e-4f3f-49a0-8973-8b2547341ec7"


def new_secret() -> str:
    """Return a client secret of the look and length of Microsoft's."""
    return get_random_string(40)


class Partner(models.Model):
    """What C3 hands out offline for its API, the readings chosen for what its documentation leaves open, and more."""

    client_id = models.UUIDField(default=uuid.uuid4)
    client_secret = models.CharField(max_length=60, default=new_secret)
    directory_id = models.CharField(max_length=60, default=DIRECTORY)
    resource = models.UUIDField(default=uuid.uuid4)
    # Tokens of an earlier generation have ended, whatever they say themselves.
    token_generation = models.IntegerField(default=1)
    readings = models.JSONField(default=dict)

    def __str__(self) -> str:
        return str(self.client_id)

    @property
    def scope(self) -> str:
        """The scope to ask for, made of the resource as Microsoft makes it."""
        return f"{self.resource}/.default"


class Customer(models.Model):
    """A customer of the partner. `details` goes over what the customer calls answer otherwise."""

    position = models.IntegerField(unique=True)
    tenant_id = models.UUIDField(unique=True)
    customer_id = models.UUIDField(default=uuid.uuid4)
    name = models.CharField(max_length=255)
    erp_id = models.CharField(max_length=40)
    email = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    country = models.CharField(max_length=2)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=2)
    details: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class Period(models.Model):
    """A billing period; its key is C3's ID. One that is not `listed` was replaced by its next generation."""

    billing_id = models.CharField(max_length=8, unique=True)
    start = models.DateField()
    end = models.DateField()
    invoiced = models.DateField()
    due = models.DateField()
    listed = models.BooleanField(default=True)
    again_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="generated_again")
    generated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-end", "-billing_id"]

    def __str__(self) -> str:
        return self.billing_id


class Invoice(models.Model):
    """An invoice of a period, with the customer's name as it was when it was generated. Amounts are whole cents."""

    period = models.ForeignKey(Period, models.CASCADE, related_name="invoices")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="invoices")
    number = models.CharField(max_length=255, unique=True)
    customer_name = models.CharField(max_length=255)
    net_cents = models.BigIntegerField()
    tax_cents = models.BigIntegerField()
    line_count = models.IntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Decimal:
        """The total with tax."""
        return Decimal(self.net_cents + self.tax_cents).scaleb(-2)


class Line(models.Model):
    """A line of an invoice. Numbers are kept as text, to the last digit; `own` goes over the fields that C3 sends."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    category = models.CharField(max_length=20)
    provider_category = models.CharField(max_length=20)
    sku = models.CharField(max_length=60)
    item_code = models.CharField(max_length=60)
    subscription_id = models.UUIDField()
    name = models.CharField(max_length=255)
    quantity = models.CharField(max_length=40)
    unit_price = models.CharField(max_length=40)
    tax_rate = models.CharField(max_length=20)
    net = models.CharField(max_length=40)
    tax = models.CharField(max_length=40)
    own: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
