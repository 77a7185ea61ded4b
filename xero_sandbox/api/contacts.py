"""Contacts: how they are found, listed, created and changed."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from xero_sandbox import clock, wire
from xero_sandbox.api.answers import Answer, bad_request, not_found
from xero_sandbox.api.filters import ordered, paged, where_filter
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Contact, Organisation
from xero_sandbox.storage import writing
from xero_sandbox.webhooks import outbox

WHERE_COLUMNS = {
    "Name": "name",
    "ContactNumber": "number",
    "AccountNumber": "account_number",
    "EmailAddress": "email",
    "ContactStatus": "status",
    "ContactID": "contact_id",
}
# What a contact may carry that the sandbox keeps as it came.
KEPT_FIELDS = (
    "FirstName",
    "LastName",
    "CompanyNumber",
    "TaxNumber",
    "Addresses",
    "Phones",
    "ContactPersons",
    "DefaultCurrency",
    "BankAccountDetails",
)
# One address, in ASCII.
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
STATUSES = ("ACTIVE", "ARCHIVED")
LONGEST = {"Name": 255, "ContactNumber": 50, "AccountNumber": 50, "EmailAddress": 255}
LONGEST_OF_ADDRESS = {
    "AddressLine1": 500,
    "AddressLine2": 500,
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
}
COUNTRY = re.compile("[A-Za-z ]*")
SUMMARY_LEAVES_OUT = ("Addresses", "Phones", "ContactPersons", "ContactGroups")


def as_json(contact: Contact, summary: bool = False) -> dict[str, Any]:
    """Return a contact as the wire carries it; a summary leaves out addresses, phones and people."""
    full = {
        "ContactID": str(contact.contact_id),
        **({"ContactNumber": contact.number} if contact.number else {}),
        **({"AccountNumber": contact.account_number} if contact.account_number else {}),
        "ContactStatus": contact.status,
        "Name": contact.name,
        "EmailAddress": contact.email,
        "BankAccountDetails": "",
        "Addresses": [
            {"AddressType": kind, "City": "", "Region": "", "PostalCode": "", "Country": ""}
            for kind in ("STREET", "POBOX")
        ],
        "Phones": [],
        "UpdatedDateUTC": wire.ms_date(contact.updated_at),
        "ContactGroups": [],
        "IsSupplier": False,
        "IsCustomer": True,
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
        **contact.details,
    }
    return {key: value for key, value in full.items() if not (summary and key in SUMMARY_LEAVES_OUT)}


def show_contacts(request: ApiRequest) -> Answer:
    """GET /Contacts: filtered, and paged when a page is asked for."""
    found = request.organisation.contacts.all()
    if not request.flag("includeArchived") and not request.listed("IDs"):
        found = found.filter(status="ACTIVE")
    found = _filtered(request, found)
    found = ordered(request, found, WHERE_COLUMNS)
    rows, pagination = paged(request, found)
    summary = request.flag("summaryOnly")
    return request.envelope("Contacts", [as_json(row, summary) for row in rows], **pagination)


def _filtered(request: ApiRequest, found: QuerySet[Contact]) -> QuerySet[Contact]:
    if ids := request.listed("IDs"):
        found = found.filter(contact_id__in=[one for text in ids if (one := wire.parse_id(text))])
    if where := request.query.get("where"):
        found = found.filter(where_filter(where, WHERE_COLUMNS))
    if term := request.query.get("searchTerm"):
        found = found.filter(Q(name__icontains=term) | Q(number__icontains=term) | Q(email__icontains=term))
    if since := request.since():
        found = found.filter(updated_at__gt=since)
    return found


def show_contact(request: ApiRequest) -> Answer:
    """GET /Contacts/{ContactID or ContactNumber}."""
    contact = by_ident(request.organisation, request.ident)
    return request.envelope("Contacts", [as_json(contact)]) if contact else not_found()


def by_ident(organisation: Organisation, ident: str) -> Contact | None:
    """Find a contact by its id or its number."""
    contact_id = wire.parse_id(ident)
    match = Q(contact_id=contact_id) if contact_id else Q(number=ident)
    return organisation.contacts.filter(match).first() if ident else None


def create_contacts(request: ApiRequest) -> Answer:
    """PUT /Contacts: creates every sound element, whatever the others are like."""
    return _write(request, updates=False)


def update_contacts(request: ApiRequest) -> Answer:
    """POST /Contacts: changes those found by ContactID, ContactNumber or Name, and creates the rest."""
    return _write(request, updates=True)


def _write(request: ApiRequest, updates: bool) -> Answer:
    with writing():
        written = [_write_one(request, sent, updates) for sent in request.elements("Contacts")]
    refused = [item for item in written if item["HasValidationErrors"]]
    if refused and request.summarizes_errors:
        return bad_request("A validation exception occurred", Elements=refused)
    return request.envelope("Contacts", written)


def _write_one(request: ApiRequest, sent: Mapping[str, Any], updates: bool) -> dict[str, Any]:
    if updates and request.ident:
        sent = {**sent, "ContactID": request.ident}
    contact = find(request.organisation, sent) if updates else None
    contact = contact or Contact(organisation=request.organisation)
    errors = change(contact, sent)
    if errors:
        return {
            "ContactID": str(wire.ZERO_ID),
            **sent,
            "HasValidationErrors": True,
            "StatusAttributeString": "ERROR",
            "ValidationErrors": [{"Message": words} for words in errors],
        }
    return as_json(contact) | {"StatusAttributeString": "OK"}


def find(organisation: Organisation, sent: Mapping[str, Any]) -> Contact | None:
    """Find the contact that an element means: by id, else by number, else by the name of an active one."""
    if contact_id := sent.get("ContactID"):
        return by_ident(organisation, str(contact_id))
    if number := sent.get("ContactNumber"):
        return organisation.contacts.filter(number=str(number)).first()
    return by_name(organisation, str(sent.get("Name") or ""))


def by_name(organisation: Organisation, name: str) -> Contact | None:
    """Find an active contact by its name, whatever its capitals."""
    return organisation.contacts.filter(name_key=name_key(name), status="ACTIVE").first()


def name_key(name: str) -> str:
    """Return the form in which names are compared."""
    return stored_name(name).casefold()


def stored_name(name: str) -> str:
    """Return a name as Xero keeps it: emoji are dropped, and doubled blanks become one."""
    return " ".join("".join(letter for letter in name if unicodedata.category(letter) not in ("So", "Cs")).split())


def change(contact: Contact, sent: Mapping[str, Any]) -> list[str]:
    """Apply an element to a contact, new or kept, and save it; or return what is wrong with it."""
    errors = [
        f"The field {name} must be a string with a maximum length of {most}."
        for name, most in LONGEST.items()
        if sent.get(name) is not None and not (isinstance(sent[name], str) and len(sent[name]) <= most)
    ]
    if set("<>") & set(str(sent.get("Name") or "")):
        errors.append("The contact name must not contain < or >.")
    if sent.get("EmailAddress") and not EMAIL.fullmatch(str(sent["EmailAddress"])):
        errors.append("Email address must be valid.")
    errors += _wrong_addresses(sent.get("Addresses") or [])
    if sent.get("ContactStatus", "ACTIVE") not in STATUSES:
        errors.append(f"ContactStatus must be one of {', '.join(STATUSES)}.")
    if errors:
        return errors
    contact.name = stored_name(str(sent.get("Name") or contact.name))
    contact.name_key = name_key(contact.name)
    contact.number = sent.get("ContactNumber", contact.number) or ""
    contact.account_number = sent.get("AccountNumber", contact.account_number) or ""
    contact.email = sent.get("EmailAddress", contact.email) or ""
    contact.status = sent.get("ContactStatus") or contact.status
    # Written and read again, since the database takes no Decimal inside JSON.
    contact.details |= json.loads(wire.encode({name: sent[name] for name in KEPT_FIELDS if sent.get(name) is not None}))
    errors = _clashes(contact)
    if not errors:
        event = "UPDATE" if contact.pk else "CREATE"
        contact.updated_at = clock.now()
        contact.save()
        outbox.enqueue_contacts([contact], event)
    return errors


def _wrong_addresses(addresses: list[Mapping[str, Any]]) -> list[str]:
    errors = [
        f"The field {name} must be a string with a maximum length of {most}."
        for address in addresses
        for name, most in LONGEST_OF_ADDRESS.items()
        if len(str(address.get(name) or "")) > most
    ]
    if any(not COUNTRY.fullmatch(str(address.get("Country") or "")) for address in addresses):
        errors.append("The country of an address must be letters only.")
    return errors


def _clashes(contact: Contact) -> list[str]:
    others = contact.organisation.contacts.exclude(pk=contact.pk)
    errors = []
    if not contact.name:
        errors.append("The contact name must be specified.")
    elif contact.status == "ACTIVE" and others.filter(name_key=contact.name_key, status="ACTIVE").exists():
        errors.append(
            f"The contact name {contact.name} is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        )
    if contact.number and others.filter(number__iexact=contact.number).exists():
        errors.append(
            f"The Contact Number {contact.number} is already assigned to another contact. "
            "The Contact Number must be unique across all contacts."
        )
    return errors


def many_by_id(organisation: Organisation, elements: Iterable[Mapping[str, Any]]) -> dict[str, Contact]:
    """Return the contacts that a batch of documents names by ContactID, read at once, by id in small letters."""
    named = (element.get("Contact") for element in elements)
    ids = {one for contact in named if isinstance(contact, Mapping) if (one := wire.parse_id(contact.get("ContactID")))}
    return {str(contact.contact_id): contact for contact in organisation.contacts.filter(contact_id__in=ids)}
