"""What makes two stored invoices alike, in SQL: a whole period is compared in as many queries as one invoice.

`of` returns what is compared with: `OuterRef` for the row of the query outside, or a function of one invoice's fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import CharField, DecimalField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from invoices.models import Invoice, InvoiceLine
from invoices.models.billing import InvoiceQuerySet

Of = Callable[[str], Any]
PRODUCT = Coalesce(NullIf("sku", Value("")), "name")


def same(of: Of) -> InvoiceQuerySet:
    """Return the invoices that bill the same customer the same lines."""
    return Invoice.objects.filter(billed_hash=of("billed_hash")).exclude(billed_hash="").exclude(pk=of("pk"))


def rekeyed(of: Of) -> InvoiceQuerySet:
    """Return the invoices that bill the same lines to another customer key, which may be one customer's all the same:

    - the names are alike (capitals, accents and invisible characters apart) and one of the two has no tenant id; or
    - the names are alike, or either has no tenant id, and nothing shows that they are two: no billing run (the invoices
      of one billing period that one import brought) has invoices of both customers.

    Two customers with tenant ids and other names are two, however much their lines are the same.
    """
    its_charges, its_keyless = _expression(of("charges_hash")), _expression(of("keyless_hash"))
    named = Q(named_hash=_expression(of("named_hash")))
    it_has_no_key, one_has_none = Q(keyless_hash=its_charges), Q(charges_hash=its_keyless)
    only_one_has_a_key = (it_has_no_key & Q(its_keyless=None)) | (one_has_none & Q(keyless_hash=None))
    others = Invoice.objects.exclude(pk=of("pk")).exclude(customer=of("customer_id"))
    others = others.alias(its_keyless=ExpressionWrapper(its_keyless, output_field=CharField()))
    # Each has its index: many customers buy one licence of the same.
    found = others.filter(named | it_has_no_key | one_has_none)
    return found.filter((named & only_one_has_a_key) | ~_both_in_one_run(of))


def _both_in_one_run(of: Of) -> Q:
    """Return the condition that the customers of one and the other are both billed in the run of either."""
    run = Coalesce("import_run", 0)
    one = {name: _outer(of(name)) for name in ("customer_id", "period_id", "import_run_id")}
    invoices = Invoice.objects.alias(run=run)
    ones_run = Q(period=one["period_id"], run=Coalesce(_expression(one["import_run_id"]), 0))
    others_run = Q(period=OuterRef("period_id"), run=Coalesce(OuterRef("import_run_id"), 0))
    its_customer = invoices.filter(ones_run, customer=OuterRef("customer_id"))
    ones_customer = invoices.filter(others_run, customer=one["customer_id"])
    return Q(Exists(its_customer)) | Q(Exists(ones_customer))


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
    its_products = products(_outer(of("pk")))
    # One pass over the lines of each, however many.
    return of_another.filter(same_sign, Exists(products(OuterRef("pk")).intersection(its_products)))


def products(invoice: Any) -> QuerySet[InvoiceLine, Any]:
    """Return what an invoice bills, its SKUs and the descriptions of lines without one."""
    return InvoiceLine.objects.filter(invoice=invoice).order_by().values_list(PRODUCT)


def _outer(value: Any) -> Any:
    return OuterRef(value) if isinstance(value, OuterRef) else value


def _expression(value: Any) -> OuterRef | Value:
    return value if isinstance(value, OuterRef) else Value(value)
