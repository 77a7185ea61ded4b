"""How every customer stands to its contact, in one pass over few columns: for lists of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from invoices.contacts import link_statuses, resellers
from invoices.contacts.link_statuses import LinkStatus, State
from invoices.contacts.resellers import Known
from invoices.models import Customer
from xero_integration import contacts
from xero_integration.contact_index import Listing
from xero_integration.models import ContactLink, XeroConnection


class Standing(NamedTuple):
    """A customer with its state and its contact, or the one suggested (`contact_name`, "" for none)."""

    pk: int
    name: str
    tenant_id: str
    erp_id: str
    state: State
    contact_name: str

    def holds(self, term: str) -> bool:
        """Return whether name, ids or contact hold the words, which are case-folded."""
        return (
            term in self.name.casefold()
            or term in self.tenant_id.casefold()
            or term in self.erp_id.casefold()
            or term in self.contact_name.casefold()
        )


class Standings:
    """All customers of the portal as they stand in one organisation; `with_names` also what new contacts are called."""

    def __init__(self, connection: XeroConnection, *, with_names: bool = False, listing: Listing | None = None) -> None:
        self._listing = listing or resellers.listing(connection)
        known = resellers.of_rows(self._listing.beside)
        self._unusable = contacts.unusable_of(self._listing)
        linked = self._listing.linked
        others = [each for each in known if resellers.is_another(each)]
        asked = {each.pk for each in known if each.tenant_id not in linked} | {each.pk for each in others}
        # A reseller who is a customer too stands as that one does.
        asked |= {each.same_as_id for each in others if each.same_as_id}
        customers = list(Customer.objects.filter(pk__in=asked)) if asked else []
        self._statuses = {
            each.customer.pk: each
            for each in link_statuses.of_customers(connection, customers, known, self._listing, with_names=with_names)
        }
        self._resellers = [each for each in known if resellers.is_reseller(each)]
        self.everyone = [self._standing(each) for each in known]

    def _standing(self, customer: Known) -> Standing:
        if status := self._statuses.get(customer.pk):
            state, contact = status.state, status.contact_name
        else:
            state, contact = self._of_linked(customer)
        return Standing(customer.pk, customer.name, customer.tenant_id, customer.erp_id, state, contact)

    def _of_linked(self, customer: Known) -> tuple[State, str]:
        link = self._listing.linked[customer.tenant_id]
        contact = self._listing.contacts.get(link.contact_id)
        if customer.tenant_id not in self._unusable:
            return State.LINKED, contact.name if contact else link.contact_name
        return (State.ARCHIVED, contact.name) if contact else (State.CLASH, link.contact_name)

    def statuses(self, customers: Iterable[Customer]) -> dict[int, LinkStatus]:
        """Return how these stand in full, by primary key; without what differs between C3 and Xero."""
        asked = {each.pk: each for each in customers}
        found = {pk: self._statuses[pk] for pk in asked.keys() & self._statuses.keys()}
        rest = [each for pk, each in asked.items() if pk not in found]
        return found | {each.pk: self._linked_status(each) for each in rest}

    def resellers_of(self, customers: Collection[int]) -> set[int]:
        """Return which resellers these customers (keys) are."""
        keys = set(customers)
        return {each.pk for each in self._resellers if each.pk in keys or each.same_as_id in keys}

    def _linked_status(self, customer: Customer) -> LinkStatus:
        return link_statuses.of_linked(customer, self._listing, self._unusable.get(customer.tenant_id, ""))


def of_one(connection: XeroConnection, customer: Customer, listing: Listing | None = None) -> LinkStatus:
    """Return how one customer stands, with what differs between C3 and Xero; `listing`:
    `resellers.listing`, where that is at hand."""
    listing = listing or resellers.listing(connection)
    mine = ContactLink.objects.filter(connection=connection, customer_key=customer.tenant_id)
    link = mine.first() if customer.tenant_id in listing.linked else None
    if link is None or resellers.is_another(customer):
        # Which name a new contact gets hangs on all others.
        return Standings(connection, with_names=True, listing=listing).statuses([customer])[customer.pk]
    return link_statuses.of_link(connection, customer, link)


def count(standings: Iterable[Standing]) -> dict[str, int]:
    """Return how many are in each state."""
    counts = dict.fromkeys(map(str, State), 0)
    for each in standings:
        counts[each.state] += 1
    return counts


def in_state(found: Collection[Standing], state: str) -> list[Standing]:
    """Return those in the state, all for ""."""
    return [each for each in found if not state or each.state == state]
