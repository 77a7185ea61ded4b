"""The contacts as last listed, and which of them a customer is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import BooleanField, Case, QuerySet, Value, When

from c3portal.database import together
from xero_integration.contact_names import MAX_NAME, name_key, number_key, sendable_name, spelling
from xero_integration.models import Contact, ContactLink, UnlinkedContact, XeroConnection
from xero_integration.name_similarity import Names
from xero_integration.new_contacts import NewContact, sendable_address, sendable_email

MOST_NAMED = 3
NO_KEY = "This customer has no tenant id, so its contact is chosen by a person before its first invoice is posted."


@dataclass(frozen=True)
class Other:
    """Another customer by its key, and `what` it is, with its contact where it has one."""

    key: str
    name: str
    contact_id: str = ""
    contact_name: str = ""
    what: str = "customer"

    def __str__(self) -> str:
        has = f"has the contact “{self.contact_name}”" if self.contact_id else "is there too"
        return f"the {self.what} “{self.name}” {has}"


@dataclass(frozen=True)
class Customer:
    """Who needs a contact. `key` becomes the ContactNumber (at most 50 characters); `suffix` tells apart customers
    of one name. A new contact gets the first of `emails` that Xero takes, and of `address` (parts as in
    `new_contacts.ADDRESS`) what it takes. One without a key of its own (`is_by_hand`) gets the contact that a person
    chooses, and no other. `maybe`: who it may be, so that a person says first whether it gets a contact of its own."""

    key: str
    name: str
    suffix: str
    emails: tuple[str, ...]
    shares_name: bool
    is_by_hand: bool = False
    address: Mapping[str, str] = field(default_factory=dict, hash=False)
    maybe: tuple[Other, ...] = ()


def likely(alike: Sequence[AnyContact], maybe: Sequence[Other]) -> str:
    """Return in words who a customer without a contact may be."""
    names = " and ".join(f"“{each.name}”" for each in alike[:MOST_NAMED])
    found = [f"Xero has {names}"] if names else []
    return ", and ".join([*found, *map(str, maybe[:MOST_NAMED])])


def archived(name: str) -> str:
    """Return why a customer whose contact is archived in Xero is left out of an upload."""
    return f"The contact “{name}” of this customer is archived in Xero. Restore it there, then upload again."


class Linked(NamedTuple):
    """Of a link: whose it is, and the contact, as it was called then; `is_later`: it may have been made since the
    contacts were listed."""

    customer_key: str
    contact_id: str
    contact_name: str
    matched_by: str
    is_later: bool


class Listed(NamedTuple):
    """Of a contact what tells whose it is."""

    contact_id: str
    name: str
    contact_number: str
    status: str
    merged_into: str


type AnyContact = Contact | Listed


class Listing:
    """All contacts and links of an organisation by few columns, for what looks at all of them; `beside` what a query
    gives that is asked in the same question."""

    def __init__(self, connection: XeroConnection, *, beside: QuerySet[Any, Any] | None = None) -> None:
        mine = {"connection": connection}
        links, rows, unlinked, *more = together.read(
            ContactLink.objects.filter(**mine).annotate(is_later=_is_later(connection)).values_list(*Linked._fields),
            Contact.objects.filter(**mine).order_by().values_list(*Listed._fields),
            UnlinkedContact.objects.filter(**mine).values_list("customer_key", "contact_id"),
            *(() if beside is None else (beside,)),
        )
        self.beside: list[Any] = more[0] if more else []
        self.unlinked: set[tuple[str, str]] = set(unlinked)
        self.linked = {row[0]: Linked._make(row) for row in links}
        self.contacts = {row[0]: Listed._make(row) for row in rows}
        self.holders = {each.contact_id: each.customer_key for each in self.linked.values()}

    def about(self, customers: Mapping[str, str]) -> list[Listed]:
        """Return by name the contacts that can matter to these customers (names by key): their own, those that nobody
        has, those of their number or name, and what these were merged into."""
        keys = {number_key(key) for key in customers}
        names = {form for name in customers.values() for form in (name_key(name), spelling(name))}
        own = {self.linked[key].contact_id for key in customers if key in self.linked}
        found = {
            each.contact_id: each
            for each in self.contacts.values()
            if each.contact_id not in self.holders
            or each.contact_id in own
            or (each.contact_number and number_key(each.contact_number) in keys)
            or name_key(each.name) in names
            or spelling(each.name) in names
        }
        targets = {each.merged_into for each in found.values() if each.merged_into} - found.keys()
        merged = [self.contacts[target] for target in targets if target in self.contacts]
        return sorted([*found.values(), *merged], key=lambda each: (each.name, each.contact_id))


def _is_later(connection: XeroConnection) -> Case | Value:
    """Return whether a contact that was linked at a link's time may have been made since the listing was read."""
    if connection.contacts_read_at is None:
        return Value(True, output_field=BooleanField())
    is_later = When(created_at__gte=connection.contacts_read_at, then=Value(True))
    return Case(is_later, default=Value(False), output_field=BooleanField())


class ContactIndex:
    """The contacts as last listed, in memory, so that matching takes no query for each customer."""

    contacts: Mapping[str, AnyContact]
    linked: Mapping[str, ContactLink | Linked]

    def __init__(
        self, connection: XeroConnection, listing: Listing | None = None, customers: Mapping[str, str] | None = None
    ) -> None:
        """With a listing only what can matter to these customers (names by key), by few columns."""
        if listing is None:
            self.contacts = {each.contact_id: each for each in Contact.objects.filter(connection=connection)}
            self.linked = {each.customer_key: each for each in ContactLink.objects.filter(connection=connection)}
            self.holders = {each.contact_id: each.customer_key for each in self.linked.values()}
            unlinked = UnlinkedContact.objects.filter(connection=connection)
            self.unlinked = set(unlinked.values_list("customer_key", "contact_id"))
        else:
            self.contacts = {each.contact_id: each for each in listing.about(customers or {})}
            self.linked, self.holders, self.unlinked = listing.linked, dict(listing.holders), listing.unlinked
        self.by_number: dict[str, list[AnyContact]] = defaultdict(list)
        self.by_name: dict[str, list[AnyContact]] = defaultdict(list)
        for contact in self.contacts.values():
            if contact.contact_number:
                self.by_number[number_key(contact.contact_number)].append(contact)
            if contact.status == Contact.ACTIVE:
                # Not the key that is stored, which a release before may have written.
                self.by_name[name_key(contact.name)].append(contact)

    def match(self, customer: Customer) -> dict[str, str] | str | None:
        """Return the link's fields, why there can be none in words, or None when a contact is to be made."""
        # By ContactNumber, then by exact unambiguous name, else a new one.
        if customer.is_by_hand:
            return NO_KEY
        if numbered := self.numbered(customer.key):
            return self._by_number(customer, numbered)
        named = self.by_name.get(name_key(customer.name), [])
        if len(named) == 1 and not self.why_not_by_name(customer):
            return self._link(customer, named[0], ContactLink.MatchedBy.NAME)
        return None

    def numbered(self, key: str) -> AnyContact | None:
        """Return the contact with this number, whatever its capitals: one with the same before others."""
        having = self.by_number.get(number_key(key), ())
        return min(having, key=lambda each: (each.contact_number != key, each.status != Contact.ACTIVE), default=None)

    def why_not_by_name(self, customer: Customer) -> str:
        """Return why a contact of the customer's name is not the customer, "" otherwise."""
        named = self.by_name.get(name_key(customer.name), [])
        if not named:
            return ""
        name = named[0].name
        if len(named) > 1:
            return f"{len(named)} contacts are called “{name}”."
        if customer.shares_name:
            return f"Another customer has this name too, so the contact “{name}” could be either's."
        if self.holders.get(named[0].contact_id, customer.key) != customer.key:
            return f"The contact “{name}” is linked to another customer."
        if (customer.key, named[0].contact_id) in self.unlinked:
            return f"The contact “{name}” was unlinked from this customer."
        if number_key(named[0].contact_number) not in ("", number_key(customer.key)):
            return f"The contact “{name}” has the contact number {named[0].contact_number}, so it is someone else."
        return ""

    def merged_into(self, contact: AnyContact) -> AnyContact | None:
        """Return the active contact that this one was merged into, None when there is none."""
        target = self.contacts.get(contact.merged_into)
        return target if target and target.status == Contact.ACTIVE else None

    def _by_number(self, customer: Customer, contact: AnyContact) -> dict[str, str] | str:
        if contact.status != Contact.ACTIVE:
            if target := self.merged_into(contact):
                return (
                    f"The contact “{contact.name}” of this customer was merged into “{target.name}” in Xero. Link that."
                )
            return archived(contact.name)
        if self.holders.get(contact.contact_id, customer.key) != customer.key:
            return f"The contact “{contact.name}” with this customer's number is linked to another customer."
        if (customer.key, contact.contact_id) in self.unlinked:
            return (
                f"The contact “{contact.name}” has this customer's number but was unlinked from it. "
                "Link it again, or link another."
            )
        return self._link(customer, contact, ContactLink.MatchedBy.NUMBER)

    def _link(self, customer: Customer, contact: AnyContact, matched_by: ContactLink.MatchedBy) -> dict[str, str]:
        self.holders[contact.contact_id] = customer.key
        return {"contact_id": contact.contact_id, "contact_name": contact.name, "matched_by": matched_by}

    def to_create(self, customers: Sequence[Customer]) -> dict[str, NewContact]:
        """Return the new contact of each, by customer key."""
        names = self.names_to_create(customers)
        return {
            each.key: NewContact(names[each.key], each.key, sendable_email(each.emails), sendable_address(each.address))
            for each in customers
        }

    def names_to_create(self, customers: Sequence[Customer]) -> dict[str, str]:
        """Return a name for each new contact, by customer key, unique among active contacts."""
        # Xero wants unique names, so a customer whose name is taken or shared is told apart by its number in the
        # partner's own books.
        # https://developer.xero.com/documentation/api/accounting/contacts/
        wanted = Counter(spelling(customer.name) for customer in customers)
        taken = {spelling(contact.name) for named in self.by_name.values() for contact in named} if customers else set()
        names: dict[str, str] = {}
        given: Counter[str] = Counter()
        for customer in customers:
            key = spelling(customer.name)
            alone = not customer.shares_name and wanted[key] == 1 and key not in taken
            suffix = "" if alone else customer.suffix or customer.key
            given[f"{key} {suffix}"] += 1
            # Suffixes that are words are not one each.
            count = given[f"{key} {suffix}"]
            tail = f" ({suffix}{f' {count}' if count > 1 else ''})" if suffix else ""
            names[customer.key] = sendable_name(customer.name)[: MAX_NAME - len(tail)] + tail
        return names

    def free_names(self, customer_keys: Collection[str]) -> Names:
        """Return the active contacts that no customer has; `customer_keys`: of all customers."""
        numbers = {number_key(key) for key in customer_keys}
        return Names(
            {
                each.contact_id: each.name
                for each in self.contacts.values()
                if each.status == Contact.ACTIVE
                and each.contact_id not in self.holders
                and number_key(each.contact_number) not in numbers
            }
        )

    def alike(self, customer: Customer, free: Names) -> list[AnyContact]:
        """Return the contacts of `free` so much like this customer that a person says whether they are it."""
        return [self.contacts[key] for key in free.alike(customer.name) if (customer.key, key) not in self.unlinked]
