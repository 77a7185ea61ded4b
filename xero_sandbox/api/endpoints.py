"""Which function answers which call."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from xero_sandbox.api import allocations, contacts, history, mailing, reading, reference, writing
from xero_sandbox.api.answers import Answer
from xero_sandbox.api.document_types import CREDIT_NOTE, CREDITS, INVOICE, OVERPAYMENT, PREPAYMENT, Kind
from xero_sandbox.api.request import ApiRequest

Endpoint = Callable[[ApiRequest], Answer]
ONE, MANY = "one", "many"
# What a document has addresses of its own for.
PARTS = ("Allocations", "Email", "History", "OnlineInvoice")


@dataclass(frozen=True)
class Place:
    """Where a call goes: a resource, what is named in it, and a part of that."""

    resource: str
    ident: str = ""
    part: str = ""
    part_ident: str = ""


def read_path(path: str) -> Place:
    """Read what follows /api.xro/2.0/. A number may hold a slash, so only a known part ends an ident."""
    resource, _, rest = path.partition("/")
    segments = rest.split("/")
    for at in (len(segments) - 1, len(segments) - 2):
        if at > 0 and segments[at] in PARTS:
            return Place(resource, unquote("/".join(segments[:at])), segments[at], "/".join(segments[at + 1 :]))
    return Place(resource, unquote(rest))


def _credit_endpoints(kind: Kind) -> dict[tuple[str, str, str], Endpoint]:
    return {
        ("PUT", kind.resource, "Allocations"): partial(allocations.allocate, kind=kind),
        ("DELETE", kind.resource, "Allocations"): partial(allocations.remove, kind=kind),
    }


def _received_endpoints(kind: Kind) -> dict[tuple[str, str, str], Endpoint]:
    return {
        ("GET", kind.resource, MANY): partial(reading.show_documents, kind=kind),
        ("GET", kind.resource, ONE): partial(reading.show_document, kind=kind),
        ("GET", kind.resource, "History"): partial(history.show_history, kind=kind),
    }


def _document_endpoints(kind: Kind) -> dict[tuple[str, str, str], Endpoint]:
    return {
        ("GET", kind.resource, MANY): partial(reading.show_documents, kind=kind),
        ("GET", kind.resource, ONE): partial(reading.show_document, kind=kind),
        ("PUT", kind.resource, MANY): partial(writing.create_documents, kind=kind),
        ("POST", kind.resource, MANY): partial(writing.create_or_update_documents, kind=kind),
        ("POST", kind.resource, ONE): partial(writing.create_or_update_documents, kind=kind),
        **{(method, kind.resource, "History"): answer for method, answer in history.endpoints(kind).items()},
    }


ENDPOINTS: dict[tuple[str, str, str], Endpoint] = {
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
    ("POST", "Invoices", "Email"): mailing.email_invoice,
    ("GET", "Invoices", "OnlineInvoice"): mailing.show_online_invoice,
    **_document_endpoints(INVOICE),
    **_document_endpoints(CREDIT_NOTE),
    **_received_endpoints(PREPAYMENT),
    **_received_endpoints(OVERPAYMENT),
    **{place: answer for kind in CREDITS for place, answer in _credit_endpoints(kind).items()},
}


def find(method: str, place: Place) -> Endpoint | None:
    """Return what answers this call, if anything does."""
    shape = place.part or (ONE if place.ident else MANY)
    return ENDPOINTS.get((method, place.resource, shape))
