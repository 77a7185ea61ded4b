"""Resellers who are customers too: whether their invoices go to the customer's contact is said by a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from invoices.models import Customer
from xero_integration.contact_index import Listing, Other
from xero_integration.models import ContactLink, XeroConnection
from xero_integration.name_similarity import Names

SUFFIX, CUSTOMER = "reseller", "customer"
# What stands before a customer's key where a contact's id may stand.
AS_CUSTOMER = "customer:"


class Known(NamedTuple):
    """Of a customer what tells who it is, for what looks at all of them."""

    pk: int
    tenant_id: str
    name: str
    key_from: str
    same_as_id: int | None
    erp_id: str


def everyone() -> list[Known]:
    """Return every customer, in any order."""
    return of_rows(query())


def listing(connection: XeroConnection) -> Listing:
    """Return the contacts and links of an organisation, and `beside` them what `of_rows` takes, in one query."""
    return Listing(connection, beside=query())


def query() -> QuerySet[Customer, tuple[Any, ...]]:
    """Return the query for what `of_rows` takes."""
    return Customer.objects.order_by().values_list(*Known._fields)


def of_rows(rows: Iterable[tuple[Any, ...]]) -> list[Known]:
    """Return the customers of `query`."""
    return [Known._make(row) for row in rows]


def is_reseller(customer: Customer | Known) -> bool:
    return customer.key_from == Customer.Key.RESELLER


def is_another(customer: Customer | Known) -> bool:
    """Return whether a person said that this reseller is a customer."""
    return customer.same_as_id not in (None, customer.pk)


def likely(
    connection: XeroConnection,
    customers: Iterable[Customer],
    known: Sequence[Known],
    listing: Listing | None = None,
) -> dict[str, tuple[Other, ...]]:
    """Return who of all `known` each of these without a contact may be too, by key: of a reseller that nobody has
    decided about the customers, of a customer such resellers with a contact, whose name, or whose contact's, is much
    like theirs."""
    if not any(map(is_reseller, known)):
        return {}
    listing = listing or Listing(connection)
    without = [each for each in customers if each.tenant_id not in listing.linked]
    resellers = [each for each in without if is_reseller(each) and each.same_as_id is None]
    own = [each for each in without if not is_reseller(each)]
    buyers = [each for each in known if not is_reseller(each)] if resellers else []
    undecided = [each for each in known if is_reseller(each) and each.same_as_id is None]
    billed = [each for each in undecided if each.tenant_id in listing.linked]
    return _alike(resellers, _others(listing, buyers)) | _alike(own, _others(listing, billed))


def _alike(customers: Sequence[Customer | Known], known: Iterable[Other]) -> dict[str, tuple[Other, ...]]:
    others = {each.key: each for each in known}
    if not others:
        return {}
    names = Names({key: each.name for key, each in others.items()})
    contacts = Names({key: each.contact_name for key, each in others.items() if each.contact_id})
    return {
        each.tenant_id: tuple(others[key] for key in dict.fromkeys(names.alike(each.name) + contacts.alike(each.name)))
        for each in customers
    }


def _others(listing: Listing, customers: Iterable[Known]) -> Iterator[Other]:
    for customer in customers:
        link, what = listing.linked.get(customer.tenant_id), SUFFIX if is_reseller(customer) else CUSTOMER
        if link is None:
            yield Other(customer.tenant_id, customer.name, what=what)
            continue
        # Under the name that the contact has now.
        contact = listing.contacts.get(link.contact_id)
        name = contact.name if contact else link.contact_name
        yield Other(customer.tenant_id, customer.name, link.contact_id, name, what)


def is_now(connection: XeroConnection, reseller: Customer | Known, customer: Customer | Known) -> None:
    """Note that the reseller is this customer, or with itself that it is none."""
    Customer.objects.filter(pk=reseller.pk).update(same_as=customer.pk)
    if customer.pk != reseller.pk:
        ContactLink.objects.filter(connection=connection, customer_key=reseller.tenant_id).delete()


def forget(customers: Iterable[Customer]) -> int:
    """Forget what was said of the resellers among these; return of how many it was said that they are a customer."""
    said = [each for each in customers if is_reseller(each) and each.same_as_id is not None]
    Customer.objects.filter(pk__in=[each.pk for each in said]).update(same_as=None)
    return sum(map(is_another, said))
