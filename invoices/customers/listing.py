"""The list of customers: which of them a filter finds, in which order, and a page's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict

from invoices.contacts import link_statuses
from invoices.contacts.link_statuses import LABELS, LinkStatus, State
from invoices.contacts.standings import Standing, Standings, count, in_state
from invoices.customers import money
from invoices.customers.money import Amounts
from invoices.models import AccountOverride, Customer, CustomerOverride, SubscriptionOrder
from xero_integration.models import XeroConnection

# A filter besides the states, which goes across them.
DIFFERS = "differs"
KEPT = ("q", "state", "sort", "page", "next")
BY_STATE, BY_INVOICES, BY_OWED = "state", "invoices", "owed"
ORDER = {state: place for place, state in enumerate(State)}
BY: dict[str, Callable[[Standing], Any]] = {
    BY_STATE: lambda each: ORDER[each.state],
    "number": lambda each: (),
    "tenant_id": lambda each: each.tenant_id,
    "erp_id": lambda each: each.erp_id,
    "contact": lambda each: each.contact_name.casefold(),
}
HEADS = (
    ("number", "Customer"),
    ("state", "State"),
    ("contact", "Contact in Xero"),
    ("", "Bill to"),
    ("", "PO number"),
    ("", "Overrides"),
    ("invoices", "Invoices"),
    ("owed", "Owed"),
)


@dataclass(frozen=True)
class Row:
    """One customer of the list; `own` in short words, "" for nothing."""

    customer: Customer
    status: LinkStatus
    invoices: int
    owed: Amounts

    @property
    def override(self) -> CustomerOverride | None:
        return getattr(self.customer, "override", None)

    @property
    def bill_to(self) -> str:
        override = self.override
        return override.get_bill_resellers_display() if override and override.bill_resellers else ""

    @property
    def order(self) -> str:
        return self.override.purchase_order if self.override else ""

    @property
    def own(self) -> str:
        return ", ".join(in_short(self.override, has_account=getattr(self.customer, "has_account", False)))


def in_short(override: CustomerOverride | None, *, has_account: bool) -> list[str]:
    """Return what of a customer is its own, a word or two each."""
    found = ["Account"] if has_account else []
    if override:
        due = "" if override.due_days is None else f"{override.due_days} days"
        theme = "Theme" if override.theme_id else ""
        required = "PO required" if override.requires_purchase_order else ""
        found += [theme, override.get_invoice_status_display() if override.invoice_status else "", due, required]
    return [each for each in found if each]


class Filter:
    """What the query asks for: words `q`, a `state`, an order `sort`. Raises BadRequest for a state there is not."""

    def __init__(self, query: QueryDict) -> None:
        self.query = query
        self.search, self.state = query.get("q", "").strip(), query.get("state", "")
        if self.state and self.state != DIFFERS and self.state not in State:
            raise BadRequest(f"There is no state {self.state!r}.")
        sort = query.get("sort", BY_STATE)
        known = {*BY, BY_INVOICES, BY_OWED}
        self.sort = sort if sort.removeprefix("-") in known else BY_STATE

    def kept(self, **changes: str) -> str:
        """Return the query string that brings this view of the list back, with `changes`."""
        kept = {name: self.query.get(name, "") for name in KEPT} | changes
        return urlencode({name: value for name, value in kept.items() if value})

    def found(self, everyone: Sequence[Standing]) -> list[Standing]:
        """Return those that the words find, in any state."""
        if not self.search:
            return list(everyone)
        term = self.search.casefold()
        by_address = Q(email__icontains=self.search) | Q(c3_details__domain__icontains=self.search)
        more = set(Customer.objects.filter(by_address).order_by().values_list("pk", flat=True))
        return [each for each in everyone if each.pk in more or each.holds(term)]

    def shown(self, connection: XeroConnection, found: Sequence[Standing]) -> list[Standing]:
        """Return those of the state."""
        return differing(connection, found) if self.state == DIFFERS else in_state(found, self.state)

    def ordered(self, connection: XeroConnection, rows: Iterable[Standing]) -> list[Standing]:
        """Return the rows, which come by name, in the order asked for."""
        name = self.sort.removeprefix("-")
        key = BY.get(name) or _by_money(connection, name)
        by_name = sorted(rows, key=lambda each: (each.name.casefold(), each.tenant_id))
        if name == "number":
            return by_name[::-1] if self.sort.startswith("-") else by_name
        return sorted(by_name, key=key, reverse=self.sort.startswith("-"))

    def heads(self) -> list[dict[str, str]]:
        """Return the list's head: each column's label, the query that sorts by it, and how it is sorted now."""
        is_down, now = self.sort.startswith("-"), self.sort.removeprefix("-")
        return [
            {
                "name": name,
                "label": label,
                "query": self.kept(sort=f"-{name}" if name == now and not is_down else name, page="") if name else "",
                "sorted": ("descending" if is_down else "ascending") if name and name == now else "",
            }
            for name, label in HEADS
        ]

    def tabs(self, found: Sequence[Standing]) -> list[dict[str, Any]]:
        """Return the tabs with how many each holds; of what differs that is not known before it is asked for."""
        counts: Mapping[str, int] = count(found)
        tabs: list[dict[str, Any]] = [{"state": "", "label": "All", "count": len(found)}]
        tabs += [{"state": str(state), "label": LABELS[state], "count": counts[state]} for state in State]
        tabs += [{"state": DIFFERS, "label": "Differs from C3", "count": None}]
        return [
            each | {"current": each["state"] == self.state, "query": self.kept(state=each["state"], page="")}
            for each in tabs
        ]


def _by_money(connection: XeroConnection, name: str) -> Callable[[Standing], Any]:
    if name == BY_INVOICES:
        numbers = money.counts()
        return lambda each: numbers.get(each.pk, 0)
    owed = money.owed(connection)
    # Currencies cannot be added up: the largest amount of one counts.
    return lambda each: max(owed.get(each.tenant_id, {}).values(), default=Decimal(0))


def differing(connection: XeroConnection, found: Iterable[Standing]) -> list[Standing]:
    """Return those of whom C3 and Xero say different things."""
    differ = {each.customer.pk for each in link_statuses.link_statuses(connection) if each.differences}
    return [each for each in found if each.pk in differ]


def rows(connection: XeroConnection, standings: Standings, shown: Sequence[Standing]) -> list[Row]:
    """Return the rows of a page, in a constant number of queries."""
    keys = [each.pk for each in shown]
    own_account = Exists(AccountOverride.objects.filter(customer=OuterRef("pk")))
    found = (
        Customer.objects.filter(pk__in=keys)
        .select_related("override")
        .annotate(has_account=own_account, count=money.count_of_each())
    )
    customers = {each.pk: each for each in found}
    statuses = standings.statuses(customers.values())
    resellers = standings.resellers_of(keys)
    owed = money.owed(connection, keys, resellers)
    return [
        Row(customers[each.pk], statuses[each.pk], customers[each.pk].count, owed.get(each.tenant_id, {}))
        for each in shown
        if each.pk in customers
    ]


def orders(customer: Customer) -> list[SubscriptionOrder]:
    """Return the PO numbers of a customer's subscriptions."""
    return list(SubscriptionOrder.objects.filter(customer=customer).order_by("subscription"))
