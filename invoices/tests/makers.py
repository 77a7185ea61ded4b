"""Makes periods, invoices and what became of them, for the tests of pages."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import User
from invoices.changes import amending
from invoices.importing import billed_taxes
from invoices.importing.numbers import xero_number
from invoices.models import BillingPeriod, Customer, DocumentType, Invoice, InvoiceLine, Posting, Submission, Upload
from invoices.posting import queueing, sent_documents, taken_back, transitions
from xero_integration.models import Account, Contact, ContactLink, TaxRate, TokenSet, XeroConnection, XeroSettings

REFUSAL = "Account code '999' is not a valid code for this document."
Status = Posting.Status


def a_period(billing_id: str = "20260918", ends_on: dt.date = dt.date(2026, 9, 15)) -> BillingPeriod:
    return BillingPeriod.objects.create(billing_id=billing_id, starts_on=ends_on - dt.timedelta(30), ends_on=ends_on)


def an_invoice(
    period: BillingPeriod,
    number: str,
    *,
    total: str = "110.00",
    currency: str = "AUD",
    customer: str = "Tailspin Travel",
    erp_id: str = "",
) -> Invoice:
    """Return a new invoice of a customer of its own, with a tax of a tenth in its total."""
    gross = Decimal(total)
    tax = (gross / 11).quantize(Decimal("0.01"))
    invoice = Invoice.objects.create(
        period=period,
        customer=Customer.objects.create(tenant_id=str(uuid.uuid4()), name=customer, erp_id=erp_id),
        number=number,
        xero_number=xero_number(number),
        issued_on=dt.date(2026, 9, 18),
        due_on=dt.date(2026, 10, 6),
        currency=currency,
        subtotal=gross - tax,
        tax=tax,
        total=gross,
        source_hash="0" * 64,
    )
    InvoiceLine.objects.create(
        invoice=invoice,
        position=1,
        kind=InvoiceLine.Kind.LICENSE,
        name="Microsoft 365 E5",
        quantity=Decimal(1),
        unit_price=gross - tax,
        subtotal=gross - tax,
        tax_name="GST",
        tax_percentage=Decimal(10),
        tax=tax,
        total=gross,
    )
    billed_taxes.put_on([invoice.pk])
    return invoice


def invoices(period: BillingPeriod, count: int, prefix: str = "INV") -> list[Invoice]:
    return [an_invoice(period, f"{prefix}-{index:03}") for index in range(1, count + 1)]


def connected(user: User | None = None) -> XeroConnection:
    """Return the organisation that uploads go to, with the settings filled in."""
    fill_settings()
    now = timezone.now()
    tokens = TokenSet.objects.create(access_expires_at=now + dt.timedelta(minutes=30), refreshed_at=now)
    connection = XeroConnection.objects.create(
        tenant_id=str(uuid.uuid4()),
        connection_id=str(uuid.uuid4()),
        name="Contoso Cloud Pty Ltd",
        token_set=tokens,
        is_current=True,
        connected_by=user,
        short_code="!Ab1c2",
    )
    TaxRate.objects.create(
        connection=connection,
        tax_type="OUTPUT",
        name="GST on Income",
        status="ACTIVE",
        effective_rate=10,
        can_apply_to_revenue=True,
    )
    return connection


def fill_settings(**changes: str) -> None:
    codes = {"license_account_code": "200", "azure_account_code": "210", "custom_account_code": "220"}
    app = {"client_id": "A1B2C3D4E5F60718293A4B5C6D7E8F90", "client_secret": "a secret of the tests"}
    XeroSettings.load()
    settings = XeroSettings.load()
    for name, value in (app | codes | changes).items():
        setattr(settings, name, value)
    settings.save()


def uploaded(connection: XeroConnection, user: User | None, *several: Invoice, to: str = Status.QUEUED) -> Upload:
    """Upload the invoices and bring each to the state `to`, by the moves that real posting makes."""
    rows = Invoice.objects.filter(pk__in=[invoice.pk for invoice in several])
    upload = queueing.enqueue(rows, connection=connection, user=user, invoice_status="DRAFT").upload
    assert upload is not None
    if to != Status.QUEUED:
        bring(upload, to)
    return upload


def bring(upload: Upload, to: str, *numbers: str) -> None:
    """Bring the upload's invoices (or those with these numbers) from waiting to the state `to`."""
    rows = Posting.objects.filter(upload=upload, status=Status.QUEUED)
    if numbers:
        rows = rows.filter(invoice__number__in=numbers)
    keys = list(rows.values_list("pk", flat=True))
    if to == Status.WITHDRAWN:
        transitions.withdraw(Posting.objects.filter(pk__in=keys), upload.created_by)
        return
    submission = Submission.objects.create(
        connection=upload.connection,
        document_type=DocumentType.INVOICE,
        lease_until=timezone.now() + dt.timedelta(minutes=4),
    )
    Posting.objects.filter(pk__in=keys).update(status=Status.SENDING, submission=submission)
    if to == Status.POSTED:
        transitions.mark_posted(
            submission, {key: transitions.Recorded(str(uuid.uuid4()), "DRAFT", Decimal("110.00")) for key in keys}
        )
    elif to == Status.UNDONE:
        bring_posted = {key: transitions.Recorded(str(uuid.uuid4()), "DRAFT", Decimal("110.00")) for key in keys}
        transitions.mark_posted(submission, bring_posted)
        taken_back.take_back({each.xero_id: "DELETED" for each in bring_posted.values()}, why="A wrong account.")
    elif to == Status.REJECTED:
        transitions.mark_rejected(transitions.answered_by(submission), dict.fromkeys(keys, REFUSAL))
    elif to == Status.UNCERTAIN:
        transitions.mark_uncertain(submission, "The answer was lost.", lookup_from=timezone.now())


def account_changed_since() -> None:
    """Have what is posted differ from today's settings by the account of its licences, as in a portal that posted it
    with the settings as they are now."""
    contacts = {(each.connection_id, each.invoice.customer.tenant_id) for each in Posting.objects.all()}
    for connection_id, key in contacts:
        facts = {"name": key, "name_key": key, "status": Contact.ACTIVE}
        contact = Contact.objects.create(connection_id=connection_id, contact_id=str(uuid.uuid4()), **facts)
        link = {"connection_id": connection_id, "customer_key": key}
        ContactLink.objects.get_or_create(**link, defaults={"contact_id": contact.contact_id})
    sent_documents.keep((each.posting, each.now or {}) for each in amending.of(Posting.objects.all()))
    other = Account.objects.exclude(code=XeroSettings.load().license_account_code)
    code = other.filter(type="REVENUE").values_list("code", flat=True).first() or "210"
    XeroSettings.objects.update(license_account_code=code)
    XeroConnection.objects.update(reference_read_at=clock.now())


def queries_of(client: Client, url: str) -> int:
    """Return how many queries the page takes. Raises AssertionError unless it is shown."""
    with queries_counted() as queries:
        response = client.get(url)
    assert response.status_code == 200
    return len(queries)


def queries_counted() -> CaptureQueriesContext:
    """Return a context whose length is how many queries were asked in it."""
    return CaptureQueriesContext(database)
