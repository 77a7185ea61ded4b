"""Control calls that do by machine what people do by hand in Xero: apps, contacts, accounts, payments."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Model

from xero_sandbox import bookkeeping, clock, seeding, wire
from xero_sandbox.api import by_hand, contacts
from xero_sandbox.api.document_types import CREDIT_NOTE, INVOICE, KIND_OF_TYPE, KINDS, Kind
from xero_sandbox.api.reading import by_ident
from xero_sandbox.control.endpoint import ControlRefused, organisation
from xero_sandbox.models import (
    Account,
    Allocation,
    App,
    BrandingTheme,
    Connection,
    Contact,
    Currency,
    Document,
    Grant,
    Mail,
    Organisation,
    TaxRate,
)
from xero_sandbox.oauth import registration, tokens
from xero_sandbox.oauth.scopes import GRANULAR, IDENTITY, unknown
from xero_sandbox.seed_data import CLASS_OF_TYPE, REVENUE_SIDE
from xero_sandbox.storage import writing as write_lock
from xero_sandbox.webhooks import outbox

Body = dict[str, Any]
SETTINGS = (
    "unique_credit_notes",
    "is_demo",
    "mails_a_day",
    "free_after_delete",
    "free_after_void",
    "numbers_ignore_case",
)


def ensure_app(body: Body) -> Any:
    """Make an app, or find it by `name` and set its redirect URIs; always with a new secret."""
    uris = [str(uri) for uri in body["redirect_uris"]]
    if problems := registration.redirect_uri_problems(uris):
        raise ControlRefused(" ".join(problems))
    with write_lock():
        app = App.objects.filter(name=body["name"]).first()
        if app is None:
            app = registration.register(
                body["name"],
                body.get("company_url", "https://contoso.example"),
                uris,
                bool(body.get("broad_scopes")),
            )
        app.redirect_uris = uris
        app.save(update_fields=["redirect_uris"])
        return {"client_id": app.client_id, "client_secret": registration.generate_secret(app)}


def make_tokens(body: Body) -> Any:
    """Consent without a browser: a token set for `client_id`, connected to `organisations` (all when absent)."""
    app = App.objects.get(client_id=body["client_id"])
    wanted = body.get("organisations")
    chosen = [organisation({"tenant": one}) for one in wanted] if wanted else list(Organisation.objects.all())
    scope = _scope(app, body.get("scopes"))
    with write_lock():
        grant = tokens.consent(app, chosen, scope)
        made = tokens.token_set(grant)
    connections = Connection.objects.filter(app=app, auth_event_id=grant.auth_event_id)
    return made | {
        "connections": [{"id": str(one.connection_id), "tenantId": str(one.organisation_id)} for one in connections]
    }


def _scope(app: App, given: Any) -> str:
    scopes = given.split() if isinstance(given, str) else given
    scopes = scopes or [*IDENTITY, *(scope for scope in GRANULAR if not scope.endswith(".read"))]
    if wrong := unknown(list(scopes), app.broad_scopes):
        raise ControlRefused(f"This app cannot have {', '.join(wrong)}.")
    return " ".join(scopes)


def revoke_tokens(body: Body) -> Any:
    """End every consent given to an app, as when its user removes it; connections too unless `keep_connections`."""
    with write_lock():
        Grant.objects.filter(app_id=body["client_id"]).update(revoked_at=clock.now())
        if not body.get("keep_connections"):
            Connection.objects.filter(app_id=body["client_id"]).delete()
    return {}


def disconnect(body: Body) -> Any:
    """Disconnect an organisation (from one app when `client_id` is given), as its owner can in Xero."""
    found = Connection.objects.filter(organisation=organisation(body))
    if client_id := body.get("client_id"):
        found = found.filter(app_id=client_id)
    deleted, _ = found.delete()
    return {"disconnected": deleted}


def make_organisations(body: Body) -> Any:
    """Make `count` more organisations."""
    made = seeding.plant_copies(int(body.get("count", 1)))
    return {"organisations": [{"tenant_id": str(one.tenant_id), "name": one.name} for one in made]}


def change_organisation(body: Body) -> Any:
    """Change an organisation: period_lock_date, year_lock_date (ISO or null), name; whether the number of a credit note
    may be used once only (`unique_credit_notes`); whether it is a demo company (`is_demo`), and its `mails_a_day`;
    whether a number may be used again (`free_after_delete`, `free_after_void`), and whether capitals make another one
    (`numbers_ignore_case`)."""
    one = organisation(body)
    for name in ("period_lock_date", "year_lock_date"):
        if name in body:
            setattr(one, name, date.fromisoformat(body[name]) if body[name] else None)
    _set(one, body, ("name", *SETTINGS))
    one.save()
    return {"tenant_id": str(one.tenant_id), "name": one.name}


def put_contacts(body: Body) -> Any:
    """Make many contacts ({name, number, email, status, addresses}), or change those found by `contact_id`; one with
    `merged_into` (a contact's id) is archived as Xero does when contacts are merged."""
    one = organisation(body)
    with write_lock():
        fresh = [_contact(one, sent) for sent in body["contacts"]]
        made = [contact for contact in fresh if contact.pk is None]
        outbox.enqueue_contacts([contact for contact in fresh if contact.pk], "UPDATE")
        Contact.objects.bulk_create(made)
        outbox.enqueue_contacts(made, "CREATE")
    return {"contacts": [{"contact_id": str(contact.contact_id), "name": contact.name} for contact in fresh]}


def _contact(one: Organisation, sent: Body) -> Contact:
    if contact_id := sent.get("contact_id"):
        contact: Contact = one.contacts.get(contact_id=contact_id)
    else:
        contact = Contact(organisation=one)
    for field in ("name", "number", "email", "status"):
        setattr(contact, field, sent.get(field, getattr(contact, field)))
    if addresses := sent.get("addresses"):
        contact.details = contact.details | {"Addresses": addresses}
    if merged_into := sent.get("merged_into"):
        contact.status, contact.details = "ARCHIVED", contact.details | {"MergedToContactID": merged_into}
    contact.name_key, contact.updated_at = contacts.name_key(contact.name), clock.now()
    if contact.pk:
        contact.save()
    return contact


def put_account(body: Body) -> Any:
    """Make or change the account with this `code`: name, type, tax_type, status."""
    found = _made_or_found(Account, body, "code", {"type": "REVENUE", "tax_type": "OUTPUT", "name": "New account"})
    _set(found, body, ("name", "type", "tax_type", "status"))
    found.klass, found.updated_at = CLASS_OF_TYPE[found.type], clock.now()
    found.save()
    return {"account_id": str(found.account_id), "code": found.code, "status": found.status}


def put_tax_rate(body: Body) -> Any:
    """Make or change the tax rate with this `tax_type`: name, rate, status."""
    usual = {"name": "New rate", "rate": Decimal(0), "report_tax_type": "OUTPUT", "component": "GST"}
    found = _made_or_found(TaxRate, body, "tax_type", usual | {"applies_to": REVENUE_SIDE})
    _set(found, body, ("name", "status", "applies_to"))
    found.rate = Decimal(str(body.get("rate", found.rate)))
    found.save()
    return {"tax_type": found.tax_type, "status": found.status}


def put_currency(body: Body) -> Any:
    """Enable the currency with this `code`, or with `enabled: false` disable it."""
    one = organisation(body)
    if body.get("enabled", True):
        Currency.objects.get_or_create(organisation=one, code=body["code"], defaults={"description": body["code"]})
    else:
        Currency.objects.filter(organisation=one, code=body["code"]).delete()
    return {"currencies": list(one.currencies.values_list("code", flat=True))}


def put_theme(body: Body) -> Any:
    """Make a theme, rename the one called `name` to `new_name`, or with `delete: true` remove it."""
    one = organisation(body)
    found = one.themes.filter(name=body["name"]).first()
    if found is None:
        found = BrandingTheme.objects.create(organisation=one, name=body["name"], sort_order=one.themes.count())
    elif body.get("delete"):
        found.delete()
    else:
        found.name = body.get("new_name", found.name)
        found.save()
    return {"themes": {theme.name: str(theme.theme_id) for theme in one.themes.all()}}


def _made_or_found(model: type[Any], body: Body, key: str, usual: Body) -> Any:
    one = organisation(body)
    found, _ = model.objects.get_or_create(organisation=one, **{key: body[key]}, defaults=usual)
    return found


def _set(row: Model, body: Body, names: tuple[str, ...]) -> None:
    for name in names:
        if name in body:
            setattr(row, name, body[name])


def list_documents(body: Body) -> Any:
    """Return every document of an organisation in short, for comparing with what was meant to be sent."""
    rows = organisation(body).documents.select_related("contact")
    return {"documents": [_short(row) for row in rows]}


def _short(row: Document) -> Body:
    return {
        "id": str(row.document_id),
        "type": row.type,
        "number": row.number,
        "status": row.status,
        "date": row.date.isoformat(),
        "contact_id": str(row.contact.contact_id),
        "contact": row.contact.name,
        "currency": row.currency,
        "total": str(row.total),
        "due": str(row.due),
        "reference": row.reference,
        "url": row.url,
        "client_id": row.client_id,
    }


def write_document(body: Body) -> Any:
    """Write a document by hand, as a bookkeeper would in Xero: `element` in wire form, `resource` Invoices."""
    return by_hand.create(organisation(body), KINDS[body.get("resource", "Invoices")], body["element"])


def change_document(body: Body) -> Any:
    """Change the document with this `id` or `number` by hand: `changes` in wire form (a Status alone moves it)."""
    row = _document(body)
    if errors := by_hand.change(row, body["changes"]):
        raise ControlRefused(" ".join(errors))
    return {"id": str(row.document_id)}


def list_mails(body: Body) -> Any:
    """Return every mail that an organisation sent, oldest first."""
    rows = Mail.objects.filter(document__organisation=organisation(body)).select_related("document")
    return {
        "mails": [{"number": row.document.number, "address": row.address, "at": row.at.isoformat()} for row in rows]
    }


def record_payment(body: Body) -> Any:
    """Record a payment on the document with this `id` or `number`; in full when no `amount` is given."""
    row = _document(body)
    amount = Decimal(str(body["amount"])) if "amount" in body else row.due
    paid_on = date.fromisoformat(body["date"]) if body.get("date") else None
    payment = bookkeeping.record(row, amount, paid_on, body.get("reference", ""))
    return {"payment_id": str(payment.payment_id), "status": row.status, "due": str(row.due)}


def remove_payments(body: Body) -> Any:
    """Take back every payment on the document with this `id` or `number`."""
    row = _document(body)
    bookkeeping.remove_payments(row)
    return {"status": row.status, "due": str(row.due)}


def receive_money(body: Body) -> Any:
    """Take `amount` from the contact with this `contact_id` without an invoice: `kind` prepayment or overpayment,
    `date`, `number`."""
    contact = organisation(body).contacts.get(contact_id=body["contact_id"])
    received_on = date.fromisoformat(body["date"]) if body.get("date") else clock.now().date()
    kind = body.get("kind", "prepayment")
    if kind not in ("prepayment", "overpayment"):
        raise ControlRefused("The kind is prepayment or overpayment.")
    row = bookkeeping.receive(contact, Decimal(str(body["amount"])), kind, received_on, body.get("number", ""))
    return {"id": str(row.document_id)}


def allocate(body: Body) -> Any:
    """Set credit (`source`, an id or a credit note's number) against the `invoice` with this id or number: `amount` (as
    much as can be when absent), `date`."""
    source, invoice = _named(body, body["source"], CREDIT_NOTE), _named(body, body["invoice"], INVOICE)
    amount = Decimal(str(body["amount"])) if "amount" in body else min(source.due, invoice.due)
    allocated_on = date.fromisoformat(body["date"]) if body.get("date") else clock.now().date()
    with write_lock():
        made = bookkeeping.allocate(source, invoice, amount, allocated_on)
    return {"allocation_id": str(made.allocation_id), "due": str(invoice.due), "remaining": str(source.due)}


def list_allocations(body: Body) -> Any:
    """Return every amount of credit that is set against an invoice of an organisation, with the ids of both."""
    rows = Allocation.objects.filter(source__organisation=organisation(body)).select_related("source", "invoice")
    return {
        "allocations": [
            {
                "source": str(row.source.document_id),
                "invoice": str(row.invoice.document_id),
                "amount": str(row.amount),
            }
            for row in rows
        ]
    }


def _named(body: Body, ident: str, kind: Kind) -> Document:
    if document_id := wire.parse_id(ident):
        return Document.objects.get(document_id=document_id)
    return _document({**body, "number": ident, "type": kind.type, "id": ""})


def take_back_allocations(body: Body) -> Any:
    """Take back every allocation to the document with this `id` or `number`."""
    row = _document(body)
    with write_lock():
        for allocation in row.credits.all():
            bookkeeping.take_back(allocation)
    return {}


def void_document(body: Body) -> Any:
    """Void (or, when a draft, delete) the document with this `id` or `number`."""
    row = _document(body)
    bookkeeping.void(row)
    return {"status": row.status}


def _document(body: Body) -> Document:
    if document_id := body.get("id"):
        return Document.objects.get(document_id=uuid.UUID(document_id))
    kind = KIND_OF_TYPE[body.get("type", "ACCREC")]
    row = by_ident(organisation(body), kind, str(body.get("number") or ""))
    if row is None:
        raise ControlRefused("There is no such document.")
    return row
