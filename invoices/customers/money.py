"""What customers were billed and owe, from the invoices of all periods."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from invoices.contacts.resellers import is_reseller
from invoices.documents.billing_contact import recipient_key
from invoices.models import Customer, DocumentType, Invoice, Posting
from xero_integration.models import XeroConnection
from xero_integration.payloads import to_cents

# By currency, in the order of their codes; credit left counts against what is owed.
Amounts = Mapping[str, Decimal]
# The last day after an invoice was due, and what it is called; what is not due yet comes first.
AGES = ((0, "Not due"), (30, "1–30 days"), (60, "31–60 days"), (90, "61–90 days"), (None, "Over 90 days"))


@dataclass
class Aged:
    """What is owed in one currency: all of it, and the part of each of AGES."""

    currency: str
    total: Decimal = Decimal(0)
    parts: dict[str, Decimal] = field(default_factory=lambda: {label: Decimal(0) for _, label in AGES})


def invoices_of(customer: Customer) -> QuerySet[Invoice]:
    """Return the invoices of a customer, and those that are billed to it."""
    return Invoice.objects.filter(pk__in=_keys([customer.pk], [customer.pk] if is_reseller(customer) else []))


def count_of_each() -> Combinable:
    """Return for a query of customers how many invoices each has or is billed."""
    ways = (Invoice.objects.filter(**{way: OuterRef("pk")}).order_by().values(way) for way in ("customer", "bill_to"))
    own, billed = (Coalesce(Subquery(each.annotate(n=Count("pk")).values("n")), 0) for each in ways)
    return own + billed


def counts() -> dict[int, int]:
    """Return how many invoices each customer has or is billed; who has none is left out."""
    own, billed = Invoice.objects.order_by(), Invoice.objects.order_by().filter(bill_to__isnull=False)
    rows = own.values_list("customer").annotate(Count("pk"))
    found: Counter[int] = Counter()
    for pk, number in rows.union(billed.values_list("bill_to").annotate(Count("pk")), all=True).order_by():
        found[pk] += number
    return found


def owed(
    connection: XeroConnection, customers: Collection[int] | None = None, resellers: Collection[int] = ()
) -> dict[str, Amounts]:
    """Return what is owed in Xero by whoever gets the invoices, by tenant id, as last read: of the invoices of these
    customers and those that are addressed to these resellers, of all for None."""
    rows = _open(customers, resellers).annotate(recipient=recipient_key()).values_list("recipient", "currency")
    found: dict[str, Amounts] = {}
    for key, currency, amount in rows.annotate(amount=Sum(_signed(connection))).order_by("currency"):
        if amount is not None:
            found[key] = {**found.get(key, {}), currency: to_cents(amount)}
    return found


def aged(connection: XeroConnection, customer: Customer, today: dt.date) -> list[Aged]:
    """Return what this customer owes, by currency and by how long it has been due: by the day that was sent to Xero,
    else the invoice's own."""
    rows = _open([customer.pk], _resellers(customer)).annotate(
        recipient=recipient_key(),
        due_sent=KeyTextTransform("due_date", "posting__sent_facts"),
        amount=_signed(connection),
    )
    found: dict[str, Aged] = {}
    for currency, due_on, due_sent, amount in rows.filter(
        recipient=customer.tenant_id, amount__isnull=False
    ).values_list("currency", "due_on", "due_sent", "amount"):
        each = found.setdefault(currency, Aged(currency))
        amount = to_cents(amount)
        each.total += amount
        each.parts[_age(today, dt.date.fromisoformat(due_sent) if due_sent else due_on)] += amount
    return [found[currency] for currency in sorted(found)]


def _resellers(customer: Customer) -> list[int]:
    """Return which resellers a customer is."""
    if is_reseller(customer):
        return [customer.pk]
    if not getattr(customer, "is_a_reseller_too", True):
        return []
    return list(Customer.objects.filter(same_as=customer).order_by().values_list("pk", flat=True))


def _age(today: dt.date, due_on: dt.date) -> str:
    days = (today - due_on).days
    return next(label for last, label in AGES if last is None or days <= last)


def _open(customers: Collection[int] | None, resellers: Collection[int]) -> QuerySet[Invoice]:
    rows = Invoice.objects.order_by().filter(posting__amount_due__gt=0, ignored_because="")
    return rows if customers is None else rows.filter(pk__in=_keys(customers, resellers))


def _keys(customers: Collection[int], resellers: Collection[int]) -> QuerySet[Invoice, Any]:
    # Each way looks in its index, where SQLite would look through all invoices for any of them.
    rows = Invoice.objects.order_by()
    own = rows.filter(customer__in=customers).values("pk")
    return own.union(rows.filter(bill_to__in=resellers).values("pk")) if resellers else own


def _signed(connection: XeroConnection) -> Case:
    """Return what is owed on a document of this organisation, null for others; not a filter, by which SQLite would
    begin with all that is in Xero."""
    theirs = Q(posting__connection=connection, posting__status=Posting.Status.POSTED)
    is_note = Q(posting__document_type=DocumentType.CREDIT_NOTE)
    # Of a credit note it is what is left of it, positive in Xero.
    return Case(
        When(theirs & is_note, then=-F("posting__amount_due")),
        When(theirs, then=F("posting__amount_due")),
        default=None,
    )
