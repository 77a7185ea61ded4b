"""What a filled portal holds (`bench.filled`), table by table. Made of numbers alone, so the same each time."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import batched, pairwise
from typing import Any

from django.contrib.auth.models import Group

from bench.filled import EMAIL, PASSWORD
from c3portal.audit.record import Action
from c3portal.models import AuditEntry, Notice, User, roles
from c3portal.models.notices import Kind
from invoices.importing import billed_taxes
from invoices.models import (
    AccountOverride,
    BillingPeriod,
    Customer,
    CustomerOverride,
    DocumentEvent,
    HeldBackInvoice,
    ImportFinding,
    ImportProfile,
    ImportRun,
    Invoice,
    InvoiceLine,
    KindRule,
    Payment,
    Posting,
    PostLog,
    Submission,
    SubscriptionOrder,
    TaxOverride,
    Upload,
)
from xero_integration.models import (
    Account,
    BrandingTheme,
    Contact,
    ContactLink,
    Currency,
    TaxRate,
    TokenSet,
    XeroConnection,
    XeroSettings,
)

LINES, LOGS, SKUS = 10, 10, 600
MOST_PERIODS, FEWEST_A_PERIOD, A_CALL = 24, 500, 50
CUSTOMERS_FOR = 25
NOW = dt.datetime(2026, 9, 20, 9, tzinfo=dt.UTC)
LATEST = dt.date(2026, 9, 15)
KINDS = ("license", "azure", "custom")
CURRENCIES = ("AUD", "AUD", "AUD", "NZD", "USD")
PLACES = ("AU", "AU", "NZ", "US", "SG")
WORDS = ("Northwind", "Fabrikam", "Adventure", "Tailspin", "Litware", "Proseware", "Wingtip", "Fourth Coffee")
TRADES = ("Traders", "Engineering", "Dental Group", "Legal", "Farms", "Logistics", "Schools", "Media")
# How often each happened to an invoice on its way, in the post logs.
JOURNEY = (
    ("queued", ""),
    ("sending", ""),
    ("rejected", "The account code 4010 has been archived."),
    ("queued", ""),
    ("sending", ""),
    ("uncertain", "Xero did not answer in time."),
    ("queued", "Looked up: it is not in Xero."),
    ("sending", ""),
    ("uncertain", "The connection was cut."),
    ("posted", "Found in Xero."),
)


def everything(count: int) -> None:
    """Write all of it, for `count` invoices."""
    user = _people()
    connection = _organisation()
    customers = _customers(max(40, count // CUSTOMERS_FOR))
    resellers = _resellers()
    _contacts(connection, customers, resellers)
    _overrides(customers, user)
    _imports(count, user)
    periods = _periods(min(MOST_PERIODS, max(1, count // FEWEST_A_PERIOD)))
    for place, period in enumerate(periods):
        begins, ends = count * place // len(periods), count * (place + 1) // len(periods)
        _period(connection, user, period, place, range(begins, ends), customers, resellers)
    Upload.objects.all().count_invoices()
    _records(count, user)


def _bulk(model: Any, rows: Iterable[Any]) -> None:
    for some in batched(rows, 2_000):
        model._default_manager.bulk_create(some)


def _id(what: str, n: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{what} {n}"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _people() -> User:
    for name in roles.ALL:
        Group.objects.get_or_create(name=name)
    for n in range(12):
        User.objects.create_user(f"person{n}@contoso.example", PASSWORD, role=roles.SYSTEM_READER)
    User.objects.create_user("admin@contoso.example", PASSWORD, role=roles.SYSTEM_ADMIN)
    return User.objects.create_user(EMAIL, PASSWORD, role=roles.FINANCE_ADMIN)


def _organisation() -> XeroConnection:
    app = XeroSettings.load()
    app.client_id, app.client_secret = "0123456789ABCDEF0123456789ABCDEF", "a secret of the measurements"
    app.license_account_code, app.azure_account_code, app.custom_account_code = "4000", "4001", "4002"
    app.theme_name = "Theme 1"
    app.save()
    tokens = TokenSet.objects.create(
        access_token="a", refresh_token="r", access_expires_at=NOW + dt.timedelta(days=3650), refreshed_at=NOW
    )
    connection = XeroConnection.objects.create(
        tenant_id=_id("organisation", 1),
        connection_id=_id("connection", 1),
        name="Contoso Cloud (AU)",
        token_set=tokens,
        is_current=True,
        short_code="!abc12",
        country_code="AU",
        base_currency="AUD",
        time_zone="Australia/Sydney",
        organisation_status="ACTIVE",
        reference_read_at=NOW,
        contacts_read_at=NOW,
    )
    _bulk(
        Account,
        [
            Account(connection=connection, code=str(4000 + n), name=f"Sales {n}", type="REVENUE", status="ACTIVE")
            for n in range(150)
        ],
    )
    _bulk(
        BrandingTheme,
        [BrandingTheme(connection=connection, theme_id=_id("theme", n), name=f"Theme {n}") for n in range(8)],
    )
    rates = [("GST", 10), ("GST NZ", 15), ("Tax exempt", 0), *((f"Tax {n}", 5 + n) for n in range(12))]
    _bulk(
        TaxRate,
        [
            TaxRate(
                connection=connection,
                name=name,
                tax_type=f"OUTPUT{place}",
                status="ACTIVE",
                effective_rate=Decimal(rate),
                can_apply_to_revenue=True,
            )
            for place, (name, rate) in enumerate(rates)
        ],
    )
    _bulk(Currency, [Currency(connection=connection, code=code, name=code) for code in sorted({*CURRENCIES})])
    return connection


def _name(n: int) -> str:
    return f"{WORDS[n % 8]} {TRADES[n // 8 % 8]} {n:04d} Pty Ltd"


def _customers(count: int) -> list[Customer]:
    _bulk(
        Customer,
        (
            Customer(
                tenant_id=_id("customer", n),
                name=_name(n),
                erp_id=f"ERP-{n:05d}",
                email=f"accounts@customer{n}.example",
                country=PLACES[n % 5],
                c3_details={
                    "name": _name(n),
                    "email": f"accounts@customer{n}.example",
                    "domain": f"customer{n}.onmicrosoft.example",
                    "currency": CURRENCIES[n % 5],
                    "tags": ["managed"] if n % 3 else [],
                    "address": {"line1": f"{n} George Street", "city": "Sydney", "zip": "2000", "country": "AU"},
                },
            )
            for n in range(count)
        ),
    )
    return list(Customer.objects.order_by("pk"))


def _resellers() -> list[Customer]:
    names = [f"Reseller {n}" for n in range(20)]
    _bulk(Customer, (Customer(tenant_id=f"reseller:{n}", key_from="reseller", name=n) for n in names))
    return list(Customer.objects.filter(key_from="reseller").order_by("pk"))


def _contacts(connection: XeroConnection, customers: Sequence[Customer], resellers: Sequence[Customer]) -> None:
    contacts, links = [], []
    for n, customer in enumerate([*resellers, *customers]):
        # Of a hundred 96 are linked, one of them to an archived contact; the others have none, two of them one of their
        # name, one of them one that is called nearly so.
        place = n - len(resellers)
        fate = place % 100 if place >= 0 else 0
        if fate == 99:
            continue
        name = customer.name.replace("Pty Ltd", "Limited") if fate == 98 else customer.name
        contact = Contact(connection=connection, contact_id=_id("contact", n), name=name, name_key=name.casefold())
        contact.contact_number = customer.tenant_id if fate < 96 else ""
        contact.status, contact.email = "ARCHIVED" if fate == 50 else "ACTIVE", customer.email
        contact.address = {"line1": f"{place} George Street", "city": "Sydney", "zip": "2000", "country": "AU"}
        contacts.append(contact)
        if fate < 96:
            link = ContactLink(connection=connection, customer_key=customer.tenant_id, contact_id=contact.contact_id)
            link.contact_name, link.matched_by, link.created_at = name, "created", NOW
            links.append(link)
    _bulk(Contact, contacts)
    _bulk(ContactLink, links)


def _overrides(customers: Sequence[Customer], user: User) -> None:
    _bulk(
        CustomerOverride,
        (
            CustomerOverride(
                customer=each,
                theme_id=_id("theme", 2) if n % 2 else "",
                theme_name="Theme 2" if n % 2 else "",
                due_days=30,
                purchase_order=f"PO-{n:05d}" if n % 3 else "",
                updated_by=user,
            )
            for n, each in enumerate(customers[::10])
        ),
    )
    _bulk(
        SubscriptionOrder,
        (
            SubscriptionOrder(customer=each, subscription=_id("subscription", n * 20), purchase_order=f"SUB-{n}")
            for n, each in enumerate(customers[::20])
        ),
    )
    _bulk(AccountOverride, (AccountOverride(sku=f"SKU-{n:04d}", account_code="4010") for n in range(0, SKUS, 10)))
    _bulk(AccountOverride, (AccountOverride(customer=each, account_code="4011") for each in customers[::40]))
    _bulk(TaxOverride, [TaxOverride(country="NZ", tax_name="GST", percentage=Decimal(15), tax_type="OUTPUT1")])


def _imports(count: int, user: User) -> None:
    columns = {"number": "InvoiceNumber", "customer": "CustomerName"}
    _bulk(
        ImportProfile,
        (
            ImportProfile(name=f"Profile {n}", header=[f"Column {each}" for each in range(40)], columns=columns)
            for n in range(15)
        ),
    )
    _bulk(KindRule, (KindRule(category=f"category {n}", kind=KINDS[n % 3]) for n in range(30)))
    runs = [
        ImportRun(file_name=f"invoices-{n}.csv", size=100_000, user=user, state="imported", finished_at=NOW, lines=1000)
        for n in range(max(5, count // 1000))
    ]
    _bulk(ImportRun, runs)
    runs = list(ImportRun.objects.order_by("pk"))
    _bulk(ImportFinding, (ImportFinding(run=run, row=n, reason="No unit price.") for run in runs for n in range(2, 12)))
    _bulk(
        HeldBackInvoice,
        (
            HeldBackInvoice(
                run=runs[n % len(runs)],
                number=f"HELD-{n}",
                customer_name=_name(n),
                currency="AUD",
                total=Decimal(100),
                billing_id="20260915",
                resolved_at=None if n < 30 else NOW,
            )
            for n in range(max(30, count // 100))
        ),
    )


def _periods(count: int) -> list[BillingPeriod]:
    """Make so many billing periods, the latest first."""
    month = LATEST.year * 12 + LATEST.month - 1
    ends = [dt.date((month - n) // 12, (month - n) % 12 + 1, 15) for n in range(count + 1)]
    return [
        BillingPeriod.objects.create(billing_id=f"{end:%Y%m%d}", starts_on=before + dt.timedelta(days=1), ends_on=end)
        for end, before in pairwise(ends)
    ]


def _period(
    connection: XeroConnection,
    user: User,
    period: BillingPeriod,
    place: int,
    numbers: range,
    customers: Sequence[Customer],
    resellers: Sequence[Customer],
) -> None:
    made = [_invoice(n, period, customers, resellers) for n in numbers]
    for n, each in zip(numbers, made, strict=True):
        if place and n % 100 == 7:
            each.ignored_because, each.ignored_by, each.ignored_at = "Billed by hand", user, NOW
    _bulk(Invoice, made)
    _bulk(InvoiceLine, (line for n, each in zip(numbers, made, strict=True) for line in _lines(n, each)))
    billed_taxes.put_on(each.pk for each in made)
    billed_taxes.settle()
    uploads = [_upload(connection, user, period, turn) for turn in range(4)]
    going = [(n, each) for n, each in zip(numbers, made, strict=True) if _status(n, place) and not each.ignored_because]
    submissions = [_submission(connection, period, turn) for turn in range(len(going) // A_CALL + 1)]
    _bulk(Submission, submissions)
    postings = [
        _posting(n, place, invoice, connection, uploads[turn % 4], submissions[turn // A_CALL])
        for turn, (n, invoice) in enumerate(going)
    ]
    _bulk(Posting, postings)
    _bulk(PostLog, (log for each in postings for log in _logs(each, user)))
    posted = list(Posting.objects.filter(invoice__period=period, status="posted"))
    events = (
        DocumentEvent(posting=each, at=NOW, source="poll", status="AUTHORISED", facts=["Paid."]) for each in posted
    )
    _bulk(DocumentEvent, events)
    _bulk(
        Payment,
        (
            Payment(posting=each, payment_id=_id("payment", each.pk), paid_on=period.ends_on, amount=each.amount_paid)
            for each in posted
            if each.amount_paid
        ),
    )


def _status(n: int, place: int) -> str:
    """Return how far it has come: of the latest period 60 in 100 are in Xero, of the others nearly all; "" for none."""
    part = n % 100
    if place:
        return "posted" if part < 98 else "withdrawn"
    bounds = ((60, "posted"), (70, "rejected"), (72, "uncertain"), (78, "queued"), (80, "withdrawn"))
    return next((status for bound, status in bounds if part < bound), "")


def _amount(n: int, position: int) -> Decimal:
    return Decimal(1000 + (n * 37 + position * 130) % 9000) / 10


def _invoice(n: int, period: BillingPeriod, customers: Sequence[Customer], resellers: Sequence[Customer]) -> Invoice:
    sign = -1 if n % 40 == 39 else 1
    subtotal = sign * sum((_amount(n, each) for each in range(LINES)), Decimal(0))
    tax = subtotal / 10
    number = f"G{period.billing_id}_{n:07d}"
    return Invoice(
        period=period,
        customer=customers[n % len(customers)],
        bill_to=resellers[n % len(resellers)] if n % 20 == 3 else None,
        number=number,
        xero_number=number,
        issued_on=period.ends_on,
        due_on=period.ends_on + dt.timedelta(days=20),
        currency=CURRENCIES[n % 5],
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
        service_start=period.starts_on,
        service_end=period.ends_on,
        billed_hash=_hash(number),
        charges_hash=_hash(f"charges {number}"),
        named_hash=_hash(f"named {number}"),
        source_hash=_hash(f"source {number}"),
        difference="The total was AUD 10.00." if n % 1000 == 5 else "",
        purchase_order=f"PO-{n % 700}" if n % 4 == 0 else "",
    )


def _lines(n: int, invoice: Invoice) -> Iterator[InvoiceLine]:
    sign = -1 if invoice.total < 0 else 1
    for position in range(LINES):
        amount = _amount(n, position)
        sku = (n * LINES + position) % SKUS
        yield InvoiceLine(
            invoice=invoice,
            position=position,
            kind=KINDS[sku % 3],
            sku=f"SKU-{sku:04d}",
            name=f"Product {sku}",
            charge_start=invoice.service_start,
            charge_end=invoice.service_end,
            quantity=Decimal(sign),
            unit_price=amount,
            subtotal=sign * amount,
            tax_name="GST",
            tax_percentage=Decimal(10),
            tax=sign * amount / 10,
            total=sign * amount * Decimal("1.1"),
            source={
                "SubscriptionID": _id("subscription", n % 4000 * LINES + position),
                "Category": f"category {sku % 30}",
            },
        )


def _upload(connection: XeroConnection, user: User, period: BillingPeriod, turn: int) -> Upload:
    upload = Upload.objects.create(connection=connection, period=period, invoice_status="AUTHORISED", created_by=user)
    at = dt.datetime.combine(period.ends_on, dt.time(9 + turn), dt.UTC)
    Upload.objects.filter(pk=upload.pk).update(created_at=at)
    return upload


def _submission(connection: XeroConnection, period: BillingPeriod, turn: int) -> Submission:
    at = dt.datetime.combine(period.ends_on, dt.time(9), dt.UTC) + dt.timedelta(seconds=turn)
    return Submission(
        connection=connection,
        document_type="invoice",
        outcome="answered",
        body=json.dumps({"Invoices": [{"InvoiceNumber": f"{period.billing_id}-{turn}"}]}).encode(),
        created_at=at,
        sent_at=at,
        answered_at=at + dt.timedelta(seconds=2),
        lease_until=at,
        status_code=200,
        correlation_id=_id("call", turn),
        postings_count=A_CALL,
    )


def _posting(
    n: int, place: int, invoice: Invoice, connection: XeroConnection, upload: Upload, submission: Submission
) -> Posting:
    status, total = _status(n, place), abs(invoice.total)
    posting = Posting(invoice=invoice, connection=connection, upload=upload, submission=submission, status=status)
    posting.document_type = "credit_note" if invoice.is_credit_note else "invoice"
    if status == "rejected":
        posting.message = f"The account code {4000 + n % 3} has been archived."
    if status == "posted":
        is_owed = place < 2 or n % 20 == 0
        posting.xero_id, posting.xero_total, posting.compared_at = _id("document", n), total, NOW
        posting.xero_status = "AUTHORISED" if is_owed else "PAID"
        posting.amount_due, posting.amount_paid = (total, Decimal(0)) if is_owed else (Decimal(0), total)
        posting.amount_credited, posting.sent_to_contact = Decimal(0), n % 2 == 0
        posting.paid_off_on = None if is_owed else invoice.due_on
        posting.read_at = posting.xero_updated_at = NOW
        if n % 500 == 3:
            posting.edits = {"total": {"sent": str(total), "now": str(total + 1)}}
    return posting


def _logs(posting: Posting, user: User) -> Iterator[PostLog]:
    steps = JOURNEY if posting.status == "posted" else (*JOURNEY[: LOGS - 1], (posting.status, posting.message))
    for status, message in steps:
        yield PostLog(
            invoice_id=posting.invoice_id,
            upload_id=posting.upload_id,
            submission_id=posting.submission_id,
            status=status,
            message=message,
            user=user if status == "queued" else None,
        )


def _records(count: int, user: User) -> None:
    actions = list(Action)
    _bulk(
        AuditEntry,
        (
            AuditEntry(
                at=NOW - dt.timedelta(minutes=n),
                actor_id=user.pk,
                actor=user.email,
                action=actions[n % len(actions)],
                subject=f"What was changed {n}",
                before={"Account": "4000"},
                after={"Account": "4010"},
            )
            for n in range(max(200, count // 5))
        ),
    )
    kinds = list(Kind)
    _bulk(
        Notice,
        (
            Notice(key=f"notice {n}", kind=kinds[n % len(kinds)], subject=f"Notice {n}", body="What happened.")
            for n in range(max(50, count // 100))
        ),
    )
