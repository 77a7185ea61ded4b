"""The two customer calls: who the active customers are, and their details."""

import json
from typing import Any

from c3_sandbox.api.readings import Readings
from c3_sandbox.models import Customer

FIRST_NAMES = ("Alex", "Jordan", "Sam", "Charlie", "Robin", "Kim")
LAST_NAMES = ("Nguyen", "Wilson", "Taylor", "Singh", "Brown", "Martin")
STREETS = ("George Street", "Queen Street", "Collins Street", "High Street")
# City, state, zip, telephone by country.
PLACES = {
    "AU": ("Sydney", "NSW", "2000", "+61 2 5550 0000"),
    "NZ": ("Auckland", "Auckland", "1010", "+64 9 555 0000"),
    "US": ("Seattle", "WA", "98101", "+1 206 555 0100"),
}
PLAN = "Standard, Managed, Monthly"


def active(customer: Customer, readings: Readings) -> dict[str, Any]:
    """Return a customer as `activecustomers/v5` has it."""
    city, state, zip_code, phone = PLACES[customer.country]
    at = customer.position

    def listed(text: str) -> str | list[str]:
        return [text] if readings.addresses_as_lists else text

    fields = {
        "CustomerFirstName": FIRST_NAMES[at % len(FIRST_NAMES)],
        "CustomerLastName": LAST_NAMES[at // 2 % len(LAST_NAMES)],
        "Name": customer.name,
        "CustomerID": str(customer.customer_id),
        "TenantId": str(customer.tenant_id),
        "CustomerBillingReferenceId": f"BR-{at:05}",
        "LinkedProviderName": "Microsoft",
        "ProviderReferenceName": _domain(customer),
        "EmailAddresses": listed(customer.email),
        "PhoneNumbers": listed(phone),
        "Line1": f"{at + 1} {STREETS[at % len(STREETS)]}",
        "Line2": None,
        "City": city,
        "State": state,
        "Zip": zip_code,
        "Country": customer.country,
        "CustomerBillingType": "Standard",
        "ERPCustomerID": customer.erp_id,
        "CRMOpportunityID": None,
    }
    return _over(fields, customer)


def details(customer: Customer) -> dict[str, Any]:
    """Return a customer as `activecustomers/details/` has it; Tags is JSON as text."""
    tags = [{"TagKey": "Region", "TagValue": PLACES[customer.country][1]}]
    fields = {
        "Name": customer.name,
        "CustomerID": str(customer.customer_id),
        "TenantId": str(customer.tenant_id),
        "TenantName": customer.name,
        "DomainName": _domain(customer),
        "Tags": json.dumps(tags, separators=(",", ":")),
        "CurrencyCode": customer.currency,
        "SignupDate": "2025-07-01T00:00:00",
        "OnboardStatus": "Completed",
        "ResellerC3Id": None,
        "PaymentMethod": "Manual",
        "PlanName": PLAN,
        "AutoPay": "No",
        "DeletedOn": None,
        "BillingReferenceId": f"BR-{customer.position:05}",
        "MarketCode": customer.country,
    }
    return _over(fields, customer)


def _domain(customer: Customer) -> str:
    return customer.email.partition("@")[2]


def _over(fields: dict[str, Any], customer: Customer) -> dict[str, Any]:
    return fields | {name: value for name, value in customer.details.items() if name in fields}
