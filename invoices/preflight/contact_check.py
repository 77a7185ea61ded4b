"""What is known, before posting, of the contacts that invoices go to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from invoices.contacts import requests, resellers
from invoices.contacts.resellers import AS_CUSTOMER, Known
from invoices.documents.rules import Fix, Problem, Severity
from invoices.models import Customer
from xero_integration import contacts
from xero_integration.contact_index import MOST_NAMED, AnyContact, ContactIndex, Listing, Other, likely
from xero_integration.contact_index import Customer as Wanted
from xero_integration.contact_names import why_untaken
from xero_integration.models import XeroConnection
from xero_integration.new_contacts import NewContact

# Whether a contact of nearly the same name is the customer's: a question.
ALIKE = "alike"
# What is wrong with the contact that its invoices would go to.
UNUSABLE = "contact"
NO_EMAIL = (
    "Xero takes one e-mail address of a contact, in plain letters. These customers have none such, so their new "
    "contacts are made without one: fill it in there."
)


@dataclass
class ContactCheck:
    """By customer key: the contacts' ids, what is wrong or asked, and the new contacts that would be made."""

    ids: dict[str, str]
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    new: dict[str, NewContact] = field(default_factory=dict)


def check(connection: XeroConnection, recipients: Collection[Customer]) -> ContactCheck:
    """Return what is known by the last listing, in one query."""
    listing = resellers.listing(connection)
    known = resellers.of_rows(listing.beside)
    found = ContactCheck({key: link.contact_id for key, link in listing.linked.items()})
    people = {each.tenant_id: each for each in recipients}
    if without := [each for each in recipients if each.tenant_id not in found.ids]:
        _check_unlinked(connection, found, without, known, listing)
    for key, words in contacts.unusable_of(listing).items():
        if key in people:
            found.problems[key] = (Problem(UNUSABLE, people[key].name, words, Fix.CONTACTS),)
    return found


def _check_unlinked(
    connection: XeroConnection,
    found: ContactCheck,
    customers: Sequence[Customer],
    known: Sequence[Known],
    listing: Listing,
) -> None:
    """Tell of customers without a contact which they get, which new one, or what is wrong or asked."""
    people = {each.tenant_id: each for each in customers}
    index = ContactIndex(connection, listing, {key: each.name for key, each in people.items()})
    to_create = []
    for wanted in requests.wanted_contacts(connection, customers, known, listing):
        match = index.match(wanted)
        if isinstance(match, str):
            found.problems[wanted.key] = (_no_match(people[wanted.key], match, is_by_hand=wanted.is_by_hand),)
        elif match is None:
            to_create.append(wanted)
        else:
            found.ids[wanted.key] = match["contact_id"]
    _check_new(found, to_create, index, people, known)


def _no_match(customer: Customer, words: str, *, is_by_hand: bool) -> Problem:
    if is_by_hand:
        return Problem("keyless", str(customer.pk), f"{customer.name}: {words}", Fix.CHOOSE_CONTACT)
    return Problem(UNUSABLE, customer.name, words, Fix.CONTACTS)


def _check_new(
    found: ContactCheck,
    to_create: Collection[Wanted],
    index: ContactIndex,
    people: dict[str, Customer],
    known: Sequence[Known],
) -> None:
    free = index.free_names([each.tenant_id for each in known]) if to_create else None
    new: list[Wanted] = []
    for wanted in to_create:
        customer = people[wanted.key]
        alike = index.alike(wanted, free) if free else []
        if words := why_untaken(wanted.name):
            words = f"{words} Choose a contact, or change the name at the source."
            found.problems[wanted.key] = (Problem("name", str(customer.pk), words, Fix.CHOOSE_CONTACT),)
        elif alike or wanted.maybe:
            found.problems[wanted.key] = (_question(customer, alike, wanted.maybe),)
        else:
            new.append(wanted)
    found.new = index.to_create(new)
    for wanted in new:
        if (said := " ".join(filter(None, wanted.emails))) and not found.new[wanted.key].email:
            problem = Problem("email", "", NO_EMAIL, Fix.NONE, Severity.WARNING, f"E-mail: {said}")
            found.problems[wanted.key] = (problem,)


def _question(customer: Customer, alike: Sequence[AnyContact], maybe: Sequence[Other]) -> Problem:
    answers = [(each.contact_id, each.name) for each in alike[:MOST_NAMED]]
    answers += [(f"{AS_CUSTOMER}{each.key}", each.contact_name or each.name) for each in maybe[:MOST_NAMED]]
    return Problem(
        ALIKE,
        str(customer.pk),
        f"“{customer.name}” has no contact yet, and {likely(alike, maybe)}. Is it the same?",
        Fix.SAME_CONTACT,
        Severity.WARNING,
        is_question=True,
        answers=tuple(answers),
    )
