"""What a portal goes through for its pictures: a scene changes the portal of this process, and names what to look at.

The scenes follow one another on one portal, from empty to closed. Import nothing of Django before a Stage is open.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from bench.environment import Stage
    from c3portal.models import User
    from invoices.models import Invoice, Upload
    from xero_integration.models import XeroConnection

ADMIN = "admin@contoso.example"
FINANCE = "finance@contoso.example"
AUGUST, SEPTEMBER, OCTOBER = "20260818", "20260918", "20261018"
LIST = "/analyze/business/invoices/"
LONG = (
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft für Rechnungswesen und "
    "Verwaltung mit beschränkter Haftung",
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch Community Energy Co-operative (Holdings) Pty Ltd",
    "W" * 90,
)
FOREIGN = (
    "شركة الخليج للتقنية والحلول السحابية المحدودة",
    "החברה הישראלית לשירותי ענן בע״מ",
    "北京云计算科技有限公司",
    "Ελληνική Εταιρεία Πληροφορικής Α.Ε.",
    "Công ty Cổ phần Điện toán Đám mây Việt Nam",
    "Fabrikam (فابريكام) Trading L.L.C. 2026",
)


@dataclass(frozen=True)
class Scene:
    """A state of the portal; `pages` returns what to look at in it, by name."""

    name: str
    happens: Callable[[Stage], None]
    pages: Callable[[], dict[str, str]]


def scenes() -> Iterator[Scene]:
    """Yield the scenes in the order in which they have to happen."""
    yield Scene("first-run", _people, _emptiness)
    yield Scene("empty", _connect, _emptiness)
    yield Scene("filled", _fill, lambda: {"list": f"{LIST}?period={SEPTEMBER}"})
    yield Scene("running", _run, _upload_pages)
    yield Scene("paused", _pause, _upload_pages)
    yield Scene("rejected", _reject, lambda: _upload_pages() | _wrong())
    yield Scene("blocked", _block, lambda: _preflight_pages() | {"needs-attention": "/needs-attention/", "home": "/"})
    yield Scene("50-fixes", _break_fifty, lambda: _preflight_pages() | {"needs-attention": "/needs-attention/"})
    yield Scene("finished", _finish, _upload_pages)
    yield Scene("every-page", _furnish, dict)
    yield Scene("names", _name, _named)
    yield Scene("reconnect", _break_off, lambda: {"home": "/", "list": f"{LIST}?period={SEPTEMBER}"})


# What to look at


def _emptiness() -> dict[str, str]:
    return {
        "home": "/",
        "needs-attention": "/needs-attention/",
        "list": LIST,
        "periods": "/analyze/business/periods/",
        "post-logs": "/invoices/logs/",
        "customers": "/customers/",
        "import": "/invoices/import/",
        "general": "/settings/general/",
    }


def _upload_pages() -> dict[str, str]:
    upload = _last_upload()
    return {
        "home": f"/?period={SEPTEMBER}",
        "list": f"{LIST}?period={SEPTEMBER}",
        "upload": upload.get_absolute_url(),
        "post-logs": "/invoices/logs/",
    }


def _wrong() -> dict[str, str]:
    from invoices.models import Posting

    rejected = Posting.objects.filter(status=Posting.Status.REJECTED).order_by("pk")[0].invoice
    return {
        "invoice": f"/invoices/{rejected.pk}/",
        "list-rejected": f"{LIST}?period={SEPTEMBER}&state=rejected",
        "needs-attention": "/needs-attention/",
        "period": f"/analyze/business/periods/{rejected.period_id}/",
    }


def _preflight_pages() -> dict[str, str]:
    return {"preflight": f"/invoices/preflight/{_draft_of(OCTOBER)}/"}


def _named() -> dict[str, str]:
    from invoices.models import Invoice

    found = {"list": f"{LIST}?period=20261118", "home": "/", "customers": "/customers/?q=a", "periods": LIST}
    for name, start in (("long", LONG[0]), ("right-to-left", FOREIGN[0])):
        invoice = Invoice.objects.get(customer__name=start)
        found[f"invoice-{name}"] = f"/invoices/{invoice.pk}/"
        found[f"customer-{name}"] = f"/customers/{invoice.customer_id}/"
        found[f"search-{name}"] = f"{LIST}?period=all&q={start[:12]}"
    return found


# What happens


def _people(stage: Stage) -> None:
    from django.contrib.auth.models import Group

    from c3portal.models import User, roles

    for name in roles.ALL:
        Group.objects.get_or_create(name=name)
    User.objects.create_user(ADMIN, role=roles.SYSTEM_ADMIN, name="Ada Lindqvist")
    User.objects.create_user(FINANCE, role=roles.FINANCE_ADMIN, name="Priya Raman")
    User.objects.create_user("reader@contoso.example", role=roles.SYSTEM_READER, name="Tom Okafor")


def _connect(stage: Stage) -> None:
    from xero_integration.models import XeroConnection

    stage.connect()
    XeroConnection.objects.update(connected_by=_person())


def _fill(stage: Stage) -> None:
    """All of August is in Xero, approved, sent and mostly paid; September and October are imported."""
    from invoices.contacts import matching
    from invoices.models import Invoice, TaxOverride
    from operations import demo
    from xero_integration.models import InvoiceStatus

    demo.periods()
    TaxOverride.objects.get_or_create(**demo.TAX_WITHOUT_A_NAME, defaults={"tax_type": demo.TAX_TYPE_WITHOUT_A_NAME})
    matching.read_again(_connection())
    _upload(AUGUST, InvoiceStatus.AUTHORISED)
    _work()
    for place, invoice in enumerate(Invoice.objects.filter(period__billing_id=AUGUST, total__gt=0).order_by("number")):
        if place % 4:
            stage.control.pay(invoice.xero_number)
    _read_back()
    _check()


def _run(stage: Stage) -> None:
    """An upload of September has brought some of its invoices to Xero."""
    from invoices import tasks
    from xero_integration.models import InvoiceStatus

    _upload(SEPTEMBER, InvoiceStatus.DRAFT)
    with mock.patch.object(tasks, "WORK_SECONDS", 0.01):
        while _last_upload().postings.filter(status="posted").count() < 50:
            tasks.work(_connection().pk, spread=False)
    _check()


def _pause(stage: Stage) -> None:
    from django.utils import timezone

    from xero_integration.models import XeroConnection

    until = timezone.now() + dt.timedelta(minutes=20)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's limit of calls a minute is used up")


def _reject(stage: Stage) -> None:
    """An account was archived in Xero meanwhile, and of one invoice it is not known what became of it."""
    from django.utils import timezone

    from invoices.models import Posting
    from invoices.tests import makers
    from xero_integration.models import XeroConnection

    XeroConnection.objects.update(paused_until=None, pause_reason="", pause_problem="")
    stage.control.put_account("4010", status="ARCHIVED")
    upload = _last_upload()
    lost = upload.postings.filter(status=Posting.Status.QUEUED).order_by("invoice__number")[0]
    makers.bring(upload, Posting.Status.UNCERTAIN, lost.invoice.number)
    later = timezone.now() + dt.timedelta(hours=2)
    Posting.objects.filter(pk=lost.pk).update(not_before=later)
    _work()
    _check()


def _block(stage: Stage) -> None:
    """The portal knows of it, and every invoice with licences is blocked."""
    from xero_integration import connections

    connections.read_reference(_connection())
    _check()


def _break_fifty(stage: Stage) -> None:
    """Fifty products have each an account of its own that the organisation does not have."""
    from invoices.models import AccountOverride, InvoiceLine

    lines = InvoiceLine.objects.filter(invoice__period__billing_id=OCTOBER).exclude(sku="")
    skus = sorted(set(lines.values_list("sku", flat=True)))
    for place, sku in enumerate(skus[:50]):
        AccountOverride.objects.create(sku=sku, account_code=str(9000 + place), updated_by=_person())
    _check()


def _finish(stage: Stage) -> None:
    """The account is back, and all of September is in Xero."""
    from invoices.models import AccountOverride, Posting
    from xero_integration import connections
    from xero_integration.models import InvoiceStatus

    AccountOverride.objects.all().delete()
    stage.control.put_account("4010", status="ACTIVE")
    connections.read_reference(_connection())
    Posting.objects.filter(status=Posting.Status.UNCERTAIN).update(not_before=None)
    _upload(SEPTEMBER, InvoiceStatus.DRAFT)
    _work()
    _read_back()
    _check()


def _furnish(stage: Stage) -> None:
    """Whatever a page can name is there: what was held back, excluded, edited in Xero, asked of it, and who is told."""
    from c3_integration.models import C3Fetch
    from c3portal.models import Delivery, Notice, Webhook
    from invoices.changes import asking
    from invoices.models import HeldBackInvoice, ImportProfile, ImportRun, Invoice, KindRule, Posting

    first, second, *_ = Invoice.objects.filter(period__billing_id=OCTOBER).order_by("number")
    now = _now()
    Invoice.objects.filter(pk=first.pk).update(
        ignored_because="Billed by hand in July", ignored_by=_person(), ignored_at=now
    )
    run = ImportRun.objects.create(
        file_name="shop-lines.csv", size=48_000, state=ImportRun.State.READY, user=_person(), lines=312
    )
    HeldBackInvoice.objects.create(
        run=run,
        number=second.number,
        customer_name=second.customer.name,
        currency="AUD",
        total=Decimal("1204.50"),
        billing_id=OCTOBER,
    )
    ImportProfile.objects.create(name="Shop", header=["No", "Customer", "Net"], columns={"InvoiceNumber": "No"})
    KindRule.objects.create(category="Managed services", kind="custom")
    C3Fetch.objects.create(
        trigger=C3Fetch.Trigger.USER, state=C3Fetch.State.DONE, is_open=None, user=_person(), finished_at=now
    )
    webhook = Webhook.objects.create(url="https://hooks.contoso.example/c3-portal")
    notice = Notice.objects.create(key="a picture", kind="test", subject="A test")
    Delivery.objects.create(notice=notice, webhook=webhook)
    stage.control.write_document(_by_hand())
    _changed_in_xero(stage)
    last = Posting.objects.filter(pk=posted().posting.pk)
    asking.undo(last, connection=_connection(), user=_person(), reason="Wrong customer")
    _work()
    _read_back()
    _check()


def _by_hand() -> dict[str, Any]:
    line = {"Description": "Consulting", "Quantity": "1", "UnitAmount": "480.00", "AccountCode": "200"}
    return {
        "Type": "ACCREC",
        "Contact": {"Name": "Northwind Traders"},
        "InvoiceNumber": "INV-0091",
        "Date": "2026-09-20",
        "DueDate": "2026-10-20",
        "Status": "AUTHORISED",
        "LineItems": [line],
    }


def _changed_in_xero(stage: Stage) -> None:
    """A bookkeeper has moved one due date and taken one draft away."""
    from invoices.models import Invoice

    posted = Invoice.objects.filter(period__billing_id=SEPTEMBER, total__gt=0, posting__status="posted")
    moved, gone, *_ = posted.order_by("number")
    stage.control.change(moved.xero_number, DueDate="2026-11-30")
    stage.control.void(gone.xero_number)


def _name(stage: Stage) -> None:
    """A billing period of customers with long names and with names of other scripts."""
    from invoices.tests import makers

    period = makers.a_period("20261118", dt.date(2026, 11, 15))
    for place, name in enumerate((*LONG, *FOREIGN)):
        number = f"Invoice_{''.join(name.split())[:80]}_ERP{place:04}_20261118_AUD"
        makers.an_invoice(period, number, customer=name, erp_id=f"ERP{place:04}", total=f"{10 ** (place % 7) * 11}.00")
    _check()


def _break_off(stage: Stage) -> None:
    from xero_integration.models import XeroConnection

    reason = "It was disconnected in Xero, under Settings → Connected apps, by somebody of the organisation."
    XeroConnection.objects.update(status="needs_reconnecting", status_reason=reason)


# How


def _connection() -> XeroConnection:
    from xero_integration.models import XeroConnection

    found = XeroConnection.objects.current()
    assert found
    return found


def _person() -> User:
    from c3portal.models import User

    return User.objects.get(email=FINANCE)


def _now() -> dt.datetime:
    from django.utils import timezone

    return timezone.now()


def _last_upload() -> Upload:
    from invoices.models import Upload

    return Upload.objects.order_by("-pk")[0]


def _upload(billing_id: str, status: str) -> None:
    from invoices.models import Invoice
    from invoices.posting import queueing

    rows: Any = Invoice.objects.filter(period__billing_id=billing_id)
    queueing.enqueue(rows, connection=_connection(), user=_person(), invoice_status=status)


def _work() -> None:
    """Do what a worker does until nothing is left that may be done now."""
    from invoices import tasks

    with mock.patch.object(tasks, "WORK_SECONDS", 600):
        for _ in range(3):
            tasks.work(_connection().pk, spread=False)


def _read_back() -> None:
    from invoices.readback import schedule

    schedule.read(_connection())


def _check() -> None:
    from invoices.attention import counting

    counting.refresh(anew=True)


def _draft_of(billing_id: str) -> uuid.UUID:
    from invoices.models import BillingPeriod, UploadDraft

    period = BillingPeriod.objects.get(billing_id=billing_id)
    draft, _ = UploadDraft.objects.get_or_create(
        period=period,
        connection=_connection(),
        everything=True,
        invoice_status="DRAFT",
        created_by=_person(),
    )
    return draft.pk


def posted() -> Invoice:
    """Return an invoice that is in Xero, for what the pages of one invoice show."""
    from invoices.models import Invoice

    rows = Invoice.objects.filter(posting__status="posted", total__gt=0, period__billing_id=SEPTEMBER)
    return rows.order_by("-number")[0]


def shown(name: str) -> Any:
    """Return the row that the address of this name shows, None where there is none."""
    from c3_integration.models import C3Fetch
    from c3portal.models import User, Webhook
    from invoices.models import BillingPeriod, ChangeRequest, HeldBackInvoice, ImportProfile, ImportRun, UploadDraft

    of_names: dict[str, Callable[[], Any]] = {
        "upload": lambda: _last_upload(),
        "preflight": lambda: UploadDraft.objects.get(pk=_draft_of(OCTOBER)),
        "period": lambda: BillingPeriod.objects.get(billing_id=SEPTEMBER),
        "import_undo": lambda: ImportRun.objects.filter(state=ImportRun.State.IMPORTED).last(),
        "import": lambda: ImportRun.objects.filter(state=ImportRun.State.READY).last(),
        "match_columns": lambda: ImportRun.objects.filter(state=ImportRun.State.COLUMNS).last(),
        "held_back": lambda: HeldBackInvoice.objects.last(),
        "column_profile": lambda: ImportProfile.objects.last(),
        "c3_fetch": lambda: C3Fetch.objects.last(),
        "change_request": lambda: ChangeRequest.objects.last(),
        "user": lambda: User.objects.get(email=FINANCE),
        "webhook": lambda: Webhook.objects.last(),
        "choose_contact": lambda: posted().customer,
        "customer": lambda: posted().customer,
        **dict.fromkeys(("invoice", "payload", "online", "document"), posted),
    }
    return next((found() for start, found in of_names.items() if name.startswith(start)), None)
