"""What needs attention: each cause once, with its invoices, its money and what mends it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.database import clock
from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.attention import blocked, causes, counting
from invoices.attention.causes import Cause, Kind
from invoices.models import (
    BillingPeriod,
    HeldBackInvoice,
    ImportRun,
    Invoice,
    PeriodClosing,
    Posting,
    Upload,
    UploadDraft,
)
from invoices.preflight import upload_drafts
from invoices.selection import periods
from invoices.tests.makers import a_period, an_invoice, bring, connected, fill_settings, invoices, queries_of, uploaded
from xero_integration.models import Account, XeroConnection

Status = Posting.Status
PAGE = "/needs-attention/"


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


def of_kind(kind: Kind, connection: XeroConnection | None = None) -> list[Cause]:
    return [each for each in causes.find(connection, None) if each.kind == kind]


def test_where_all_is_well_nothing_needs_attention(finance: Client, period: BillingPeriod, finance_admin: User) -> None:
    uploaded(connected(), finance_admin, an_invoice(period, "INV-1"), to=Status.POSTED)
    assert causes.find(XeroConnection.objects.current(), None) == []
    assert "Nothing needs attention" in finance.get(PAGE).content.decode()


def test_what_was_rejected_is_one_cause_for_all_that_xero_refused_alike(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 3), to=Status.REJECTED)
    (cause,) = of_kind(Kind.REJECTED)
    assert (cause.count, cause.money) == (3, {"AUD": Decimal("330.00")})
    assert cause.again.keys() == {"period", "cause"}
    page = markup(finance.get(PAGE).content.decode())
    assert "Check again and post 3" in page
    assert "330.00" in page


def test_checking_again_and_posting_goes_through_the_preflight(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 2), to=Status.REJECTED)
    (cause,) = of_kind(Kind.REJECTED)
    answer = finance.post(reverse("attention_post"), dict(cause.again))
    assert "/invoices/preflight/" in answer["Location"]
    assert set(Posting.objects.values_list("status", flat=True)) == {Status.REJECTED}


def test_what_is_of_several_periods_is_posted_by_a_form_each(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    later = a_period("20261018", dt.date(2026, 10, 15))
    connection = connected()
    uploaded(connection, finance_admin, an_invoice(period, "SEP-1"), to=Status.REJECTED)
    uploaded(connection, finance_admin, an_invoice(later, "OCT-1"), to=Status.REJECTED)
    (cause,) = of_kind(Kind.REJECTED)
    assert (cause.count, cause.again) == (2, {})
    assert [(each.name, each.count) for each in cause.parts] == [("October 2026", 1), ("September 2026", 1)]
    page = markup(finance.get(PAGE).content.decode())
    for words in ("Check again and post 1 of October 2026", "Check again and post 1 of September 2026"):
        assert words in page
    for part in cause.parts:
        finance.post(reverse("attention_post"), dict(part.again))
        (only,) = upload_drafts.invoices_of(UploadDraft.objects.latest("created_at"))
        assert only.period == part.period


def test_an_archived_account_blocks_all_its_invoices_as_one_cause(
    finance: Client, period: BillingPeriod, system_admin: User
) -> None:
    connection = connected()
    for code in ("200", "210", "220"):
        Account.objects.create(connection=connection, code=code, name=code, type="REVENUE", status="ACTIVE")
    an_invoice(period, "INV-1", total="110.00")
    an_invoice(period, "INV-2", total="220.00", currency="NZD")
    fill_settings(license_account_code="999")
    assert of_kind(Kind.BLOCKED, connection) == [], "It is found beside the pages"

    kept = blocked.check(period, connection)
    assert (kept.invoices, kept.blocked) == (2, 2)
    cause = next(each for each in of_kind(Kind.BLOCKED, connection) if "999" in each.words)
    assert cause.count == 2
    assert cause.money == {"AUD": Decimal("110.00"), "NZD": Decimal("220.00")}

    fill_settings(license_account_code="200")
    assert blocked.check(period, connection).blocked == 2, "Nothing that is audited changed"
    finance.post(reverse("attention_check"))
    assert not [each for each in of_kind(Kind.BLOCKED, connection) if "999" in each.words]


def test_what_blocks_invoices_of_several_periods_is_one_cause(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    later = a_period("20261018", dt.date(2026, 10, 15))
    connection = connected()
    Account.objects.create(connection=connection, code="210", name="210", type="REVENUE", status="ACTIVE")
    an_invoice(period, "SEP-1", currency="NZD")
    for number in ("OCT-1", "OCT-2"):
        an_invoice(later, number)
    fill_settings(license_account_code="999")
    assert [each.period for each in counting.refresh()] == [later, period]
    cause = next(each for each in of_kind(Kind.BLOCKED, connection) if "999" in each.words)
    assert (cause.count, cause.money) == (3, {"AUD": Decimal("220.00"), "NZD": Decimal("110.00")})
    assert [(each.period, each.count) for each in cause.parts] == [(later, 2), (period, 1)]
    assert [(each.count, each.money) for each in causes.stopped([cause], period)] == [(1, {"NZD": Decimal("110.00")})]
    for part in cause.parts:
        listed = markup(finance.get(part.show).content.decode())
        assert listed.count('<td class="col-number">') == part.count

    PeriodClosing.objects.create(period=period, closed_by=finance_admin)
    assert [each.period for each in counting.refresh()] == [later]
    (cause,) = [each for each in of_kind(Kind.BLOCKED, connection) if "999" in each.words]
    assert [each.period for each in cause.parts] == [later]


@pytest.mark.parametrize(("minutes", "there"), [(29, False), (31, True)])
def test_what_is_confirmed_for_long_needs_attention(
    period: BillingPeriod, finance_admin: User, minutes: int, *, there: bool
) -> None:
    assert dt.timedelta(minutes=30) == causes.CONFIRMED_WITHIN
    uploaded(connected(), finance_admin, *invoices(period, 2), to=Status.UNCERTAIN)
    Posting.objects.update(updated_at=clock.now() - dt.timedelta(minutes=minutes))
    found = of_kind(Kind.CONFIRMING)
    assert [each.count for each in found] == ([2] if there else [])
    for cause in found:
        assert cause.show.endswith("state=uncertain")


def test_the_newest_period_is_checked_anew_where_something_changed(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    connection = connected()
    an_invoice(period, "INV-1")
    first = blocked.check(period, connection)
    an_invoice(period, "INV-2")
    again = blocked.check(period, connection)
    assert (first.invoices, again.invoices) == (1, 2)
    assert blocked.check(period, connection).checked_at == again.checked_at


def test_it_names_what_changed_differs_or_is_said_otherwise_later(period: BillingPeriod, finance_admin: User) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 3), to=Status.POSTED)
    changed, differing, amended = Posting.objects.order_by("invoice__number")
    Posting.objects.filter(pk=changed.pk).update(edits={"status": ["DRAFT", "VOIDED"]})
    Posting.objects.filter(pk=differing.pk).update(total_difference=Decimal("-0.02"))
    Invoice.objects.filter(pk=amended.invoice_id).update(difference="total 110.00 → 120.00")
    listed = {Kind.CHANGED: "changed&owed=there", Kind.DIFFERS: "differs", Kind.AMENDED: "amended"}
    for kind, state in listed.items():
        (cause,) = of_kind(kind)
        assert (cause.count, cause.money) == (1, {"AUD": Decimal("110.00")})
        assert cause.show.endswith(f"period=20260918&state={state}")


def test_it_names_what_is_held_back_and_a_connection_that_ended(
    client_for: object, finance: Client, period: BillingPeriod
) -> None:
    HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="a.csv", size=1), number="INV-9")
    connection = connected()
    XeroConnection.objects.update(status="needs_reconnecting", status_reason="It was disconnected in Xero.")
    connection.refresh_from_db()
    assert [each.count for each in of_kind(Kind.HELD_BACK)] == [1]
    (cause,) = of_kind(Kind.CONNECTION, connection)
    assert cause.detail == "It was disconnected in Xero."
    assert "It was disconnected in Xero." in finance.get(PAGE).content.decode()


def test_the_number_in_the_navigation_is_that_of_the_page(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 3), to=Status.REJECTED)
    HeldBackInvoice.objects.create(run=ImportRun.objects.create(file_name="a.csv", size=1), number="INV-9")
    counting.refresh()
    assert counting.known(periods.offered()) == 4
    for address in (PAGE, "/?period=20260918", "/invoices/logs/"):
        assert '<span class="count">4</span>' in markup(finance.get(address).content.decode())


def test_a_reader_sees_causes_and_has_nothing_to_press(
    client_for: object, system_reader: User, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 3), to=Status.REJECTED)
    client = Client()
    client.force_login(system_reader)
    page = markup(client.get(PAGE).content.decode())
    assert "Rejected" in page
    assert "Check again" not in page
    assert client.post(reverse("attention_check")).status_code == 403


def test_it_asks_the_database_as_often_for_sixty_as_for_ten(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    connection = connected(finance_admin)
    uploaded(connection, finance_admin, *invoices(period, 10), to=Status.REJECTED)
    blocked.check(period, connection)
    few = queries_of(finance, PAGE)
    many = uploaded(connection, finance_admin, *invoices(period, 60, "MORE"))
    bring(many, Status.REJECTED)
    assert queries_of(finance, PAGE) == few
    assert Upload.objects.count() == 2
