"""What the list of invoices is narrowed down by beside search and state, as it stands in the page's address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef, Q

from invoices.models import Customer, DocumentType, InvoiceLine, Posting
from invoices.readback.states import is_changed
from invoices.selection import causes
from xero_integration.client.vocabulary import GONE, DocumentStatus


class FilterForm(forms.Form):
    """Reads the fields; each is named as its attribute of `Filters`."""

    OWED = (
        ("owed", "Owed"),
        ("overdue", "Overdue"),
        ("paid", "Paid"),
        ("approved", "Approved or paid"),
        ("unsent", "Approved, not sent"),
        ("there", "Not voided or deleted"),
        ("gone", "Voided or deleted"),
    )
    BILL_TO = (("customer", "Customer"), ("reseller", "Reseller"))

    currency = forms.RegexField(r"^[A-Z]{3}$", required=False)
    customer = forms.IntegerField(required=False, min_value=1, max_value=2**31)
    kind = forms.ChoiceField(choices=InvoiceLine.Kind.choices, required=False)
    bill_to = forms.ChoiceField(choices=BILL_TO, required=False)
    issued_from = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    issued_to = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    due_from = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    due_to = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    least = forms.DecimalField(required=False, max_digits=15, decimal_places=2)
    most = forms.DecimalField(required=False, max_digits=15, decimal_places=2)
    owed = forms.ChoiceField(choices=OWED, required=False)
    changed = forms.ChoiceField(choices=(("yes", "Changed in Xero"),), required=False)
    cause = forms.RegexField(r"^[a-z0-9]{12,13}$", required=False)


LABELS = {
    "currency": "Currency",
    "customer": "Customer",
    "kind": "Kind",
    "bill_to": "Bill to",
    "issued_from": "Issued from",
    "issued_to": "Issued until",
    "due_from": "Due from",
    "due_to": "Due until",
    "least": "Total from",
    "most": "Total up to",
    "owed": "In Xero",
    "changed": "In Xero",
    "cause": "Cause",
}


@dataclass(frozen=True)
class Chip:
    """A filter that is set: its words, and the name that takes it away."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class Filters:
    """Each is None or "" where it is not set. Dates are inclusive; amounts are totals in the invoice's currency."""

    currency: str = ""
    customer: int | None = None
    kind: str = ""
    bill_to: str = ""
    issued_from: dt.date | None = None
    issued_to: dt.date | None = None
    due_from: dt.date | None = None
    due_to: dt.date | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    owed: str = ""
    changed: str = ""
    # The key of something that needs attention.
    cause: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filters:
        """Read the filters. Raises BadRequest for a value that means nothing: "all" in its place would be more than
        was asked for."""
        form = FilterForm({name: query.get(name, "") for name in LABELS})
        if not form.is_valid():
            name, errors = next(iter(form.errors.items()))
            raise BadRequest(f"{LABELS[name]}: {' '.join(map(str, errors))}")
        return cls(**{name: value for name, value in form.cleaned_data.items() if value is not None})

    def query(self) -> dict[str, str]:
        """Return what is set, as in an address."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in found.items() if value not in (None, "")}

    def without(self, name: str) -> Filters:
        """Return these filters without the one of that name."""
        return Filters.from_query({each: value for each, value in self.query().items() if each != name})

    def chips(self) -> list[Chip]:
        """Return what is set, in words."""
        form = FilterForm()
        return [
            Chip(name, LABELS[name], _words(form.fields[name], name, value)) for name, value in self.query().items()
        ]

    def condition(self) -> Q:
        """Return the condition on invoices."""
        found = Q()
        for name, lookup in _LOOKUPS.items():
            if (value := getattr(self, name)) not in (None, ""):
                found &= Q(**{lookup: value})
        if self.kind:
            found &= Q(Exists(InvoiceLine.objects.filter(invoice=OuterRef("pk"), kind=self.kind)))
        if self.bill_to:
            found &= Q(bill_to__isnull=self.bill_to == "customer")
        if self.owed:
            found &= Q(posting__status=Posting.Status.POSTED) & _OWED[self.owed]()
        if self.changed:
            found &= is_changed()
        if self.cause:
            found &= causes.has(self.cause)
        return found


_LOOKUPS = {
    "currency": "currency",
    "customer": "customer_id",
    "issued_from": "issued_on__gte",
    "issued_to": "issued_on__lte",
    "due_from": "due_on__gte",
    "due_to": "due_on__lte",
    "least": "total__gte",
    "most": "total__lte",
}
# An approved invoice that Xero did not mail yet, with something owed on it: what is paid nobody waits for.
UNSENT = Q(
    posting__xero_status=DocumentStatus.AUTHORISED,
    posting__document_type=DocumentType.INVOICE,
    posting__sent_to_contact=False,
)
_OWED = {
    "owed": lambda: Q(posting__amount_due__gt=0),
    "overdue": lambda: Q(posting__amount_due__gt=0, due_on__lt=dt.datetime.now(dt.UTC).date()),
    "paid": lambda: Q(posting__amount_due=0, posting__amount_paid__gt=0),
    "approved": lambda: Q(posting__xero_status__in=[DocumentStatus.AUTHORISED, DocumentStatus.PAID]),
    "unsent": lambda: UNSENT,
    "there": lambda: ~Q(posting__xero_status__in=GONE),
    "gone": lambda: Q(posting__xero_status__in=GONE),
}


def _words(field: Any, name: str, value: str) -> str:
    if name == "customer":
        return str(Customer.objects.filter(pk=value).first() or value)
    if name == "cause":
        return causes.words(value)
    return str(dict(getattr(field, "choices", ())).get(value, value))
