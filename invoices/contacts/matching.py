"""How customers stand to their contacts by the last listing, and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import IntegrityError
from django.db.models import Q

from invoices.contacts import requests
from invoices.models import Customer
from xero_integration import connections, contacts
from xero_integration.client.gateway import Gateway
from xero_integration.contacts import ContactIndex
from xero_integration.contacts import Customer as Wanted
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.name_similarity import Names

# Contacts that one click creates: ten calls, which a minute's limit allows beside the uploads.
MOST_AT_ONCE = 500
SUGGESTIONS = 5
FOUND = 50
SAME_NUMBER, SAME_NAME = "Same contact number", "Same name"
HOW = {
    ContactLink.MatchedBy.NUMBER: SAME_NUMBER,
    ContactLink.MatchedBy.NAME: SAME_NAME,
    ContactLink.MatchedBy.HAND: "Linked by hand",
    ContactLink.MatchedBy.CREATED: "Created by the portal",
}


class State(StrEnum):
    CLASH = "clash"
    ARCHIVED = "archived"
    SUGGESTED = "suggested"
    NEW = "new"
    LINKED = "linked"


LABELS = {
    State.CLASH: "Clash",
    State.ARCHIVED: "Archived",
    State.SUGGESTED: "Suggested",
    State.NEW: "New",
    State.LINKED: "Linked",
}


@dataclass(frozen=True)
class Suggestion:
    """A contact that may be the customer; the next upload links it if `is_sure`, else only a person does."""

    contact_id: str
    name: str
    why: str
    is_sure: bool


@dataclass(frozen=True)
class LinkStatus:
    """A customer and its contact: `linked` is that contact's name, `words` what to know."""

    customer: Customer
    state: State
    linked_id: str = ""
    linked: str = ""
    how: str = ""
    words: str = ""
    suggestion: Suggestion | None = None

    @property
    def label(self) -> str:
        return LABELS[self.state]

    @property
    def order(self) -> int:
        return list(State).index(self.state)

    @property
    def tenant_id(self) -> str:
        return self.customer.tenant_id

    @property
    def erp_id(self) -> str:
        return self.customer.erp_id

    @property
    def by_name(self) -> tuple[str, str]:
        return self.customer.name.casefold(), self.customer.tenant_id

    @property
    def by_contact(self) -> str:
        return self.contact_name.casefold()

    @property
    def contact_name(self) -> str:
        return self.linked or (self.suggestion.name if self.suggestion else "")


@dataclass(frozen=True)
class Candidate:
    """A contact to choose; `why_not` says why it cannot be."""

    contact: Contact
    why: str
    why_not: str


class NotLinked(Exception):
    """Says in words why a contact cannot be this customer's."""


def link_statuses(connection: XeroConnection) -> list[LinkStatus]:
    """Return how every customer stands, by name, in a constant number of queries."""
    customers = list(Customer.objects.all())
    wanted = {each.key: each for each in requests.wanted_contacts(customers)}
    index, unusable = ContactIndex(connection), contacts.unusable(connection)
    names = _free_names(index, wanted.keys())
    found = [_link_status(each, wanted[each.tenant_id], index, unusable, names) for each in customers]
    return _new_names(found, wanted, index)


def _free_names(index: ContactIndex, customer_keys: Collection[str]) -> Names:
    return Names(
        {
            each.contact_id: each.name
            for each in index.contacts.values()
            if each.status == Contact.ACTIVE
            and each.contact_id not in index.holders
            and each.contact_number not in customer_keys
        }
    )


def _link_status(
    customer: Customer, wanted: Wanted, index: ContactIndex, unusable: Mapping[str, str], names: Names
) -> LinkStatus:
    if link := index.linked.get(wanted.key):
        return _linked(customer, link, index, unusable.get(wanted.key, ""))
    match = index.match(wanted)
    if isinstance(match, dict):
        why = HOW[ContactLink.MatchedBy(match["matched_by"])]
        sure = Suggestion(match["contact_id"], match["contact_name"], why, is_sure=True)
        return LinkStatus(customer, State.SUGGESTED, suggestion=sure, words="The next upload links it.")
    if isinstance(match, str):
        numbered = index.by_number[wanted.key]
        state = State.CLASH if numbered.status == Contact.ACTIVE else State.ARCHIVED
        return LinkStatus(customer, state, words=match, suggestion=_merged(numbered, index))
    similar = _similar(wanted, index, names, most=1)
    suggestion = similar[0] if similar else None
    if clash := index.why_not_by_name(wanted):
        return LinkStatus(customer, State.CLASH, words=clash, suggestion=suggestion)
    return LinkStatus(customer, State.SUGGESTED if suggestion else State.NEW, suggestion=suggestion)


def _linked(customer: Customer, link: ContactLink, index: ContactIndex, why_unusable: str) -> LinkStatus:
    contact = index.contacts.get(link.contact_id)
    link_status = LinkStatus(
        customer,
        State.LINKED,
        linked_id=link.contact_id,
        linked=contact.name if contact else link.contact_name,
        how=HOW[ContactLink.MatchedBy(link.matched_by)],
        words=why_unusable,
    )
    if not why_unusable:
        return link_status
    if contact is None:
        return replace(link_status, state=State.CLASH)
    return replace(link_status, state=State.ARCHIVED, suggestion=_merged(contact, index))


def _merged(contact: Contact, index: ContactIndex) -> Suggestion | None:
    target = index.merged_into(contact)
    if target is None or target.contact_id in index.holders:
        return None
    return Suggestion(target.contact_id, target.name, "Merged into this one", is_sure=False)


def _similar(wanted: Wanted, index: ContactIndex, names: Names, *, most: int) -> list[Suggestion]:
    return [
        Suggestion(key, index.contacts[key].name, _how_similar(wanted, index.contacts[key], score), is_sure=False)
        for key, score in names.similar(wanted.name, most=most)
        if (wanted.key, key) not in index.unlinked
    ]


def _how_similar(wanted: Wanted, contact: Contact, score: float) -> str:
    if contact.name_key == contacts.name_key(wanted.name):
        return SAME_NAME
    return "Nearly the same name" if score == 1 else f"Similar name, {score:.0%}"


def _new_names(found: Sequence[LinkStatus], wanted: Mapping[str, Wanted], index: ContactIndex) -> list[LinkStatus]:
    makes = [
        each
        for each in found
        if not each.linked
        and each.state in (State.NEW, State.CLASH, State.SUGGESTED)
        and not (each.suggestion and each.suggestion.is_sure)
        and each.customer.tenant_id not in index.by_number
    ]
    names = index.names_to_create([wanted[each.customer.tenant_id] for each in makes])
    notes = {key: f"The next upload creates “{name}”." for key, name in names.items()}
    return [
        replace(each, words=f"{each.words} {notes[each.customer.tenant_id]}".strip())
        if each.customer.tenant_id in notes
        else each
        for each in found
    ]


def search(found: Iterable[LinkStatus], words: str) -> list[LinkStatus]:
    """Return those whose name, tenant id, ERP id or contact holds the words."""
    term = words.casefold()
    return [
        each
        for each in found
        if term in each.customer.name.casefold()
        or term in each.customer.tenant_id.casefold()
        or term in each.customer.erp_id.casefold()
        or term in each.contact_name.casefold()
    ]


def candidates(connection: XeroConnection, customer: Customer, words: str) -> list[Candidate]:
    """Return the contacts that `words` find by name or number; without words, those that may be the customer."""
    (wanted,) = requests.wanted_contacts([customer])
    keys = dict(Customer.objects.values_list("tenant_id", "name"))
    index = ContactIndex(connection)
    if words:
        listed = Contact.objects.filter(connection=connection, status=Contact.ACTIVE).filter(
            Q(name__icontains=words) | Q(contact_number__iexact=words)
        )
        return [Candidate(each, "", _why_not(each, customer, index, keys)) for each in listed[:FOUND]]
    same = list(index.by_name.get(contacts.name_key(customer.name), []))
    if numbered := index.by_number.get(wanted.key):
        same = [numbered, *(each for each in same if each.contact_id != numbered.contact_id)]
    ids = {each.contact_id for each in same}
    similar = [
        each for each in _similar(wanted, index, _free_names(index, ()), most=SUGGESTIONS) if each.contact_id not in ids
    ]
    whys = [(each, SAME_NUMBER if each.contact_number == wanted.key else SAME_NAME) for each in same]
    whys += [(index.contacts[each.contact_id], each.why) for each in similar]
    return [Candidate(each, why, _why_not(each, customer, index, keys)) for each, why in whys]


def _why_not(contact: Contact, customer: Customer, index: ContactIndex, names: Mapping[str, str]) -> str:
    """Return why a person cannot link this contact to the customer, "" when they can."""
    if contact.status != Contact.ACTIVE:
        return f"The contact “{contact.name}” is archived in Xero. Restore it there first."
    holder = index.holders.get(contact.contact_id, customer.tenant_id)
    if holder != customer.tenant_id:
        return (
            f"The contact “{contact.name}” is linked to {names.get(holder, 'another customer')}. Unlink it there first."
        )
    number = contact.contact_number
    if number != customer.tenant_id and number in names:
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
        index, names = ContactIndex(connection), dict(Customer.objects.values_list("tenant_id", "name"))
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
    """Read all contacts from Xero again and return how many there are. Raises as `create` does."""
    return _call(connection, lambda gateway: contacts.read_listing(connection, gateway))


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
