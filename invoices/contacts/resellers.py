"""Resellers who are customers too: whether their invoices go to the customer's contact is said by a person."""

from __future__ import annotations

from collections.abc import Iterable

from invoices.models import Customer
from xero_integration.contact_index import Other
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.name_similarity import Names

SUFFIX = "reseller"
# What stands before a customer's key where a contact's id may stand.
AS_CUSTOMER = "customer:"


def is_reseller(customer: Customer) -> bool:
    return customer.key_from == Customer.Key.RESELLER


def is_another(customer: Customer) -> bool:
    """Return whether a person said that this reseller is a customer."""
    return customer.same_as_id not in (None, customer.pk)


def likely(connection: XeroConnection, customers: Iterable[Customer]) -> dict[str, tuple[Other, ...]]:
    """Return which customers each of the resellers among `customers` may be that nobody has decided about and that have
    no contact, by key: those whose name, or whose contact's, is much like theirs."""
    links = {each.customer_key: each for each in ContactLink.objects.filter(connection=connection)}
    undecided = [
        each for each in customers if is_reseller(each) and each.same_as_id is None and each.tenant_id not in links
    ]
    if not undecided:
        return {}
    others = {each.key: each for each in _others(connection, links)}
    names = Names({key: each.name for key, each in others.items()})
    contacts = Names({key: each.contact_name for key, each in others.items() if each.contact_id})
    return {
        each.tenant_id: tuple(others[key] for key in dict.fromkeys(names.alike(each.name) + contacts.alike(each.name)))
        for each in undecided
    }


def _others(connection: XeroConnection, links: dict[str, ContactLink]) -> Iterable[Other]:
    ids = [each.contact_id for each in links.values()]
    # Under the names that the contacts have now.
    listed = Contact.objects.filter(connection=connection).values_list("contact_id", "name")
    now = dict(listed) if ids else {}
    customers = Customer.objects.exclude(key_from=Customer.Key.RESELLER)
    for key, name in customers.values_list("tenant_id", "name"):
        link = links.get(key)
        contact_id = link.contact_id if link else ""
        yield Other(key, name, contact_id, now.get(contact_id, link.contact_name) if link else "")


def is_now(connection: XeroConnection, reseller: Customer, customer: Customer) -> None:
    """Note that the reseller is this customer, or with itself that it is none."""
    Customer.objects.filter(pk=reseller.pk).update(same_as=customer)
    if customer.pk != reseller.pk:
        ContactLink.objects.filter(connection=connection, customer_key=reseller.tenant_id).delete()


def forget(customers: Iterable[Customer]) -> int:
    """Forget what was said of the resellers among these; return of how many it was said that they are a customer."""
    said = [each for each in customers if is_reseller(each) and each.same_as_id is not None]
    Customer.objects.filter(pk__in=[each.pk for each in said]).update(same_as=None)
    return sum(map(is_another, said))
