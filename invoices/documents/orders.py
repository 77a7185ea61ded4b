"""Which PO numbers the subscriptions of an invoice have."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import batched
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from invoices.documents.rules import Fix, Problem, Severity
from invoices.models import Invoice, InvoiceLine, SubscriptionOrder

# PO numbers by the customer's id and the subscription's.
type BySubscription = Mapping[tuple[int, str], str]
# A subscription's id stands in what was imported of a line and nowhere else.
SUBSCRIPTION = KT("source__SubscriptionID")
JOINT = ", "
# Databases bound the values of a query.
INVOICES_EACH_QUERY = 10_000


def of_invoices(invoices: Iterable[Invoice], orders: BySubscription) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the PO number of each line's subscription ("" without one), in the order of the lines, for the invoices
    of customers whose subscriptions have any of `orders`; by the id that `named_by` returns; in one query, in none
    where none has."""
    customers = {customer for customer, _ in orders}
    asked = {named_by(each): each.customer_id for each in invoices if each.customer_id in customers}
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for some in batched(asked, INVOICES_EACH_QUERY):
        lines = InvoiceLine.objects.filter(invoice__in=some).order_by("invoice_id", "position")
        for invoice_id, subscription in lines.values_list("invoice_id", SUBSCRIPTION):
            found[invoice_id].append(orders.get((asked[invoice_id], subscription or ""), ""))
    return {pk: tuple(each) for pk, each in found.items() if any(each)}


def of_loaded(invoices: Iterable[Invoice], orders: BySubscription) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return the same for invoices by the lines that are loaded with them, whatever is stored."""
    found = {
        named_by(each): tuple(
            orders.get((each.customer_id, line.source.get("SubscriptionID") or ""), "") for line in each.lines.all()
        )
        for each in invoices
    }
    return {pk: each for pk, each in found.items() if any(each)}


def named_by(invoice: Invoice) -> uuid.UUID:
    """Return the id of the invoice whose lines name the subscriptions: a correction's own lines name none."""
    return invoice.corrects_id or invoice.pk


def kept() -> QuerySet[SubscriptionOrder, tuple[Any, ...]]:
    """Return the query for all PO numbers of subscriptions, for `by_subscription`."""
    return SubscriptionOrder.objects.values_list("customer_id", "subscription", "purchase_order")


def by_subscription(rows: Iterable[tuple[Any, ...]]) -> BySubscription:
    """Return the rows of `kept` by customer and subscription."""
    return {(customer, subscription): order for customer, subscription, order in rows}


def joined(of_lines: Iterable[str], of_customer: str) -> str:
    """Return what the Reference says of the lines' PO numbers: each once, in the order of the lines; a line without
    one has the customer's."""
    return JOINT.join(_distinct(of_lines, of_customer))


def _distinct(of_lines: Iterable[str], of_customer: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (order or of_customer for order in of_lines))))


def several(order: str, of_lines: Collection[str], of_customer: str, reference: str) -> list[Problem]:
    """Return that the lines' PO numbers (`order`, as `joined`) are not one, to be looked at before posting."""
    without = sum(not each for each in of_lines) if not of_customer else 0
    if len(_distinct(of_lines, of_customer)) < 2 and not without:
        return []
    detail = order if order in reference else f"{order}: cut to what Xero takes"
    detail += f"; {without:,} line{'s' if without > 1 else ''} without one" if without else ""
    words = "Its subscriptions do not share one PO number. The Reference names each of them."
    return [Problem("orders", "", words, Fix.ORDERS, Severity.WARNING, detail)]
