"""A worker's step before posting: customers with queued invoices get contacts."""

from __future__ import annotations

from invoices.contacts import requests
from invoices.documents import billing_contact
from invoices.models import Customer
from invoices.posting import transitions
from xero_integration import connections, contacts
from xero_integration.client.errors import XeroRejected
from xero_integration.models import XeroConnection

RECIPIENT_KEY = billing_contact.recipient_key("invoice__")


def link_contacts(connection: XeroConnection) -> None:
    """Give every customer with a queued invoice a contact, or refuse its invoices. Does nothing while another worker
    is at it. Raises XeroUnavailable and XeroAuthError."""
    waiting = transitions.without_contact(connection).annotate(recipient_key=RECIPIENT_KEY)
    if not (waiting.exists() or _is_doubted(connection)) or not contacts.lease(connection):
        return
    recipients = Customer.objects.filter(tenant_id__in=waiting.values("recipient_key"))
    wanted = requests.wanted_contacts(connection, recipients)
    try:
        if _is_doubted(connection):
            connections.call(
                connection, lambda gateway: contacts.refresh_listing(connection, gateway, life=contacts.DOUBTED_LIFE)
            )
        keys = requests.customer_keys()
        problems = connections.call(
            connection, lambda gateway: contacts.link(connection, gateway, wanted, customer_keys=keys)
        ).problems
    except XeroRejected as error:
        problems = dict.fromkeys((each.key for each in wanted), f"Xero refused the request for contacts: {error}")
    finally:
        contacts.release(connection)
    refused = waiting.filter(recipient_key__in=problems).values_list("pk", "recipient_key")
    transitions.mark_rejected(transitions.without_contact(connection), {pk: problems[key] for pk, key in refused})


def _is_doubted(connection: XeroConnection) -> bool:
    return (
        # By the last listing: the contact may have been restored since.
        transitions.sendable(connection)
        .annotate(recipient_key=RECIPIENT_KEY)
        .filter(recipient_key__in=contacts.unusable(connection))
        .exists()
    )
