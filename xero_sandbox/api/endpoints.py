"""Which function answers which call."""

from collections.abc import Callable
from functools import partial

from xero_sandbox.api import contacts, reading, reference, writing
from xero_sandbox.api.answers import Answer
from xero_sandbox.api.document_types import CREDIT_NOTE, INVOICE, Kind
from xero_sandbox.api.request import ApiRequest

Endpoint = Callable[[ApiRequest], Answer]
ONE, MANY = True, False


def _document_endpoints(kind: Kind) -> dict[tuple[str, str, bool], Endpoint]:
    return {
        ("GET", kind.resource, MANY): partial(reading.show_documents, kind=kind),
        ("GET", kind.resource, ONE): partial(reading.show_document, kind=kind),
        ("PUT", kind.resource, MANY): partial(writing.create_documents, kind=kind),
        ("POST", kind.resource, MANY): partial(writing.create_or_update_documents, kind=kind),
        ("POST", kind.resource, ONE): partial(writing.create_or_update_documents, kind=kind),
    }


ENDPOINTS: dict[tuple[str, str, bool], Endpoint] = {
    ("GET", "Organisation", MANY): reference.show_organisation,
    ("GET", "Accounts", MANY): reference.show_accounts,
    ("GET", "BrandingThemes", MANY): reference.show_themes,
    ("GET", "TaxRates", MANY): reference.show_tax_rates,
    ("GET", "Currencies", MANY): reference.show_currencies,
    ("GET", "TrackingCategories", MANY): reference.show_tracking,
    ("GET", "Contacts", MANY): contacts.show_contacts,
    ("GET", "Contacts", ONE): contacts.show_contact,
    ("PUT", "Contacts", MANY): contacts.create_contacts,
    ("POST", "Contacts", MANY): contacts.update_contacts,
    ("POST", "Contacts", ONE): contacts.update_contacts,
    ("GET", "Payments", MANY): reading.show_payments,
    ("GET", "Payments", ONE): reading.show_payments,
    **_document_endpoints(INVOICE),
    **_document_endpoints(CREDIT_NOTE),
}


def find(method: str, resource: str, ident: str) -> Endpoint | None:
    """Return what answers this call, if anything does."""
    return ENDPOINTS.get((method, resource, bool(ident)))
