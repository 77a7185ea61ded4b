"""One organisation's work, a step at a time: contacts, then calls, then looks. What a worker runs."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from c3portal import clock, processes
from invoices import posting, recovery, sending, twins
from invoices.models import Customer
from xero_integration import connections, contacts, limits
from xero_integration.contacts import Customer as WantedContact
from xero_integration.departure import STOOD_STILL
from xero_integration.errors import XeroAuthError, XeroRejected, XeroUnavailable
from xero_integration.models import XeroConnection

logger = logging.getLogger(__name__)


def prepare(connection: XeroConnection) -> None:
    """Look up what is uncertain and see to contacts. Raises XeroUnavailable and XeroAuthError."""
    recovery.doubt(connection)
    recovery.look(connection)
    link_contacts(connection)


def advance(connection: XeroConnection, until: float) -> bool:
    """Send what is queued for this organisation until the monotonic time `until`. Returns whether there is more to do.

    Raises XeroUnavailable and XeroAuthError.
    """
    limits.require_room(connection)
    while sending.send_next(connection):
        if time.monotonic() > until:
            return True
        limits.require_room(connection)
    recovery.look(connection)
    # What the look put back, the halves of a refused call among it, need not wait for the next sweep.
    if posting.sendable(connection).exists() or posting.unseen(connection).exists():
        return True
    twins.look(connection)
    return False


@dataclass
class Wait:
    """What ended the work: `seconds` until it can go on, None when it ended by itself or waits for a person."""

    seconds: float | None = None


@contextmanager
def waiting_rows(connection: XeroConnection) -> Iterator[Wait]:
    """Around the work for an organisation: a pause that Xero asks for, or a connection that a person must renew, ends
    the work and leaves the rows waiting. So does finding all permits taken, by others who go on with the work, and
    having stood still."""
    wait = Wait()
    try:
        yield wait
    except XeroUnavailable as error:
        if error.problem in (limits.ALL_TAKEN, STOOD_STILL):
            return
        connections.pause(connection, error)
        wait.seconds = error.retry_after.total_seconds()
        logger.info("Connection %s pauses for %s (%s)", connection.pk, error.retry_after, error.problem)
    except XeroAuthError:
        logger.warning("Connection %s needs reconnecting", connection.pk)


def may_work(connection: XeroConnection) -> bool:
    """Whether calls may be made for this organisation now, by this process."""
    now = clock.now()
    return connection.is_usable and not connection.is_paused(now) and processes.may_claim(now)


def link_contacts(connection: XeroConnection) -> None:
    """Give every customer with a queued invoice a contact; refuse, in words, the invoices of those who cannot have one.

    Raises XeroUnavailable and XeroAuthError. Does nothing while another worker is at it.
    """
    waiting = posting.without_contact(connection)
    if not (waiting.exists() or _is_doubted(connection)) or not contacts.lease(connection):
        return
    wanted = wanted_contacts(Customer.objects.filter(pk__in=waiting.values("invoice__customer")))
    try:
        if _is_doubted(connection):
            connections.call(
                connection, lambda gateway: contacts.refresh_listing(connection, gateway, life=contacts.DOUBTED_LIFE)
            )
        problems = connections.call(connection, lambda gateway: contacts.link(connection, gateway, wanted)).problems
    except XeroRejected as error:
        problems = dict.fromkeys((each.key for each in wanted), f"Xero refused the request for contacts: {error}")
    finally:
        contacts.release(connection)
    refused = waiting.filter(invoice__customer__tenant_id__in=problems)
    keys = refused.values_list("pk", "invoice__customer__tenant_id")
    posting.refuse(posting.without_contact(connection), {pk: problems[key] for pk, key in keys})


def _is_doubted(connection: XeroConnection) -> bool:
    """Whether an invoice waits whose contact takes none, by the last listing: it may have been restored since."""
    return posting.sendable(connection).filter(invoice__customer__tenant_id__in=contacts.unusable(connection)).exists()


def wanted_contacts(customers: Iterable[Customer]) -> list[WantedContact]:
    """Return what is asked of the contacts for these customers, with whether another goes by the same name."""
    names = Counter(contacts.name_key(name) for name in Customer.objects.values_list("name", flat=True))
    return [
        WantedContact(
            key=customer.tenant_id,
            name=customer.name,
            suffix=customer.erp_id,
            email=customer.email,
            shares_name=names[contacts.name_key(customer.name)] > 1,
        )
        for customer in customers
    ]
