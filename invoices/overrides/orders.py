"""PO numbers of single subscriptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Min

from c3portal.models import User
from invoices.documents.builder import Own
from invoices.documents.orders import SUBSCRIPTION
from invoices.models import BillingPeriod, Customer, InvoiceLine, SubscriptionOrder
from invoices.overrides.customers import MAX_ORDER
from invoices.overrides.rows import Refused, Row

COLUMNS = ("TenantID", "SubscriptionID", "PurchaseOrderNumber")
SHOWN_COLUMNS = (*COLUMNS, "CustomerName", "Subscription", "Applies", "Because")
MAX_SUBSCRIPTION = 100
# Of all that was ever imported, subscriptions that ended long ago would be the most.
PERIODS_SHOWN = 3
NONE = "No PO number"


@dataclass(frozen=True)
class OrderRule:
    """What is kept for a customer's subscription; an empty `order` reverts."""

    tenant_id: str
    subscription: str
    order: str = ""


def rows(own: Mapping[str, Own], orders: Iterable[SubscriptionOrder]) -> list[Row[OrderRule]]:
    """Return a row for each subscription of the latest billing periods, and for each other that has a PO number, which
    are all among `orders`; `own`: what customers have of their own."""
    kept = {(each.customer.tenant_id, each.subscription): each.purchase_order for each in orders}
    known = {(tenant_id, subscription): (name, count) for tenant_id, subscription, name, count in _billed()}
    customers = dict(Customer.objects.values_list("tenant_id", "name"))
    everything = sorted({*known, *kept}, key=lambda key: (customers.get(key[0], ""), known.get(key, ("",))[0], key))
    return [
        _row(own, OrderRule(*key), customers.get(key[0], key[0]), known.get(key, ("", 0)), kept.get(key, ""))
        for key in everything
    ]


def _billed() -> Iterator[tuple[str, str, str, int]]:
    periods = list(BillingPeriod.objects.values_list("pk", flat=True)[:PERIODS_SHOWN])
    lines = InvoiceLine.objects.filter(invoice__period__in=periods).order_by()
    named = lines.values(tenant=F("invoice__customer__tenant_id"), subscription=SUBSCRIPTION)
    for each in named.annotate(what=Min("name"), lines=Count("pk")):
        if each["subscription"]:
            yield each["tenant"], str(each["subscription"])[:MAX_SUBSCRIPTION], each["what"], each["lines"]


def _row(
    own: Mapping[str, Own], subject: OrderRule, customer: str, billed: tuple[str, int], order: str
) -> Row[OrderRule]:
    default = own.get(subject.tenant_id, Own()).purchase_order
    because = "Settings → Customers says so" if default else "neither it nor its customer has one"
    return Row(
        key=json.dumps([subject.tenant_id, subject.subscription]),
        subject=subject,
        title=billed[0] or subject.subscription,
        detail=f"{customer} · {subject.subscription}",
        count=billed[1],
        default=default or NONE,
        applies=order or default or NONE,
        because="it is the subscription's own" if order else because,
        is_overridden=bool(order),
        also=subject.tenant_id,
    )


def override(subject: OrderRule, order: str) -> OrderRule:
    """Return the rule for `subject`. Raises Refused for what is too long, or no subscription."""
    if not 0 < len(subject.subscription) <= MAX_SUBSCRIPTION:
        raise Refused("SubscriptionID", f"A subscription's id has 1 to {MAX_SUBSCRIPTION} characters.")
    if len(order) > MAX_ORDER:
        raise Refused("PurchaseOrderNumber", f"A PO number has at most {MAX_ORDER} characters.")
    return replace(subject, order=order)


def save(rules: Iterable[OrderRule], user: User | None) -> int:
    """Keep each rule in place of the one before; one without a number reverts. Returns how many changed."""
    rules = list(rules)
    people = {
        each.tenant_id: each for each in Customer.objects.filter(tenant_id__in={each.tenant_id for each in rules})
    }
    count = 0
    with transaction.atomic():
        for rule in rules:
            facts: dict[str, Any] = {"customer": people[rule.tenant_id], "subscription": rule.subscription}
            if rule.order:
                defaults = {"purchase_order": rule.order, "updated_by": user}
                SubscriptionOrder.objects.update_or_create(**facts, defaults=defaults)
                count += 1
            else:
                count += SubscriptionOrder.objects.filter(**facts).delete()[0]
    return count


def csv_rows(own: Mapping[str, Own], orders: Iterable[SubscriptionOrder]) -> Iterator[list[str]]:
    """Yield the rows under SHOWN_COLUMNS; an empty PO number where the customer's applies."""
    for row in rows(own, orders):
        order = row.applies if row.is_overridden else ""
        customer = row.detail.removesuffix(f" · {row.subject.subscription}")
        yield [row.subject.tenant_id, row.subject.subscription, order, customer, row.title, row.applies, row.because]


def read_row(tenants: frozenset[str], cells: Mapping[str, str]) -> OrderRule:
    """Return the rule of a row of a file. Raises Refused."""
    tenant_id, subscription, order = (cells[name] for name in COLUMNS)
    if tenant_id not in tenants:
        raise Refused("TenantID", f"There is no customer {tenant_id}.")
    return override(OrderRule(tenant_id, subscription), order)
