"""What is asked of the contacts for a customer."""

from __future__ import annotations
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from c3portal.database import clock
from c3portal.processes import liveness
from invoices.posting import transitions, reconciliation, sender, twins
from invoices.models import Customer
from xero_integration import connections, contacts, rate_limits
from xero_integration.contacts import Customer as WantedContact
from xero_integration.client.departure import STOOD_STILL
from xero_integration.client.errors import XeroAuthError, XeroRejected, XeroUnavailable
from xero_integration.models import XeroConnection


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
