"""What a person does about the contacts of customers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import Q

from invoices.contacts import requests
from invoices.contacts.link_statuses import SAME_NAME, SAME_NUMBER, similar_contacts
from invoices.models import Customer
from xero_integration import connections, contacts
from xero_integration.client.gateway import Gateway
from xero_integration.contact_index import ContactIndex
from xero_integration.contact_names import name_key, number_key
from xero_integration.models import Contact, ContactLink, XeroConnection

# Contacts that one click creates: ten calls, which a minute's limit allows beside the uploads.
MOST_AT_ONCE = 500
SUGGESTIONS = 5
FOUND = 50


@dataclass(frozen=True)
class Candidate:
    """A contact to choose; `why_not` says why it cannot be."""

    contact: Contact
    why: str
    why_not: str


class NotLinked(Exception):
    """Says in words why a contact cannot be this customer's."""


def candidates(connection: XeroConnection, customer: Customer, words: str) -> list[Candidate]:
    """Return the contacts that `words` find by name or number; without words, those that may be the customer."""
    (wanted,) = requests.wanted_contacts([customer])
    keys = _names_by_number()
    index = ContactIndex(connection)
    if words:
        listed = Contact.objects.filter(connection=connection, status=Contact.ACTIVE).filter(
            Q(name__icontains=words) | Q(name_key__contains=name_key(words)) | Q(contact_number__iexact=words)
        )
        return [Candidate(each, "", _why_not(each, customer, index, keys)) for each in listed[:FOUND]]
    same = list(index.by_name.get(name_key(customer.name), []))
    if numbered := index.numbered(wanted.key):
        same = [numbered, *(each for each in same if each.contact_id != numbered.contact_id)]
    ids = {each.contact_id for each in same}
    similar = similar_contacts(wanted, index, index.free_names(()), most=SUGGESTIONS)
    similar = [each for each in similar if each.contact_id not in ids]
    whys = [(each, SAME_NUMBER if each == numbered else SAME_NAME) for each in same]
    whys += [(index.contacts[each.contact_id], each.why) for each in similar]
    return [Candidate(each, why, _why_not(each, customer, index, keys)) for each, why in whys]


def _names_by_number() -> dict[str, str]:
    """Return the customers' names by what their contact numbers compare as."""
    return {number_key(key): name for key, name in Customer.objects.values_list("tenant_id", "name")}


def _why_not(contact: Contact, customer: Customer, index: ContactIndex, names: Mapping[str, str]) -> str:
    """Return why a person cannot link this contact to the customer, "" when they can; `names` as `_names_by_number` has
    them."""
    if contact.status != Contact.ACTIVE:
        return f"The contact “{contact.name}” is archived in Xero. Restore it there first."
    holder = index.holders.get(contact.contact_id, customer.tenant_id)
    if holder != customer.tenant_id:
        return (
            f"The contact “{contact.name}” is linked to {names.get(number_key(holder), 'another customer')}. "
            "Unlink it there first."
        )
    number = number_key(contact.contact_number)
    if number != number_key(customer.tenant_id) and number in names:
        return f"The contact “{contact.name}” has the contact number of {names[number]}."
    return ""


def linked(connection: XeroConnection, customers: Iterable[Customer]) -> dict[str, str]:
    """Return, by name and tenant id, which contact each of these customers is linked to; "" for none."""
    links = {each.customer_key: each for each in ContactLink.objects.filter(connection=connection)}
    return {
        f"{each.name} ({each.tenant_id})": f"{link.contact_name} ({link.contact_id})" if link else ""
        for each in customers
        for link in [links.get(each.tenant_id)]
    }


def link(connection: XeroConnection, chosen: Mapping[str, str]) -> tuple[int, list[str]]:
    """Link customers (by tenant id) to contacts (by id) as a person says. Returns how many, and why others were not.

    Raises NotLinked while contacts are being looked after elsewhere.
    """
    with _lease(connection):
        index, names = ContactIndex(connection), _names_by_number()
        customers = {each.tenant_id: each for each in Customer.objects.filter(tenant_id__in=chosen)}
        linked, problems = 0, []
        for key, customer in customers.items():
            try:
                _link_one(connection, customer, index, chosen[key], names)
            except NotLinked as error:
                problems.append(f"{customer.name}: {error}")
            else:
                linked += 1
    return linked, problems


def set_apart(connection: XeroConnection, customer: Customer, contact_ids: Iterable[str]) -> list[str]:
    """Note that the customer is none of these contacts, so that the next upload may create its own. Returns
    their names with their ids.

    Raises NotLinked while contacts are being looked after elsewhere.
    """
    with _lease(connection):
        found = Contact.objects.filter(connection=connection, contact_id__in=contact_ids)
        names = dict(found.values_list("contact_id", "name"))
        contacts.set_apart(connection, {customer.tenant_id: names})
    return [f"{name} ({contact_id})" for contact_id, name in names.items()]


def _link_one(
    connection: XeroConnection, customer: Customer, index: ContactIndex, contact_id: str, names: Mapping[str, str]
) -> None:
    contact = index.contacts.get(contact_id)
    if contact is None:
        raise NotLinked("That contact is not in the list of contacts any more. Read contacts again.")
    if why_not := _why_not(contact, customer, index, names):
        raise NotLinked(why_not)
    try:
        contacts.link_by_hand(connection, customer.tenant_id, contact)
    except IntegrityError as error:
        raise NotLinked(f"The contact “{contact.name}” is linked to another customer.") from error
    index.holders[contact_id] = customer.tenant_id


def create(connection: XeroConnection, customers: Iterable[Customer]) -> contacts.Outcome:
    """Give at most MOST_AT_ONCE customers a contact in Xero: an existing one of their number or exact name, else new.

    Raises XeroError, and NotLinked while contacts are being looked after elsewhere.
    """
    wanted = requests.wanted_contacts(list(customers)[:MOST_AT_ONCE])
    return _call(connection, lambda gateway: contacts.link(connection, gateway, wanted))


def read_again(connection: XeroConnection) -> int:
    """Read all contacts from Xero again, with addresses, and return how many there are. Raises as `create` does."""
    return _call(connection, lambda gateway: contacts.read_listing(connection, gateway, with_addresses=True))


def _call[T](connection: XeroConnection, work: Callable[[Gateway], T]) -> T:
    with _lease(connection):
        return connections.call(connection, work, click=True)


@contextmanager
def _lease(connection: XeroConnection) -> Iterator[None]:
    if not contacts.lease(connection):
        raise NotLinked("An upload is looking after the contacts at this moment. Try again in a minute.")
    try:
        yield
    finally:
        contacts.release(connection)
