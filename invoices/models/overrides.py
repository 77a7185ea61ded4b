"""Where the partner departs from the defaults."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from invoices.models.billing import Customer, InvoiceLine
from invoices.models.imports import BillResellers
from xero_integration.models import InvoiceStatus


class AccountOverride(models.Model):
    """An account that lines go to instead of their kind's; `mapping.AccountRules` says which applies."""

    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="account_overrides"
    )
    kind = models.CharField(max_length=10, choices=InvoiceLine.Kind, blank=True)
    sku = models.CharField("SKU", max_length=100, blank=True)
    is_prefix = models.BooleanField("SKU is a beginning", default=False)
    account_code = models.CharField(max_length=10)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["sku", "kind", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind", "sku", "is_prefix"],
                condition=Q(customer__isnull=False),
                name="account_override_once_each_customer",
            ),
            models.UniqueConstraint(
                fields=["sku", "is_prefix"], condition=Q(customer__isnull=True), name="account_override_once_each_sku"
            ),
            models.CheckConstraint(
                condition=Q(customer__isnull=False) | ~Q(sku=""), name="account_override_names_sku_or_customer"
            ),
            models.CheckConstraint(condition=Q(sku="") | Q(kind=""), name="account_override_sku_or_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.sku or self.get_kind_display() or 'everything'} → {self.account_code}"

    @property
    def as_text(self) -> tuple[str, str]:
        """What is overridden, and with what."""
        what = f"SKU {self.sku}" if self.sku else self.get_kind_display() or "Every line"
        what = f"SKUs that begin with {self.sku}" if self.is_prefix else what
        return f"{what}, customer {_known(self.customer)}" if self.customer else what, self.account_code


class TaxOverride(models.Model):
    """The tax type that a line's tax goes to, instead of the one of equal rate; `country` "" is any."""

    country = models.CharField(max_length=2, blank=True)
    tax_name = models.CharField(max_length=100, blank=True)
    percentage = models.DecimalField(max_digits=9, decimal_places=4)
    tax_type = models.CharField(max_length=50)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["country", "tax_name", "percentage"]
        constraints = [
            models.UniqueConstraint(fields=["country", "tax_name", "percentage"], name="tax_override_once_each_tax")
        ]

    def __str__(self) -> str:
        return " → ".join(self.as_text)

    @property
    def as_text(self) -> tuple[str, str]:
        return f"{self.country or 'any country'} {self.tax_name} {self.percentage.normalize():f} %", self.tax_type


class CustomerOverride(models.Model):
    """What is different for one customer; what is empty stays the default."""

    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="override")
    theme_id = models.CharField(max_length=36, blank=True)
    theme_name = models.CharField(max_length=255, blank=True)
    invoice_status = models.CharField(max_length=10, choices=InvoiceStatus, blank=True)
    bill_resellers = models.CharField(max_length=10, choices=BillResellers, blank=True, default="", db_default="")
    due_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Days from the invoice's date.")
    purchase_order = models.CharField(
        "PO number",
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Of invoices that come without one.",
    )
    requires_purchase_order = models.BooleanField("requires a PO number", default=False, db_default=False)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.customer}: own settings"

    @property
    def as_text(self) -> tuple[str, str]:
        due = "" if self.due_days is None else f"due after {self.due_days} days"
        billed = f"invoices to a reseller: {self.get_bill_resellers_display().lower()}" if self.bill_resellers else ""
        order = f"PO number {self.purchase_order}" if self.purchase_order else ""
        required = "requires a PO number" if self.requires_purchase_order else ""
        own = (self.theme_name or self.theme_id, self.get_invoice_status_display(), due, billed, order, required)
        return f"Customer {_known(self.customer)}", " · ".join(filter(None, own))


class SubscriptionOrder(models.Model):
    """The PO number of one of a customer's subscriptions, by its id as files have it."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="subscription_orders")
    subscription = models.CharField(max_length=100)
    purchase_order = models.CharField("PO number", max_length=255)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "subscription"], name="order_once_each_subscription")
        ]

    def __str__(self) -> str:
        return " → ".join(self.as_text)

    @property
    def as_text(self) -> tuple[str, str]:
        return f"Subscription {self.subscription}, customer {_known(self.customer)}", self.purchase_order


def _known(customer: Customer) -> str:
    # The id tells customers of one name apart.
    return f"{customer.name} ({customer.tenant_id})"
