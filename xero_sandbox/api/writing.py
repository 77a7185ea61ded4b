"""Creates and changes invoices and credit notes, one batch in one transaction."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Value
from django.db.models.functions import Concat, Left, Lower, StrIndex

from xero_sandbox import clock, journal, wire
from xero_sandbox.api import contacts, ledger
from xero_sandbox.api.answers import Answer, bad_request, not_found
from xero_sandbox.api.document_rules import Draft, draft, lock_errors
from xero_sandbox.api.document_types import CREDIT_NOTE, Kind
from xero_sandbox.api.reading import by_ident, documents
from xero_sandbox.api.rendering import accepted_json, refused_json
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import ENDED, Contact, Document, Organisation
from xero_sandbox.monitor.call_log import call_log
from xero_sandbox.storage import writing

NO_CONTACT = "A Contact must be specified for this type of transaction"
UNKNOWN_CONTACT = "The contact with the specified contact details could not be found."
ARCHIVED_CONTACT = (
    "The contact with the specified contact details has been archived. "
    "The contact must be un-archived before creating new invoices or credit notes."
)
NOT_EDITABLE = "Invoice not of valid status for modification"
HAS_PAYMENT = f"{NOT_EDITABLE} This document cannot be edited as it has a payment or credit note allocated to it."
# What a document may become other than by payments. What was voided or deleted becomes nothing any more.
STATUS_MOVES = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
}


@dataclass
class Batch:
    """One call's work in progress: what it checks against, and what its earlier elements already took."""

    request: ApiRequest
    kind: Kind
    ledger: ledger.Ledger
    contacts: dict[str, Contact]
    taken: set[str]
    named: dict[str, Document]
    fresh: list[Document] = field(default_factory=list)


@dataclass
class Written:
    """How one element fared."""

    row: Document | None
    sent: dict[str, Any]
    errors: list[str]
    warnings: list[str] = field(default_factory=list)


def create_documents(request: ApiRequest, kind: Kind) -> Answer:
    """PUT: creates every sound element, whatever the others are like."""
    elements = request.elements(kind.resource)
    with writing():
        batch = _open(request, kind, elements)
        written = [_create(batch, dict(sent)) for sent in elements]
        _keep_fresh(batch)
    return _answer(request, kind, written)


def create_or_update_documents(request: ApiRequest, kind: Kind) -> Answer:
    """POST: an element whose id or number is known changes that document, silently, as Xero does. An id and a status
    alone move it from one state to another."""
    elements = request.elements(kind.resource)
    if request.ident and by_ident(request.organisation, kind, request.ident) is None:
        return not_found()
    with writing():
        batch = _open(request, kind, elements)
        written = [_create_or_update(batch, dict(sent)) for sent in elements]
        _keep_fresh(batch)
    return _answer(request, kind, written)


def _open(request: ApiRequest, kind: Kind, elements: list[Mapping[str, Any]]) -> Batch:
    numbers = [str(sent.get(kind.number_field)) for sent in elements if sent.get(kind.number_field)]
    return Batch(
        request=request,
        kind=kind,
        ledger=ledger.read(request.organisation),
        contacts=contacts.many_by_id(request.organisation, elements),
        taken=_taken(request.organisation, kind, numbers),
        named=_named_by_id(request, kind, elements),
    )


def _taken(organisation: Organisation, kind: Kind, numbers: list[str]) -> set[str]:
    """Return which of these numbers are not free, as they are compared."""
    if kind is CREDIT_NOTE and not organisation.unique_credit_notes:
        return set()
    free = [
        status
        for status, is_free in (("DELETED", organisation.free_after_delete), ("VOIDED", organisation.free_after_void))
        if is_free
    ]
    found = organisation.documents.filter(type=kind.type).exclude(status__in=free)
    if organisation.numbers_ignore_case:
        found = found.annotate(key=Lower("number")).filter(key__in=[number.lower() for number in numbers])
    else:
        found = found.filter(number__in=numbers)
    return {_number_key(organisation, number) for number in found.values_list("number", flat=True)}


def _number_key(organisation: Organisation, number: str) -> str:
    return number.lower() if organisation.numbers_ignore_case else number


def _named_by_id(request: ApiRequest, kind: Kind, elements: list[Mapping[str, Any]]) -> dict[str, Document]:
    """Return the documents that a batch names by id, read at once, by id in small letters."""
    ids = {one for sent in elements if (one := wire.parse_id(sent.get(kind.id_field)))}
    found = documents(request.organisation, kind).filter(document_id__in=ids) if ids else ()
    return {str(row.document_id): row for row in found}


def _keep_fresh(batch: Batch) -> None:
    _note_second_live(batch)
    Document.objects.bulk_create(batch.fresh)
    journal.note_all(batch.fresh, journal.CREATED, *journal.through(batch.request.app.name))


def _note_second_live(batch: Batch) -> None:
    """An address, whatever its query, leads back to what a document was made from, so two live documents with one were
    made from one."""
    urls = [row.url.partition("?")[0] for row in batch.fresh if row.url]
    with_end = Concat("url", Value("?"))
    there = batch.request.organisation.documents.annotate(address=Left(with_end, StrIndex(with_end, Value("?")) - 1))
    live = there.filter(type=batch.kind.type, address__in=urls).exclude(status__in=ENDED)
    twice = [*live.values_list("url", flat=True), *(url for url, count in Counter(urls).items() if count > 1)]
    if twice and batch.request.app.client_id:
        call_log.violation("second_live_document", f"{batch.kind.resource}: {', '.join(twice[:5])}")


def _keep(batch: Batch, row: Document, before: str) -> None:
    """Save a document that was changed, and say in its history what became of it."""
    row.updated_at = clock.now()
    row.save()
    changes = journal.CHANGE_OF_STATUS[row.status] if row.status != before else "Edited"
    journal.note(row, changes, *journal.through(batch.request.app.name))


def _answer(request: ApiRequest, kind: Kind, written: list[Written]) -> Answer:
    refused = [one for one in written if one.row is None]
    if refused and request.summarizes_errors:
        elements = [refused_json(one.sent, kind.id_field, one.errors) for one in refused]
        return bad_request("A validation exception occurred", Elements=elements)
    return request.envelope(kind.resource, [_element(kind, one) for one in written])


def _element(kind: Kind, one: Written) -> dict[str, Any]:
    if one.row is None:
        return refused_json(one.sent, kind.id_field, one.errors)
    return accepted_json(one.row, one.warnings)


def _create(batch: Batch, sent: dict[str, Any]) -> Written:
    made = draft(batch.kind, sent, batch.ledger, clock.now().date(), batch.request.unit_places)
    contact, problem = _contact(batch, sent)
    errors = [*made.errors, *([problem] if problem else [])]
    organisation = batch.request.organisation
    if _number_key(organisation, made.number) in batch.taken:
        errors.append(batch.kind.number_taken)
    if errors or contact is None:
        return Written(None, sent, errors)
    made.number = made.number or _next_number(batch)
    batch.taken.add(_number_key(organisation, made.number))
    row = Document(organisation=organisation, type=batch.kind.type, client_id=batch.request.app.client_id)
    _fill(row, made, contact)
    batch.fresh.append(row)
    return Written(row, sent, [], made.warnings)


def _create_or_update(batch: Batch, sent: dict[str, Any]) -> Written:
    if batch.request.ident:
        row = by_ident(batch.request.organisation, batch.kind, batch.request.ident)
    elif given := sent.get(batch.kind.id_field):
        row = batch.named.get(str(wire.parse_id(given)))
        if row is None:
            return Written(None, sent, [f"The {batch.kind.id_field} {given} could not be found."])
    else:
        row = by_ident(batch.request.organisation, batch.kind, str(sent.get(batch.kind.number_field) or ""))
        row = None if row and row.status in ENDED else row
    return _update(batch, row, sent) if row else _create(batch, sent)


def _update(batch: Batch, row: Document, sent: dict[str, Any]) -> Written:
    status = str(sent.get("Status") or row.status)
    by_app = bool(batch.request.app.client_id)
    if by_app and _only_moves(batch.kind, sent) and status == row.status:
        call_log.violation("move_already_made", f"{batch.kind.resource}: {row.number} is {status} already")
    if row.settled or status not in STATUS_MOVES.get(row.status, ()):
        return Written(None, sent, [HAS_PAYMENT if row.settled else NOT_EDITABLE])
    if row.status == "AUTHORISED" and (locks := lock_errors(batch.ledger, row.date)):
        return Written(None, sent, locks)
    if status in ENDED:
        before, row.status = row.status, status
        _keep(batch, row, before)
        return Written(row, sent, [])
    return _rewrite(batch, row, sent)


def _only_moves(kind: Kind, sent: Mapping[str, Any]) -> bool:
    return "Status" in sent and sent.keys() <= {"Status", "Type", kind.id_field, kind.number_field}


def _rewrite(batch: Batch, row: Document, sent: dict[str, Any]) -> Written:
    whole = _as_sent(batch.kind, row) | sent
    made = draft(batch.kind, whole, batch.ledger, row.date, batch.request.unit_places)
    contact, problem = _contact(batch, whole)
    errors = [*made.errors, *([problem] if problem else [])]
    if made.number != row.number and _number_key(row.organisation, made.number) in batch.taken:
        errors.append(batch.kind.number_taken)
    if errors or contact is None:
        return Written(None, sent, errors)
    before = row.status
    _fill(row, made, contact)
    _keep(batch, row, before)
    return Written(row, sent, [], made.warnings)


def _as_sent(kind: Kind, row: Document) -> dict[str, Any]:
    """Return a kept document in the form it is sent in, for laying a change over it."""
    return {
        "Type": row.type,
        kind.number_field: row.number,
        "Contact": {"ContactID": str(row.contact.contact_id)},
        "Status": row.status,
        "Date": row.date.isoformat(),
        "DueDate": row.due_date.isoformat() if row.due_date else None,
        "LineAmountTypes": row.line_amount_types,
        "CurrencyCode": row.currency,
        "Reference": row.reference,
        "Url": row.url,
        "SentToContact": row.sent_to_contact,
        "BrandingThemeID": str(row.theme_id) if row.theme_id else None,
        "LineItems": json.loads(row.lines, parse_float=Decimal),
    }


def _fill(row: Document, made: Draft, contact: Contact) -> None:
    row.number, row.status, row.contact = made.number, made.status, contact
    row.date, row.due_date = made.issued, made.due_date
    row.currency, row.line_amount_types, row.rate = made.currency, made.amount_types, made.rate
    row.reference, row.url, row.theme_id = made.reference, made.url, made.theme_id
    row.sent_to_contact = made.sent_to_contact
    row.sub_total_cents, row.tax_cents, row.total_cents = (
        int(amount.scaleb(2)) for amount in (made.sub_total, made.tax, made.total)
    )
    row.lines = wire.encode([line.wire for line in made.lines])
    if row.status == "AUTHORISED" and not row.total_cents:
        # Nothing is owed on it, so Xero is believed to call it paid at once.
        row.status, row.fully_paid_on = "PAID", row.date
    row.updated_at = clock.now()


def _contact(batch: Batch, sent: Mapping[str, Any]) -> tuple[Contact | None, str]:
    """Find the contact an element means; a bare name finds or creates, and more fields change the contact."""
    given = sent.get("Contact")
    if not isinstance(given, Mapping) or not given:
        return None, NO_CONTACT
    contact = _known_contact(batch, given)
    if contact is None:
        return _new_contact(batch, given)
    if contact.status != "ACTIVE":
        return None, ARCHIVED_CONTACT
    if len(given) > 1:
        call_log.violation("contact_changed_by_invoice", f"{contact.contact_id}: {', '.join(sorted(given))}")
        problems = contacts.change(contact, given)
        return (None, problems[0]) if problems else (contact, "")
    return contact, ""


def _known_contact(batch: Batch, given: Mapping[str, Any]) -> Contact | None:
    if contact_id := wire.parse_id(given.get("ContactID")):
        return batch.contacts.get(str(contact_id)) or contacts.find(batch.request.organisation, given)
    return contacts.find(batch.request.organisation, given)


def _new_contact(batch: Batch, given: Mapping[str, Any]) -> tuple[Contact | None, str]:
    if given.get("ContactID") or not given.get("Name"):
        return None, UNKNOWN_CONTACT
    contact = Contact(organisation=batch.request.organisation)
    problems = contacts.change(contact, given)
    return (None, problems[0]) if problems else (contact, "")


def _next_number(batch: Batch) -> str:
    rows = batch.request.organisation.documents.filter(type=batch.kind.type)
    count = rows.count() + len(batch.fresh)
    while True:
        count += 1
        number = f"{batch.kind.prefix}-{count:04}"
        if number not in batch.taken and not rows.filter(number=number).exists():
            return number
