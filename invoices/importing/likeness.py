"""What makes two stored invoices alike, in SQL: a whole period is compared in as many queries as one invoice.

`of` returns what is compared with: `OuterRef` for the row of the query outside, or a function of one invoice's fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import DecimalField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from invoices.models import Invoice, InvoiceLine
from invoices.models.billing import InvoiceQuerySet

Of = Callable[[str], Any]


def same(of: Of) -> InvoiceQuerySet:
    """Return the invoices that bill the same customer the same lines."""
    return Invoice.objects.filter(billed_hash=of("billed_hash")).exclude(billed_hash="").exclude(pk=of("pk"))


def near(of: Of) -> InvoiceQuerySet:
    """Return the invoices of the same customer, currency, service dates and sign of the total, with something that both
    bill: a SKU, or the description of lines without one. What is the same is not among them."""
    # The licences and the usage of one month are billed apart by some, and are no copies; nor is a credit note.
    others = Invoice.objects.filter(
        customer=of("customer_id"),
        currency=of("currency"),
        service_start=of("service_start"),
        service_end=of("service_end"),
        service_start__isnull=False,
    ).alias(its_total=ExpressionWrapper(_expression(of("total")), output_field=DecimalField()))
    same_sign = Q(total__lt=0, its_total__lt=0) | Q(total__gte=0, its_total__gte=0)
    of_another = others.exclude(billed_hash=of("billed_hash")).exclude(pk=of("pk"))
    one = of("pk")
    its_products = products(OuterRef(one) if isinstance(one, OuterRef) else one)
    # One pass over the lines of each, however many.
    return of_another.filter(same_sign, Exists(products(OuterRef("pk")).intersection(its_products)))


def products(invoice: Any) -> QuerySet[InvoiceLine, Any]:
    """Return what an invoice bills, its SKUs and the descriptions of lines without one."""
    product = Coalesce(NullIf("sku", Value("")), "name")
    return InvoiceLine.objects.filter(invoice=invoice).order_by().values_list(product)


def _expression(value: Any) -> OuterRef | Value:
    return value if isinstance(value, OuterRef) else Value(value)
