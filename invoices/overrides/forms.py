"""Forms for what people choose against the defaults."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from c3portal.http.upload_size import require_size
from invoices.models import BillResellers, Customer, InvoiceLine
from invoices.overrides.customers import REQUIRED
from xero_integration.models import InvoiceStatus
from xero_integration.reference import Choices

# Read into memory as a whole: some fifty thousand overrides.
OVERRIDES_MAX_BYTES = 5 * 1024 * 1024


def overrides_limit() -> int:
    """Return how large a file the page takes, in bytes."""
    return OVERRIDES_MAX_BYTES


class OverridesFileForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text="As downloaded here. Empty reverts; rows left out stay. All or nothing.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": "Choose the file.", "empty": "The file is empty."},
    )

    def clean_file(self) -> UploadedFile[Any]:
        advice = "What stays as it is need not be in the file: leave those rows out."
        return require_size(self.cleaned_data["file"], overrides_limit(), advice)


class CustomerField(forms.CharField):
    """A customer by tenant id, or by a name that no other has: thousands are too many to choose from in a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Customer", max_length=255, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        if found := Customer.objects.filter(tenant_id=text).first():
            return found
        named = list(Customer.objects.filter(name__iexact=text)[:2])
        if len(named) == 1:
            return named[0]
        words = (
            f"Several customers are called “{text}”: enter the tenant id." if named else "There is no such customer."
        )
        raise forms.ValidationError(words)


class AccountForm(forms.Form):
    account_code = forms.CharField(
        label="Account", max_length=10, error_messages={"required": "Choose the account to override with."}
    )

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account_code"].widget = forms.Select(choices=[("", "Choose an account"), *choices])


class AccountRuleForm(AccountForm):
    """An override for a customer, a SKU or its beginning, a kind of line."""

    customer = CustomerField(required=False, help_text="Name or tenant id; empty for every customer.")
    sku = forms.CharField(label="SKU", required=False, max_length=100, help_text="Empty for every SKU of a customer.")
    is_prefix = forms.BooleanField(label="Every SKU that begins so", required=False)
    kind = forms.ChoiceField(
        label="Kind of line", required=False, choices=[("", "Every kind"), *InvoiceLine.Kind.choices]
    )
    field_order = ("customer", "sku", "is_prefix", "kind", "account_code")


class TaxForm(forms.Form):
    tax_type = forms.CharField(
        label="Tax rate in Xero", error_messages={"required": "Choose the tax rate to override with."}
    )
    any_country = forms.BooleanField(label="In any country", required=False)

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_type"].widget = forms.Select(choices=[("", "Choose a tax rate"), *choices])


class CustomerForm(forms.Form):
    theme_id = forms.CharField(label="Theme", required=False)
    invoice_status = forms.ChoiceField(
        label="Create in Xero as", required=False, choices=[("", "Default status"), *InvoiceStatus.choices]
    )
    due_days = forms.IntegerField(label="Due after days", required=False, min_value=0, max_value=3650)
    bill_resellers = forms.ChoiceField(
        label="Invoices to a reseller go to", required=False, choices=[("", "Default"), *BillResellers.choices]
    )
    purchase_order = forms.CharField(label="PO number", required=False, max_length=255)
    requires_purchase_order = forms.ChoiceField(
        label="A PO number is", required=False, choices=[("", "As before"), *REQUIRED.items()]
    )

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["theme_id"].widget = forms.Select(choices=[("", "Default theme"), *choices])

    def clean(self) -> dict[str, Any]:
        cleaned = cast("dict[str, Any]", super().clean())
        if not self.errors and not any(value not in ("", None) for value in cleaned.values()):
            raise forms.ValidationError(
                "Choose a theme, a status or due days, where invoices to a reseller go, or about PO numbers."
            )
        return cleaned


class OrderForm(forms.Form):
    purchase_order = forms.CharField(
        label="PO number", max_length=255, error_messages={"required": "Enter the PO number that the customer gave."}
    )


class OrderRuleForm(OrderForm):
    """The PO number of a subscription that no recent invoice bills."""

    customer = CustomerField(help_text="Name or tenant id.", error_messages={"required": "Name the customer."})
    subscription = forms.CharField(
        label="Subscription's id",
        max_length=100,
        help_text="As its file has it.",
        error_messages={"required": "Enter the subscription's id."},
    )
    field_order = ("customer", "subscription", "purchase_order")
