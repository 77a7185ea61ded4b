"""Resellers who are customers too: whether their invoices go to the customer's contact is said by a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from invoices.models import Customer
from xero_integration.contact_index import Other
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.name_similarity import Names

SUFFIX, CUSTOMER = "reseller", "customer"
# What stands before a customer's key where a contact's id may stand.
AS_CUSTOMER = "customer:"


def is_reseller(customer: Customer) -> bool:
    return customer.key_from == Customer.Key.RESELLER


def is_another(customer: Customer) -> bool:
    """Return whether a person said that this reseller is a customer."""
    return customer.same_as_id not in (None, customer.pk)


def likely(
    connection: XeroConnection, customers: Iterable[Customer], known: Sequence[Customer]
) -> dict[str, tuple[Other, ...]]:
    """Return who of all `known` each of these without a contact may be too, by key: of a reseller that nobody has
    decided about the customers, of a customer such resellers with a contact, whose name, or whose contact's, is much
    like theirs."""
    if not any(map(is_reseller, known)):
        return {}
    links = {each.customer_key: each for each in ContactLink.objects.filter(connection=connection)}
    without = [each for each in customers if each.tenant_id not in links]
    resellers = [each for each in without if is_reseller(each) and each.same_as_id is None]
    own = [each for each in without if not is_reseller(each)]
    buyers = [each for each in known if not is_reseller(each)] if resellers else []
    billed = [each for each in known if is_reseller(each) and each.same_as_id is None and each.tenant_id in links]
    return _alike(resellers, _others(connection, links, buyers)) | _alike(own, _others(connection, links, billed))


def _alike(customers: Sequence[Customer], known: Iterable[Other]) -> dict[str, tuple[Other, ...]]:
    others = {each.key: each for each in known}
    if not others:
        return {}
    names = Names({key: each.name for key, each in others.items()})
    contacts = Names({key: each.contact_name for key, each in others.items() if each.contact_id})
    return {
        each.tenant_id: tuple(others[key] for key in dict.fromkeys(names.alike(each.name) + contacts.alike(each.name)))
        for each in customers
    }


def _others(
    connection: XeroConnection, links: Mapping[str, ContactLink], customers: Iterable[Customer]
) -> Iterator[Other]:
    now: dict[str, str] | None = None
    for customer in customers:
        link, what = links.get(customer.tenant_id), SUFFIX if is_reseller(customer) else CUSTOMER
        if link is None:
            yield Other(customer.tenant_id, customer.name, what=what)
            continue
        if now is None:
            # Under the names that the contacts have now.
            now = dict(Contact.objects.filter(connection=connection).values_list("contact_id", "name"))
        contact = now.get(link.contact_id, link.contact_name)
        yield Other(customer.tenant_id, customer.name, link.contact_id, contact, what)


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
