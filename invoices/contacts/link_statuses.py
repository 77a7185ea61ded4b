"""How each customer stands to its contact by the last listing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db.models import Case, F, IntegerField, Max, When

from invoices.contacts import details, requests, resellers
from invoices.contacts.details import Difference
from invoices.contacts.resellers import AS_CUSTOMER, Known
from invoices.documents.billing_contact import recipient_key
from invoices.models import Customer, Invoice
from xero_integration import contacts
from xero_integration.contact_index import AnyContact, ContactIndex, Linked, Listing, Other
from xero_integration.contact_index import Customer as Wanted
from xero_integration.contact_names import name_key, why_untaken
from xero_integration.models import Contact, ContactLink, XeroConnection
from xero_integration.name_similarity import Names
from xero_integration.new_contacts import NewContact

SAME_NUMBER, SAME_NAME = "Same contact number", "Same name"
HOW = {
    ContactLink.MatchedBy.NUMBER: SAME_NUMBER,
    ContactLink.MatchedBy.NAME: SAME_NAME,
    ContactLink.MatchedBy.HAND: "Linked by hand",
    ContactLink.MatchedBy.CREATED: "Created by the portal",
}


class State(StrEnum):
    CHOOSE = "choose"
    CLASH = "clash"
    ARCHIVED = "archived"
    SUGGESTED = "suggested"
    NEW = "new"
    LINKED = "linked"
    VIA_RESELLER = "reseller"


LABELS = {
    State.CHOOSE: "To choose",
    State.CLASH: "Clash",
    State.ARCHIVED: "Archived",
    State.SUGGESTED: "Suggested",
    State.NEW: "New",
    State.LINKED: "Linked",
    State.VIA_RESELLER: "Via reseller",
}

NEEDS_A_CHOICE = "It has no tenant id, so a person chooses its contact; make one in Xero where there is none."
NEEDS_NO_CONTACT = "Its invoices go to its reseller's contact, so it needs none."


@dataclass(frozen=True)
class Suggestion:
    """A contact that may be the customer's, or in its place the customer that a reseller may be; the next upload links
    it if `is_sure`, else only a person does."""

    contact_id: str
    name: str
    why: str
    is_sure: bool

    @property
    def is_contact(self) -> bool:
        return not self.contact_id.startswith(AS_CUSTOMER)


@dataclass(frozen=True)
class LinkStatus:
    """A customer and its contact: `linked` is that contact's name, `words` what to know, `new` what the next upload
    would create."""

    customer: Customer
    state: State
    linked_id: str = ""
    linked: str = ""
    how: str = ""
    words: str = ""
    suggestion: Suggestion | None = None
    differences: tuple[Difference, ...] = ()
    new: NewContact | None = None

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
    def from_c3(self) -> list[tuple[str, str]]:
        return details.shown(self.customer.c3_details)

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


def link_statuses(connection: XeroConnection) -> list[LinkStatus]:
    """Return how every customer stands, by name, in a constant number of queries."""
    customers = list(Customer.objects.all())
    wanted = {each.key: each for each in requests.wanted_contacts(connection, customers)}
    index, unusable = ContactIndex(connection), contacts.unusable(connection)
    return _statuses(customers, wanted, index, unusable)


def of_customers(
    connection: XeroConnection,
    customers: Sequence[Customer],
    known: Sequence[Known],
    listing: Listing,
    *,
    with_names: bool,
) -> list[LinkStatus]:
    """Return how these stand, from what is at hand of all: without what differs between C3 and Xero. Among them are
    those that resellers are, and to tell what new contacts are called (`with_names`) all without a contact, since that
    hangs on one another."""
    wanted = {each.key: each for each in requests.wanted_contacts(connection, customers, known, listing)}
    index = ContactIndex(connection, listing, {each.tenant_id: each.name for each in customers})
    keys = [each.tenant_id for each in known]
    unusable = contacts.unusable_of(listing)
    return _statuses(customers, wanted, index, unusable, keys, with_names=with_names)


def _statuses(
    customers: Sequence[Customer],
    wanted: Mapping[str, Wanted],
    index: ContactIndex,
    unusable: Mapping[str, str],
    keys: Collection[str] | None = None,
    *,
    with_names: bool = True,
) -> list[LinkStatus]:
    names = index.free_names(wanted.keys() if keys is None else keys)
    via_reseller = _via_reseller([each.pk for each in customers if each.tenant_id not in index.linked])
    found = [
        LinkStatus(each, State.VIA_RESELLER, words=NEEDS_NO_CONTACT)
        if each.pk in via_reseller
        else _link_status(each, wanted[each.tenant_id], index, unusable, names)
        for each in customers
    ]
    found = _new_names(found, wanted, index, names) if with_names else found
    by_pk = {each.customer.pk: each for each in found}
    return [_as_another(each, by_pk) if resellers.is_another(each.customer) else each for each in found]


def _as_another(reseller: LinkStatus, by_pk: Mapping[int, LinkStatus]) -> LinkStatus:
    """Return the status of a reseller who is a customer too: that customer's, which is looked after there."""
    other = by_pk[reseller.customer.same_as_id or 0]
    words = f"It is the customer “{other.customer.name}” too, and its invoices go to that one's contact."
    return replace(other, customer=reseller.customer, words=words, suggestion=None, differences=(), new=None)


def _via_reseller(customers: Sequence[int]) -> set[int]:
    """Return those of these customers of whose invoices none goes to their own contact."""
    if not customers:
        return set()
    own = Case(When(recipient_key=F("customer__tenant_id"), then=1), default=0, output_field=IntegerField())
    through = Invoice.objects.filter(customer__in=customers, bill_to__isnull=False).order_by().values("customer")
    billed = Invoice.objects.filter(customer__in=through).order_by().annotate(recipient_key=recipient_key())
    return set(billed.values("customer").annotate(own=Max(own)).filter(own=0).values_list("customer", flat=True))


def _link_status(
    customer: Customer, wanted: Wanted, index: ContactIndex, unusable: Mapping[str, str], names: Names
) -> LinkStatus:
    if link := index.linked.get(wanted.key):
        return _linked(customer, link, index, unusable.get(wanted.key, ""))
    if wanted.is_by_hand:
        similar = similar_contacts(wanted, index, names, most=1)
        return LinkStatus(customer, State.CHOOSE, words=NEEDS_A_CHOICE, suggestion=similar[0] if similar else None)
    match = index.match(wanted)
    if isinstance(match, dict):
        why = HOW[ContactLink.MatchedBy(match["matched_by"])]
        sure = Suggestion(match["contact_id"], match["contact_name"], why, is_sure=True)
        return LinkStatus(customer, State.SUGGESTED, suggestion=sure, words="The next upload links it.")
    if isinstance(match, str):
        numbered = index.numbered(wanted.key)
        is_archived = numbered is not None and numbered.status != Contact.ACTIVE
        merged = _merged(numbered, index) if numbered else None
        return LinkStatus(customer, State.ARCHIVED if is_archived else State.CLASH, words=match, suggestion=merged)
    if wanted.maybe:
        return LinkStatus(customer, State.SUGGESTED, suggestion=_customers(wanted.maybe))
    similar = similar_contacts(wanted, index, names, most=1)
    suggestion = similar[0] if similar else None
    if clash := index.why_not_by_name(wanted):
        return LinkStatus(customer, State.CLASH, words=clash, suggestion=suggestion)
    return LinkStatus(customer, State.SUGGESTED if suggestion else State.NEW, suggestion=suggestion)


def _customers(maybe: Sequence[Other]) -> Suggestion:
    """Return who a customer may be too: a customer by its contact, where it has one."""
    each = next((each for each in maybe if each.contact_id), maybe[0])
    is_customer = each.what == resellers.CUSTOMER
    choice = each.contact_id if is_customer and each.contact_id else f"{AS_CUSTOMER}{each.key}"
    return Suggestion(choice, each.contact_name or each.name, f"The {each.what} “{each.name}”", is_sure=False)


def of_linked(customer: Customer, listing: Listing, why_unusable: str) -> LinkStatus:
    """Return how a linked customer stands, without what differs between C3 and Xero."""
    return _linked(customer, listing.linked[customer.tenant_id], listing, why_unusable)


def of_link(connection: XeroConnection, customer: Customer, link: ContactLink) -> LinkStatus:
    """Return how a customer with this link stands, with what differs between C3 and Xero."""
    rows = Contact.objects.filter(connection=connection)
    contact = rows.filter(contact_id=link.contact_id).first()
    if contact and contact.status == Contact.ACTIVE:
        return _linked(customer, link, _Few({contact.contact_id: contact}, {}), "")
    target = rows.filter(contact_id=contact.merged_into).first() if contact and contact.merged_into else None
    holder = ContactLink.objects.filter(connection=connection, contact_id=target.contact_id).first() if target else None
    few = _Few(
        {each.contact_id: each for each in (contact, target) if each},
        {holder.contact_id: holder.customer_key} if holder else {},
    )
    return _linked(customer, link, few, contacts.unusable(connection).get(customer.tenant_id, ""))


@dataclass(frozen=True)
class _Few:
    """What a link's status hangs on: the contacts by id, and who has them."""

    contacts: Mapping[str, AnyContact]
    holders: Mapping[str, str]


type _Contacts = ContactIndex | Listing | _Few


def _linked(customer: Customer, link: ContactLink | Linked, index: _Contacts, why_unusable: str) -> LinkStatus:
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
        found = details.differences(customer.c3_details, contact) if isinstance(contact, Contact) else []
        return replace(link_status, differences=tuple(found))
    if contact is None:
        return replace(link_status, state=State.CLASH)
    return replace(link_status, state=State.ARCHIVED, suggestion=_merged(contact, index))


def _merged(contact: AnyContact, index: _Contacts) -> Suggestion | None:
    target = index.contacts.get(contact.merged_into)
    if target is None or target.status != Contact.ACTIVE or target.contact_id in index.holders:
        return None
    return Suggestion(target.contact_id, target.name, "Merged into this one", is_sure=False)


def similar_contacts(wanted: Wanted, index: ContactIndex, names: Names, *, most: int) -> list[Suggestion]:
    """Return up to `most` contacts of `names` that may be the customer, the likeliest first; none is sure."""
    return [
        Suggestion(key, index.contacts[key].name, _how_similar(wanted, index.contacts[key], score), is_sure=False)
        for key, score in names.similar(wanted.name, most=most)
        if (wanted.key, key) not in index.unlinked
    ]


def _how_similar(wanted: Wanted, contact: AnyContact, score: float) -> str:
    if name_key(contact.name) == name_key(wanted.name):
        return SAME_NAME
    return "Nearly the same name" if score == 1 else f"Similar name, {score:.0%}"


def _new_names(
    found: Sequence[LinkStatus], wanted: Mapping[str, Wanted], index: ContactIndex, free: Names
) -> list[LinkStatus]:
    makes = [
        each
        for each in found
        if not each.linked
        and each.state in (State.NEW, State.CLASH, State.SUGGESTED)
        and not resellers.is_another(each.customer)
        and not (each.suggestion and each.suggestion.is_sure)
        and index.numbered(each.customer.tenant_id) is None
    ]
    to_create = [wanted[each.customer.tenant_id] for each in makes]
    notes = {each.key: why for each in to_create if (why := why_untaken(each.name))}
    to_create = [each for each in to_create if each.key not in notes]
    asked = {each.key for each in to_create if each.maybe or index.alike(each, free)}
    new = index.to_create(to_create)
    for key, made in new.items():
        does = "asks before it creates" if key in asked else "creates"
        notes[key] = f"The next upload {does} “{made.name}”."
    return [
        replace(each, words=f"{each.words} {notes[each.tenant_id]}".strip(), new=new.get(each.tenant_id))
        if each.tenant_id in notes
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
