"""What is asked of the contacts for a customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from invoices.models import Customer
from xero_integration import contacts
from xero_integration.contacts import Customer as WantedContact


def wanted_contacts(customers: Iterable[Customer]) -> list[WantedContact]:
    """Return it for these customers, in their order."""
    names = Counter(contacts.name_key(name) for name in Customer.objects.values_list("name", flat=True))
    return [
        WantedContact(
            key=customer.tenant_id,
            name=customer.name,
            suffix=customer.erp_id,
            email=customer.email,
            # Among all customers, not only these.
            shares_name=names[contacts.name_key(customer.name)] > 1,
        )
        for customer in customers
    ]
