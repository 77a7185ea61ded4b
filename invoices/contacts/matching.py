"""What a person does about the contacts of customers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q

from invoices.contacts import requests, resellers
from invoices.contacts.link_statuses import SAME_NAME, SAME_NUMBER, similar_contacts
from invoices.contacts.resellers import AS_CUSTOMER, Known
from invoices.models import Customer
from xero_integration import connections, contacts
from xero_integration.contact_index import AnyContact, ContactIndex, Listing
from xero_integration.contact_names import name_key, number_key
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.name_similarity import Names

# Contacts that one click creates: ten calls, which a minute's limit allows beside the uploads.
MOST_AT_ONCE = 500
SUGGESTIONS = 5
FOUND = 50


@dataclass(frozen=True)
class Candidate:
    """A contact to choose; `why_not` says why it cannot be."""

    contact: AnyContact
    why: str
    why_not: str


class NotLinked(Exception):
    """Says in words why a contact cannot be this customer's."""


def candidates(connection: XeroConnection, customer: Customer, words: str) -> list[Candidate]:
    """Return the contacts that `words` find by name or number; without words, those that may be the customer."""
    listing = resellers.listing(connection)
    known = resellers.of_rows(listing.beside)
    (wanted,) = requests.wanted_contacts(connection, [customer], known, listing)
    keys = {number_key(each.tenant_id): each for each in known}
    index = ContactIndex(connection, listing, {customer.tenant_id: customer.name})
    if words:
        listed = Contact.objects.filter(connection=connection, status=Contact.ACTIVE).filter(
            Q(name__icontains=words) | Q(name_key__contains=name_key(words)) | Q(contact_number__iexact=words)
        )
        return [Candidate(each, "", _why_not(each, customer, index, keys)) for each in listed[:FOUND]]
    same = list(index.by_name.get(name_key(customer.name), []))
    if numbered := index.numbered(wanted.key):
        same = [numbered, *(each for each in same if each.contact_id != numbered.contact_id)]
    maybe = {each.contact_id: f"Contact of the customer “{each.name}”" for each in wanted.maybe if each.contact_id}
    ids = {each.contact_id for each in same} | maybe.keys()
    similar = similar_contacts(wanted, index, index.free_names(()), most=SUGGESTIONS)
    similar = [each for each in similar if each.contact_id not in ids]
    whys: list[tuple[AnyContact, str]] = [
        (listing.contacts[each], why) for each, why in maybe.items() if each in listing.contacts
    ]
    whys += [(each, SAME_NUMBER if each == numbered else SAME_NAME) for each in same if each.contact_id not in maybe]
    whys += [(index.contacts[each.contact_id], each.why) for each in similar]
    return [Candidate(each, why, _why_not(each, customer, index, keys)) for each, why in whys]


def near(listing: Listing, customer: Customer) -> list[Candidate]:
    """Return the active contacts that nobody has whose names are much like the customer's, the likeliest first."""
    free = (each for each in listing.contacts.values() if each.status == Contact.ACTIVE)
    by_name = sorted(free, key=lambda each: (each.name, each.contact_id))
    found = {each.contact_id: each for each in by_name if each.contact_id not in listing.holders}
    names = Names({key: each.name for key, each in found.items()})
    alike = names.alike(customer.name)
    more = [key for key, _ in names.similar(customer.name, most=SUGGESTIONS) if key not in alike]
    whys = [(key, "Nearly the same name") for key in alike] + [(key, "Similar name") for key in more]
    return [Candidate(found[key], why, "") for key, why in whys[:SUGGESTIONS]]


def _customers_by_number() -> dict[str, Known]:
    """Return the customers by what their contact numbers compare as."""
    return {number_key(each.tenant_id): each for each in resellers.everyone()}


def _why_not(contact: AnyContact, customer: Customer, index: ContactIndex, customers: Mapping[str, Known]) -> str:
    """Return why a person cannot link this contact to the customer, "" when they can; `customers` as
    `_customers_by_number` has them."""
    if contact.status != Contact.ACTIVE:
        return f"The contact “{contact.name}” is archived in Xero. Restore it there first."
    if _customer_too(contact, customer, index, customers):
        return ""
    holder = index.holders.get(contact.contact_id, customer.tenant_id)
    if holder != customer.tenant_id:
        owner = customers.get(number_key(holder))
        who = owner.name if owner else "another customer"
        return f"The contact “{contact.name}” is linked to {who}. Unlink it there first."
    number = number_key(contact.contact_number)
    if number != number_key(customer.tenant_id) and number in customers:
        return f"The contact “{contact.name}” has the contact number of {customers[number].name}."
    return ""


def _customer_too(
    contact: AnyContact, customer: Customer, index: ContactIndex, customers: Mapping[str, Known]
) -> Known | None:
    """Return the customer whose contact this is, when a reseller can be that one."""
    holder = index.holders.get(contact.contact_id, contact.contact_number)
    owner = customers.get(number_key(holder))
    return owner if owner and resellers.is_reseller(customer) and not resellers.is_reseller(owner) else None


def linked(connection: XeroConnection, customers: Iterable[Customer]) -> dict[str, str]:
    """Return, by name and tenant id, which contact each of these customers has now; "" for none."""
    links = {each.customer_key: each for each in ContactLink.objects.filter(connection=connection)}
    rows = Customer.objects.filter(pk__in=[each.pk for each in customers]).select_related("same_as")
    return {_named(each): _linked_to(each, links.get(each.tenant_id)) for each in rows}


def _named(customer: Customer | Known) -> str:
    return f"{customer.name} ({customer.tenant_id})"


def _linked_to(customer: Customer, link: ContactLink | None) -> str:
    if customer.same_as and resellers.is_another(customer):
        return f"the contact of {_named(customer.same_as)}"
    return f"{link.contact_name} ({link.contact_id})" if link else ""


def link(connection: XeroConnection, chosen: Mapping[str, str]) -> tuple[int, list[str]]:
    """Link customers (by tenant id) to contacts (by id) as a person says, or resellers to the customer that they are
    (`resellers.AS_CUSTOMER` and its key). Returns how many, and why others were not.

    Raises NotLinked while contacts are being looked after elsewhere.
    """
    with _lease(connection):
        index, others = ContactIndex(connection), _customers_by_number()
        customers = {each.tenant_id: each for each in Customer.objects.filter(tenant_id__in=chosen)}
        linked, problems = 0, []
        for key, customer in customers.items():
            try:
                _link_one(connection, customer, index, chosen[key], others)
            except NotLinked as error:
                problems.append(f"{customer.name}: {error}")
            else:
                linked += 1
    return linked, problems


def set_apart(connection: XeroConnection, customer: Customer, contact_ids: Sequence[str]) -> list[str]:
    """Note that the customer is none of these contacts (ids as `link` takes them), so that the next upload may create
    its own. Returns their names with their ids.

    Raises NotLinked while contacts are being looked after elsewhere.
    """
    with _lease(connection):
        found = Contact.objects.filter(connection=connection, contact_id__in=contact_ids)
        names = dict(found.values_list("contact_id", "name"))
        contacts.set_apart(connection, {customer.tenant_id: names})
        keys = [each.removeprefix(AS_CUSTOMER) for each in contact_ids if each.startswith(AS_CUSTOMER)]
        others = list(Customer.objects.filter(tenant_id__in=keys))
        for reseller in filter(resellers.is_reseller, [customer, *others] if others else []):
            resellers.is_now(connection, reseller, reseller)
    return [f"{name} ({contact_id})" for contact_id, name in names.items()] + [_named(each) for each in others]


def _link_one(
    connection: XeroConnection,
    customer: Customer,
    index: ContactIndex,
    contact_id: str,
    customers: Mapping[str, Known],
) -> None:
    moved = None
    if contact_id.startswith(AS_CUSTOMER):
        other = customers.get(number_key(contact_id.removeprefix(AS_CUSTOMER)))
        if other is None or resellers.is_reseller(customer) == resellers.is_reseller(other):
            raise NotLinked("That customer is not there any more.")
        if resellers.is_reseller(customer):
            resellers.is_now(connection, customer, other)
            return
        # The contact is the customer's from now on, and the reseller's through it.
        moved, link = other, index.linked.get(other.tenant_id)
        contact_id = link.contact_id if link else ""
        index.holders.pop(contact_id, None)
        customers = {key: each for key, each in customers.items() if each != other}
    contact = index.contacts.get(contact_id)
    if contact is None:
        raise NotLinked("That contact is not in the list of contacts any more. Read contacts again.")
    if why_not := _why_not(contact, customer, index, customers):
        raise NotLinked(why_not)
    if owner := _customer_too(contact, customer, index, customers):
        resellers.is_now(connection, customer, owner)
        return
    try:
        with transaction.atomic():
            if moved:
                resellers.is_now(connection, moved, customer)
            contacts.link_by_hand(connection, customer.tenant_id, contact)
    except IntegrityError as error:
        raise NotLinked(f"The contact “{contact.name}” is linked to another customer.") from error
    index.holders[contact_id] = customer.tenant_id
    if resellers.is_reseller(customer):
        resellers.is_now(connection, customer, customer)


def unlink(connection: XeroConnection, customers: Sequence[Customer]) -> int:
    """Forget these customers' contacts here, not in Xero, and of resellers which customer they are. Returns how
    many."""
    return contacts.unlink(connection, [each.tenant_id for each in customers]) + resellers.forget(customers)


def create(
    connection: XeroConnection, customers: Iterable[Customer], around: AbstractContextManager[None] | None = None
) -> contacts.Outcome:
    """Give at most MOST_AT_ONCE customers a contact in Xero: an existing one of their number or exact name, else new.
    `around` is entered only while nobody else looks after contacts: what changes in it was done here.

    Raises XeroError, and NotLinked while contacts are being looked after elsewhere.
    """
    wanted = requests.wanted_contacts(connection, list(customers)[:MOST_AT_ONCE])
    with _lease(connection), around or nullcontext():
        return connections.call(connection, lambda gateway: contacts.link(connection, gateway, wanted), click=True)


def read_again(connection: XeroConnection) -> int:
    """Read all contacts from Xero again, with addresses, and return how many there are. Raises as `create` does."""
    with _lease(connection):
        return connections.call(
            connection, lambda gateway: contacts.read_listing(connection, gateway, with_addresses=True), click=True
        )


@contextmanager
def _lease(connection: XeroConnection) -> Iterator[None]:
    if not contacts.lease(connection):
        raise NotLinked("An upload is looking after the contacts at this moment. Try again in a minute.")
    try:
        yield
    finally:
        contacts.release(connection)
