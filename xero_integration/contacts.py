"""Which contact in Xero each customer is: matched or created in bulk, remembered, and never shared."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from c3portal.database import clock
from c3portal.processes import liveness
from xero_integration.client import shapes, timeouts
from xero_integration.client.departure import stalled_error
from xero_integration.client.errors import Problem, XeroOutcomeUnknown, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.contact_index import AnyContact, ContactIndex, Customer, Linked, Listed, Listing, Other, likely
from xero_integration.contact_names import name_key, number_key, why_untaken
from xero_integration.models import Contact, ContactLink, UnlinkedContact, XeroConnection
from xero_integration.new_contacts import ADDRESS, NewContact

# How long a listing is trusted before contacts are created on its word; contacts made in Xero meanwhile are found by
# the refusal that their name or number brings.
LISTING_LIFE = dt.timedelta(minutes=15)
# How long it is trusted when it stands in the way of an upload: someone may have mended it in Xero just now.
DOUBTED_LIFE = dt.timedelta(minutes=1)
MOST_KEYS = 10_000
NO_ID = "00000000-0000-0000-0000-000000000000"


@dataclass
class Outcome:
    """How many have a contact now, how many of them a new one; `problems`: why not, by customer key."""

    linked: int = 0
    created: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def lease(connection: XeroConnection) -> bool:
    """Return whether this process may look after contacts now."""
    # One process at a time, so that nobody is created twice.
    now, holder = clock.now(), liveness.key()
    if not liveness.may_claim(now):
        return False
    free = Q(contacts_lease_until__isnull=True) | Q(contacts_lease_until__lt=now)
    won = XeroConnection.objects.filter(free, pk=connection.pk).update(
        contacts_lease_until=now + timeouts.row_lease(), contacts_lease_holder=holder
    )
    connection.contacts_lease_holder = holder if won else connection.contacts_lease_holder
    return bool(won)


def release(connection: XeroConnection) -> None:
    """Let the next process look after contacts, unless it does already."""
    _held(connection).update(contacts_lease_until=None, contacts_lease_holder="")


def _held(connection: XeroConnection) -> QuerySet[XeroConnection]:
    return XeroConnection.objects.filter(pk=connection.pk, contacts_lease_holder=connection.contacts_lease_holder)


def link(
    connection: XeroConnection,
    gateway: Gateway,
    customers: Sequence[Customer],
    *,
    customer_keys: Collection[str] | None = None,
) -> Outcome:
    """Give every customer without a contact one. Call it under `lease`.

    With `customer_keys` (of all customers) nobody gets a new contact who is much like one that is there: a person says
    first whether they are the same. Raises XeroUnavailable, XeroAuthError or XeroRejected (a whole call refused); what
    was linked before stays.
    """
    if not customers:
        return Outcome()
    # One listing for each 1,000 contacts serves all customers; a look-up for each invoice would burn the call limits.
    refresh_listing(connection, gateway)
    index, matches = _matches(connection, customers)
    doubted = any(isinstance(found, str) for found in matches.values())
    if doubted and refresh_listing(connection, gateway, life=DOUBTED_LIFE):
        index, matches = _matches(connection, customers)
    outcome, links, now = Outcome(), [], clock.now()
    for key, found in matches.items():
        if isinstance(found, str):
            outcome.problems[key] = found
        elif found:
            links.append(ContactLink(connection=connection, customer_key=key, created_at=now, **found))
    ContactLink.objects.bulk_create(links, batch_size=500)
    outcome.linked = len(links)
    to_create = [customer for customer in customers if matches.get(customer.key, "linked") is None]
    outcome.problems |= why_not_created(index, to_create, customer_keys)
    to_create = [customer for customer in to_create if customer.key not in outcome.problems]
    new = index.to_create(to_create)
    for some in batched(to_create, settings.XERO_BATCH):
        _create(connection, gateway, some, [new[each.key] for each in some], outcome)
    return outcome


def _matches(
    connection: XeroConnection, customers: Sequence[Customer]
) -> tuple[ContactIndex, dict[str, dict[str, str] | str | None]]:
    index = ContactIndex(connection)
    return index, {each.key: index.match(each) for each in customers if each.key not in index.linked}


def why_not_created(
    index: ContactIndex, customers: Sequence[Customer], customer_keys: Collection[str] | None
) -> dict[str, str]:
    """Return why these get no new contact, in words by customer key; `customer_keys` as in `link`."""
    problems = {each.key: why for each in customers if (why := why_untaken(each.name))}
    if customers and customer_keys is not None:
        free = index.free_names(customer_keys)
        alike = {each.key: index.alike(each, free) for each in customers if each.key not in problems}
        maybe = {each.key: each.maybe for each in customers}
        problems |= {key: _undecided(found, maybe[key]) for key, found in alike.items() if found or maybe[key]}
    return problems


def _undecided(alike: Sequence[AnyContact], maybe: Sequence[Other]) -> str:
    words = likely(alike, maybe)
    return (
        f"{words[0].upper()}{words[1:]}, much like this customer, who has no contact yet. Upload again, and say at the "
        "check before posting whether it is this customer."
    )


def link_by_hand(connection: XeroConnection, customer_key: str, contact: AnyContact) -> None:
    """Make this active contact the customer's, in place of any other. Call it under `lease`. Raises IntegrityError
    when another customer has it."""
    with transaction.atomic():
        ContactLink.objects.filter(connection=connection, customer_key=customer_key).delete()
        UnlinkedContact.objects.filter(
            connection=connection, customer_key=customer_key, contact_id=contact.contact_id
        ).delete()
        ContactLink.objects.create(
            connection=connection,
            customer_key=customer_key,
            contact_id=contact.contact_id,
            contact_name=contact.name,
            matched_by=ContactLink.MatchedBy.HAND,
        )


def unlink(connection: XeroConnection, customer_keys: Collection[str]) -> int:
    """Forget these customers' contacts here, not in Xero, and never match the same again. Returns how many."""
    with transaction.atomic():
        links = list(ContactLink.objects.filter(connection=connection, customer_key__in=customer_keys))
        set_apart(connection, {each.customer_key: [each.contact_id] for each in links})
        ContactLink.objects.filter(pk__in=[each.pk for each in links]).delete()
    return len(links)


def set_apart(connection: XeroConnection, contact_ids: Mapping[str, Iterable[str]]) -> None:
    """Note that customers (by key) are not these contacts, and never match them."""
    UnlinkedContact.objects.bulk_create(
        [
            UnlinkedContact(connection=connection, customer_key=key, contact_id=contact_id)
            for key, several in contact_ids.items()
            for contact_id in several
        ],
        ignore_conflicts=True,
    )


class LinkedContact(NamedTuple):
    """The contact of a customer, and why it takes no invoices by the last listing, "" when it does."""

    contact_id: str
    why_unusable: str


def of_customers(connection: XeroConnection, customer_keys: Collection[str]) -> dict[str, LinkedContact]:
    """Return the contact of each of these customers that has one, by key, in one query."""
    mine = Contact.objects.filter(connection=connection)
    listed = mine.filter(contact_id=OuterRef("contact_id"))
    facts = {f"listed_{name}": Subquery(listed.values(name)) for name in Listed._fields}
    into = Subquery(mine.filter(contact_id=OuterRef("listed_merged_into")).values("name"))
    links = ContactLink.objects.filter(connection=connection)
    # Databases bound the values of a query.
    links = links.filter(customer_key__in=customer_keys) if len(customer_keys) <= MOST_KEYS else links
    return {each.customer_key: _linked(each, connection) for each in links.annotate(**facts).annotate(into=into)}


def _linked(link: ContactLink, connection: XeroConnection) -> LinkedContact:
    found: Any = link
    is_listed = found.listed_contact_id is not None
    contact = Listed(*(getattr(found, f"listed_{name}") for name in Listed._fields)) if is_listed else None
    if contact and contact.status == Contact.ACTIVE:
        return LinkedContact(link.contact_id, "")
    names = {} if found.into is None else {found.listed_merged_into: found.into}
    is_later = _is_later(connection, link.created_at)
    return LinkedContact(link.contact_id, _why_unusable(link, contact, names, is_later=is_later))


def unusable(connection: XeroConnection) -> dict[str, str]:
    """Return why a linked contact takes no invoices, in words by customer key, by the last listing."""
    active = Contact.objects.filter(connection=connection, contact_id=OuterRef("contact_id"), status=Contact.ACTIVE)
    links = list(ContactLink.objects.filter(~Exists(active), connection=connection))
    if not links:
        return {}
    ids = {each.contact_id for each in links}
    listed = {each.contact_id: each for each in Contact.objects.filter(connection=connection, contact_id__in=ids)}
    targets = Contact.objects.filter(
        connection=connection, contact_id__in={each.merged_into for each in listed.values() if each.merged_into}
    )
    names = dict(targets.values_list("contact_id", "name"))
    made = {each.customer_key for each in links if _is_later(connection, each.created_at)}
    reasons = {
        each.customer_key: _why_unusable(each, listed.get(each.contact_id), names, is_later=each.customer_key in made)
        for each in links
    }
    return {key: words for key, words in reasons.items() if words}


def unusable_of(listing: Listing) -> dict[str, str]:
    """Return the same of a listing."""
    ids = {key for key, each in listing.contacts.items() if each.status == Contact.ACTIVE}
    links = [each for each in listing.linked.values() if each.contact_id not in ids]
    names = {key: each.name for key, each in listing.contacts.items()}
    reasons = {
        each.customer_key: _why_unusable(each, listing.contacts.get(each.contact_id), names, is_later=each.is_later)
        for each in links
    }
    return {key: words for key, words in reasons.items() if words}


def _is_later(connection: XeroConnection, created_at: dt.datetime) -> bool:
    """Whether a contact that was linked then may have been made since the listing was read."""
    return connection.contacts_read_at is None or created_at >= connection.contacts_read_at


def _why_unusable(
    link: ContactLink | Linked, contact: AnyContact | None, names: Mapping[str, str], *, is_later: bool
) -> str:
    if contact is None:
        # A contact that was made while the listing was being read is not in it.
        if is_later:
            return ""
        return f"The contact “{link.contact_name}” is no longer in Xero. Link another, or unlink it for a new one."
    if contact.merged_into:
        into = f"“{names[contact.merged_into]}”" if contact.merged_into in names else "another"
        return f"The contact “{contact.name}” was merged into {into} in Xero. Link that one."
    return f"The contact “{contact.name}” is archived in Xero. Restore it there or link another."


def refresh_listing(connection: XeroConnection, gateway: Gateway, *, life: dt.timedelta = LISTING_LIFE) -> bool:
    """List the contacts anew when the last listing is older than `life`. Returns whether it was. Raises
    XeroUnavailable, XeroAuthError."""
    connection.refresh_from_db(fields=["contacts_read_at"])
    if connection.contacts_read_at and connection.contacts_read_at > clock.now() - life:
        return False
    read_listing(connection, gateway)
    return True


def read_listing(connection: XeroConnection, gateway: Gateway, *, with_addresses: bool = False) -> int:
    """List the contacts anew; return how many. Addresses stay as they were read last unless they are asked for. Raises
    XeroUnavailable, XeroAuthError."""
    started = clock.now()
    listed = gateway.contacts(with_addresses=with_addresses)
    rows = [_contact(connection, row) for row in listed if row.get("ContactID")]
    if not with_addresses:
        known = Contact.objects.filter(connection=connection, address__isnull=False)
        addresses = dict(known.values_list("contact_id", "address"))
        for each in rows:
            each.address = addresses.get(each.contact_id)
    with transaction.atomic():
        Contact.objects.filter(connection=connection).delete()
        Contact.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        XeroConnection.objects.filter(pk=connection.pk).update(contacts_read_at=started)
    connection.contacts_read_at = started
    return len(rows)


def _contact(connection: XeroConnection, row: dict[str, Any]) -> Contact:
    name = str(row.get("Name") or "")[:255]
    return Contact(
        connection=connection,
        contact_id=str(row["ContactID"]),
        contact_number=str(row.get("ContactNumber") or "")[:50],
        name=name,
        name_key=name_key(name),
        status=str(row.get("ContactStatus") or Contact.ACTIVE),
        merged_into=str(row.get("MergedToContactID") or "")[:36],
        email=str(row.get("EmailAddress") or "")[:255],
        address=_address(row.get("Addresses")),
    )


def _address(rows: object) -> dict[str, str] | None:
    """Return the postal address, which Xero prints on invoices, else the street's; {} for none, None when not told."""
    if not isinstance(rows, list):
        return None
    found: list[tuple[bool, dict[str, str]]] = []
    for row in shapes.objects(rows):
        texts = {name: str(row.get(field) or "") for name, (field, _) in ADDRESS.items()}
        if any(texts.values()):
            found.append((row.get("AddressType") != "POBOX", texts))
    return min(found, key=lambda each: each[0], default=(False, {}))[1]


def _create(
    connection: XeroConnection,
    gateway: Gateway,
    customers: Sequence[Customer],
    new: Sequence[NewContact],
    outcome: Outcome,
) -> None:
    # Pages read this module too, and what it takes to build a body is not theirs to load.
    from xero_integration.xero_models import contacts_body

    body = contacts_body(new)
    # A process that dies in this call leaves contacts that only a new listing shows; without one the next process would
    # create them again, and Xero's refusal would be taken for the customers' own.
    held_at = clock.now()
    if not _held(connection).update(contacts_read_at=None):
        raise stalled_error()
    try:
        answer = gateway.create_documents("Contacts", body, str(uuid.uuid4()), held_at)
    except XeroOutcomeUnknown as error:
        raise XeroUnavailable(
            "Xero's answer to new contacts was lost; the portal looks which of them are there and goes on.",
            retry_after=timeouts.lookup_delay(),
            problem=Problem.CONTACTS,
            correlation_id=error.correlation_id,
        ) from error
    if _read_created(connection, customers, answer.rows("Contacts"), outcome):
        XeroConnection.objects.filter(pk=connection.pk).update(contacts_read_at=connection.contacts_read_at)


def _read_created(
    connection: XeroConnection, customers: Sequence[Customer], rows: list[dict[str, Any]], outcome: Outcome
) -> bool:
    """Link what Xero created. Returns whether the listing still holds. Raises XeroUnavailable when some were left
    out."""
    # Matched by ContactNumber, by position where an answer leaves it out.
    by_number = {number_key(str(row.get("ContactNumber"))): row for row in rows if row.get("ContactNumber")}
    positions = rows if len(rows) == len(customers) else [{}] * len(customers)
    made, missing = [], False
    for customer, at_position in zip(customers, positions, strict=True):
        row = by_number.get(number_key(customer.key)) or ({} if at_position.get("ContactNumber") else at_position)
        if words := _refusal(row):
            outcome.problems[customer.key] = words
        elif str(row.get("ContactID") or NO_ID) == NO_ID:
            missing = True
        else:
            made.append(_contact(connection, row | {"ContactNumber": customer.key}))
    _remember_created(connection, made)
    outcome.linked += len(made)
    outcome.created += len(made)
    if missing:
        raise XeroUnavailable(
            "Xero left some new contacts out of its answer; the portal looks which of them are there and goes on.",
            retry_after=timeouts.lookup_delay(),
            problem=Problem.CONTACTS,
        )
    return not outcome.problems


def _refusal(row: Mapping[str, Any]) -> str:
    words = "; ".join(str(each.get("Message")) for each in shapes.objects(row.get("ValidationErrors")))
    if words or row.get("HasErrors") or row.get("HasValidationErrors"):
        return f"Xero refused to create the contact: {words or 'no reason given'}"
    return ""


def _remember_created(connection: XeroConnection, made: Sequence[Contact]) -> None:
    now = clock.now()
    links = [
        ContactLink(
            connection=connection,
            customer_key=contact.contact_number,
            contact_id=contact.contact_id,
            contact_name=contact.name,
            matched_by=ContactLink.MatchedBy.CREATED,
            created_at=now,
        )
        for contact in made
    ]
    with transaction.atomic():
        Contact.objects.bulk_create(made, ignore_conflicts=True)
        ContactLink.objects.bulk_create(links)
