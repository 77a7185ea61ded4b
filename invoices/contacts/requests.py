"""What is asked of the contacts for a customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from invoices.contacts import details, resellers
from invoices.contacts.resellers import Known, is_reseller
from invoices.models import Customer
from xero_integration.contact_index import Customer as WantedContact
from xero_integration.contact_index import Listing
from xero_integration.contact_names import name_key
from xero_integration.models import XeroConnection

# Whose key may be the contact's number in Xero; that of the others was made up here, and would mean nothing there.
WITH_A_NUMBER = (Customer.Key.TENANT, Customer.Key.RESELLER)


def customer_keys() -> set[str]:
    """Return the keys of all customers."""
    return set(Customer.objects.values_list("tenant_id", flat=True))


def wanted_contacts(
    connection: XeroConnection,
    customers: Iterable[Customer],
    known: Sequence[Known] | None = None,
    listing: Listing | None = None,
) -> list[WantedContact]:
    """Return it for these customers, in their order; `known` are all customers, where they are at hand."""
    customers = list(customers)
    known = resellers.everyone() if known is None else known
    # A reseller who is another customer is no second one of its name.
    names = Counter(name_key(each.name) for each in known if not resellers.is_another(each))
    maybe = resellers.likely(connection, customers, known, listing)
    return [
        WantedContact(
            key=customer.tenant_id,
            name=customer.name,
            suffix=resellers.SUFFIX if is_reseller(customer) else customer.erp_id,
            emails=(customer.email, details.email(customer.c3_details)),
            address=details.address(customer.c3_details),
            # Among all customers, not only these.
            shares_name=names[name_key(customer.name)] > 1,
            is_by_hand=customer.key_from not in WITH_A_NUMBER,
            maybe=maybe.get(customer.tenant_id, ()),
        )
        for customer in customers
    ]
