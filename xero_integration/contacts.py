"""Which contact in Xero each customer is: matched or created in bulk, remembered, and never shared.

One listing for each 1,000 contacts serves all customers; a look-up for each invoice would burn the call limits.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from xero_integration.errors import XeroOutcomeUnknown, XeroUnavailable
from xero_integration.gateway import MAX_BATCH, Gateway
from xero_integration.models import Contact, ContactLink, XeroConnection

# How long a listing is trusted before contacts are created on its word; contacts made in Xero meanwhile are found by
# the refusal that their name or number brings.
LISTING_LIFE = dt.timedelta(minutes=15)
NO_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Customer:
    """A customer who needs a contact. `key` becomes the ContactNumber (at most 50 characters); `suffix` tells it from
    another customer of the same name."""

    key: str
    name: str
    suffix: str
    email: str
    shares_name: bool


@dataclass
class Outcome:
    """What came of it: `problems` says in words, by customer key, who has no contact and why."""

    linked: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def lease(connection: XeroConnection) -> bool:
    """Return whether this process may look after contacts now: one at a time, so that nobody is created twice."""
    now = timezone.now()
    return bool(
        XeroConnection.objects.filter(pk=connection.pk)
        .filter(Q(contacts_lease_until__isnull=True) | Q(contacts_lease_until__lt=now))
        .update(contacts_lease_until=now + dt.timedelta(seconds=settings.XERO_LEASE))
    )


def release(connection: XeroConnection) -> None:
    """Let the next process look after contacts."""
    XeroConnection.objects.filter(pk=connection.pk).update(contacts_lease_until=None)


def link(connection: XeroConnection, gateway: Gateway, customers: Sequence[Customer]) -> Outcome:
    """Give every customer a contact: by ContactNumber, then by exact unambiguous name, else a new one.

    Call it under `lease`. Raises XeroUnavailable, XeroAuthError or XeroRejected (a whole call refused); what was
    linked before that stays. A creation whose answer was lost counts as XeroUnavailable: the next listing finds it by
    its number.
    """
    if not customers:
        return Outcome()
    _refresh_listing(connection, gateway)
    outcome = Outcome()
    to_create = []
    for customer in customers:
        found = _match(connection, customer, outcome)
        if found:
            _remember(connection, customer, found)
            outcome.linked += 1
        elif customer.key not in outcome.problems:
            to_create.append(customer)
    for start in range(0, len(to_create), MAX_BATCH):
        _create(connection, gateway, to_create[start : start + MAX_BATCH], outcome)
    return outcome


def name_key(name: str) -> str:
    """Return the form in which names are compared: casefolded, runs of blanks as one."""
    return " ".join(name.casefold().split())[:255]


def _refresh_listing(connection: XeroConnection, gateway: Gateway) -> None:
    connection.refresh_from_db(fields=["contacts_read_at"])
    if connection.contacts_read_at and connection.contacts_read_at > timezone.now() - LISTING_LIFE:
        return
    rows = [_contact(connection, row) for row in gateway.contacts() if row.get("ContactID")]
    with transaction.atomic():
        Contact.objects.filter(connection=connection).delete()
        Contact.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        XeroConnection.objects.filter(pk=connection.pk).update(contacts_read_at=timezone.now())


def _contact(connection: XeroConnection, row: dict[str, Any]) -> Contact:
    name = str(row.get("Name") or "")[:255]
    return Contact(
        connection=connection,
        contact_id=str(row["ContactID"]),
        contact_number=str(row.get("ContactNumber") or "")[:50],
        name=name,
        name_key=name_key(name),
        status=str(row.get("ContactStatus") or "ACTIVE"),
    )


def _match(connection: XeroConnection, customer: Customer, outcome: Outcome) -> tuple[Contact, str] | None:
    """Return the contact and how it was matched; None when one is to be created or a problem was noted."""
    contacts = Contact.objects.filter(connection=connection)
    if numbered := contacts.filter(contact_number=customer.key).first():
        if numbered.status == "ACTIVE":
            return numbered, ContactLink.MatchedBy.NUMBER
        outcome.problems[customer.key] = (
            f"The contact “{numbered.name}” of this customer is archived in Xero. Restore it there, then upload again."
        )
        return None
    if customer.shares_name:
        return None
    named = list(contacts.filter(name_key=name_key(customer.name), status="ACTIVE")[:2])
    if len(named) == 1 and not named[0].contact_number and not _is_taken(connection, named[0].contact_id):
        return named[0], ContactLink.MatchedBy.NAME
    return None


def _is_taken(connection: XeroConnection, contact_id: str) -> bool:
    return ContactLink.objects.filter(connection=connection, contact_id=contact_id).exists()


def _remember(connection: XeroConnection, customer: Customer, found: tuple[Contact, str]) -> None:
    contact, matched_by = found
    ContactLink.objects.update_or_create(
        connection=connection,
        customer_key=customer.key,
        defaults={"contact_id": contact.contact_id, "contact_name": contact.name, "matched_by": matched_by},
    )


def _create(connection: XeroConnection, gateway: Gateway, customers: Sequence[Customer], outcome: Outcome) -> None:
    names = _names_to_create(connection, customers)
    rows = [_new_contact(customer, names[customer.key]) for customer in customers]
    body = json.dumps({"Contacts": rows}, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        answer = gateway.create_documents("Contacts", body, str(uuid.uuid4()))
    except XeroOutcomeUnknown as error:
        _forget_listing(connection)
        raise XeroUnavailable(
            "Xero's answer to new contacts was lost; the portal looks which of them are there and goes on.",
            retry_after=dt.timedelta(seconds=10),
            problem="contacts",
            correlation_id=error.correlation_id,
        ) from error
    _read_created(connection, customers, answer.rows("Contacts"), outcome)


def _new_contact(customer: Customer, name: str) -> dict[str, str]:
    row = {"Name": name, "ContactNumber": customer.key}
    if "@" in customer.email:
        row["EmailAddress"] = customer.email[:255]
    return row


def _names_to_create(connection: XeroConnection, customers: Iterable[Customer]) -> dict[str, str]:
    """Return a name for each new contact; Xero wants it unique among active contacts, so a customer whose name is
    taken, or shared with another customer, is told apart by its number in the partner's own books."""
    customers = list(customers)
    wanted = Counter(name_key(customer.name) for customer in customers)
    taken = set(
        Contact.objects.filter(connection=connection, status="ACTIVE", name_key__in=list(wanted)).values_list(
            "name_key", flat=True
        )
    )
    names = {}
    for customer in customers:
        key = name_key(customer.name)
        alone = not customer.shares_name and wanted[key] == 1 and key not in taken
        tail = "" if alone else f" ({customer.suffix or customer.key})"
        names[customer.key] = customer.name[: 255 - len(tail)] + tail
    return names


def _read_created(
    connection: XeroConnection, customers: Sequence[Customer], rows: list[dict[str, Any]], outcome: Outcome
) -> None:
    """Link what Xero created. Results are matched by ContactNumber, by position where an answer leaves it out."""
    by_number = {str(row.get("ContactNumber")): row for row in rows if row.get("ContactNumber")}
    positions = rows if len(rows) == len(customers) else [{}] * len(customers)
    missing = False
    for customer, at_position in zip(customers, positions, strict=True):
        row = by_number.get(customer.key) or ({} if at_position.get("ContactNumber") else at_position)
        words = "; ".join(str(each.get("Message")) for each in row.get("ValidationErrors") or [])
        contact_id = str(row.get("ContactID") or NO_ID)
        if words or row.get("HasErrors") or row.get("HasValidationErrors"):
            outcome.problems[customer.key] = f"Xero refused to create the contact: {words or 'no reason given'}"
        elif contact_id == NO_ID:
            missing = True
        else:
            contact = _contact(connection, row | {"ContactNumber": customer.key})
            contact.save()
            _remember(connection, customer, (contact, ContactLink.MatchedBy.CREATED))
            outcome.linked += 1
    if missing or outcome.problems:
        _forget_listing(connection)
    if missing:
        raise XeroUnavailable(
            "Xero left some new contacts out of its answer; the portal looks which of them are there and goes on.",
            retry_after=dt.timedelta(seconds=10),
            problem="contacts",
        )


def _forget_listing(connection: XeroConnection) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(contacts_read_at=None)
