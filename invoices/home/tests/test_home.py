"""The home page: how far a period has come, the portal against Xero, and the one thing to do next."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.test import Client

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.home import figures, kinds
from invoices.models import BillingPeriod, Invoice, InvoiceLine, Posting
from invoices.tests.makers import a_period, an_invoice, bring, connected, invoices, queries_of, uploaded

Status = Posting.Status
TODAY = dt.date(2026, 11, 1)


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


@pytest.fixture
def posted(period: BillingPeriod, finance_admin: User) -> BillingPeriod:
    """Of five invoices of 110.00 one is a draft, one approved, one paid, one not posted and one excluded."""
    upload = uploaded(connected(finance_admin), finance_admin, *invoices(period, 3))
    bring(upload, Status.POSTED)
    rows = list(Posting.objects.order_by("invoice__number"))
    Posting.objects.update(xero_total=Decimal("110.00"), amount_due=Decimal("110.00"))
    Posting.objects.filter(pk=rows[1].pk).update(xero_status="AUTHORISED")
    paid = {"xero_status": "PAID", "amount_due": Decimal(0), "amount_paid": Decimal("110.00")}
    Posting.objects.filter(pk=rows[2].pk).update(**paid)
    an_invoice(period, "NEW-1", currency="NZD")
    Invoice.objects.filter(pk=an_invoice(period, "OUT-1").pk).update(ignored_because="Billed by hand")
    return period


def page(client: Client, address: str = "/") -> str:
    return markup(client.get(address).content.decode())


def test_the_figures_are_those_of_the_rows(posted: BillingPeriod) -> None:
    found = figures.of(posted, TODAY)
    assert (found.imported.count, found.imported.money) == (5, {"AUD": Decimal("440.00"), "NZD": Decimal("110.00")})
    assert (found.in_xero.count, found.in_xero.money) == (3, {"AUD": Decimal("330.00")})
    assert (found.approved.count, found.drafts, found.overdue) == (2, 1, 1)
    assert (found.paid.count, found.paid.money) == (1, {"AUD": Decimal("110.00")})
    assert (found.waiting.count, found.excluded) == (1, 1)
    aud, nzd = found.balances
    assert (aud.invoiced, aud.in_xero, aud.not_posted, aud.excluded) == tuple(
        map(Decimal, ("440.00", "330.00", "0.00", "110.00"))
    )
    assert (aud.difference, nzd.not_posted, nzd.difference) == (Decimal("0.00"), Decimal("110.00"), Decimal("0.00"))


def test_a_cent_that_xero_has_otherwise_is_a_difference(posted: BillingPeriod, finance: Client) -> None:
    one = Posting.objects.first()
    assert one
    Posting.objects.filter(pk=one.pk).update(xero_total=Decimal("110.01"))
    assert figures.of(posted, TODAY).balances[0].difference == Decimal("0.01")
    assert re.search(r'class="state bad">0.01<', page(finance))


def test_what_xero_voided_is_not_in_xero(posted: BillingPeriod) -> None:
    Posting.objects.filter(xero_status="AUTHORISED").update(xero_status="VOIDED")
    found = figures.of(posted, TODAY)
    assert (found.in_xero.count, found.approved.count) == (2, 1)
    assert found.balances[0].in_xero == Decimal("220.00")


def test_what_is_on_its_way_is_not_posted_yet(period: BillingPeriod, finance_admin: User) -> None:
    upload = uploaded(connected(), finance_admin, *invoices(period, 2))
    (balance,) = figures.of(period, TODAY).balances
    assert (balance.invoiced, balance.in_xero, balance.not_posted) == tuple(map(Decimal, ("220.00", "0.00", "220.00")))
    bring(upload, Status.POSTED)
    (balance,) = figures.of(period, TODAY).balances
    assert (balance.in_xero, balance.not_posted) == (Decimal("220.00"), Decimal("0.00"))


def test_what_was_never_read_is_no_equality(posted: BillingPeriod, finance: Client) -> None:
    Posting.objects.update(xero_total=None)
    assert figures.of(posted, TODAY).balances[0].difference is None
    assert "not read yet" in page(finance)


def test_each_figure_leads_to_exactly_its_invoices(posted: BillingPeriod, finance: Client) -> None:
    strip = re.search(r'<nav class="strip".*?</nav>', page(finance), re.DOTALL)
    assert strip
    links = re.findall(r'<a href="([^"]+)">\s*<span class="quiet">([^<]+)</span>\s*<b>(\d+)</b>', strip[0])
    shown = {name: int(count) for _, name, count in links}
    assert shown == {"Imported": 5, "Checked": 5, "In Xero": 3, "Approved and sent": 2, "Paid": 1}
    for address, name, count in links:
        if name != "Checked":
            listed = page(finance, address.replace("&amp;", "&"))
            assert listed.count('<td class="col-number">') == int(count), name


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Status.QUEUED, "Watch the upload"),
        (Status.REJECTED, "Fix 2, then post them"),
        (Status.POSTED, "Approve 2 drafts"),
    ],
)
def test_it_says_the_one_thing_to_do_next(
    finance: Client, period: BillingPeriod, finance_admin: User, state: str, words: str
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 2), to=state)
    assert words in page(finance)


def test_what_another_period_needs_is_no_fix_of_this_one(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 2), to=Status.REJECTED)
    newer = a_period("20261018", dt.date(2026, 10, 15))
    an_invoice(newer, "NEW-1")
    assert "nothing to fix" in page(finance, "/?period=20261018")
    assert "Check and post 1 invoice" in page(finance, "/?period=20261018")
    older = page(finance, "/?period=20260918")
    assert "2 need a fix" in older
    assert "Fix 2, then post them" in older


def test_what_can_be_posted_is_one_press_from_the_preflight(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    uploaded(connected(), finance_admin, an_invoice(period, "OLD-1"), to=Status.POSTED)
    invoices(period, 2)
    html = page(finance)
    assert "Check and post 2 invoices" in html
    form = re.search(r'<form method="post" action="/invoices/upload/">(.*?)</form>', html)
    assert form
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form[1]))
    assert "/invoices/preflight/" in finance.post("/invoices/upload/", fields)["Location"]


def test_where_the_connection_is_broken_off_reconnecting_is_the_one_thing_to_do(
    period: BillingPeriod, finance: Client, finance_admin: User
) -> None:
    connection = connected()
    uploaded(connection, finance_admin, an_invoice(period, "INV-1"), to=Posting.Status.POSTED)
    an_invoice(period, "INV-2")
    assert finance.get("/").context["step"].words == "Check and post 1 invoice"
    connection.status = connection.Status.NEEDS_RECONNECTING
    connection.save()
    html = page(finance)
    assert "Check and post" not in html
    assert html.count("btn-primary") == 1


def test_a_new_portal_shows_what_is_to_be_set(finance: Client, db: None) -> None:
    html = page(finance)
    assert html.count("btn-primary") <= 1
    for words in ("Get ready", "Xero app", "Connect to Xero", "Source of invoices"):
        assert words in html


def test_a_reader_sees_the_figures_and_has_nothing_to_press(
    client_for: object, system_reader: User, posted: BillingPeriod
) -> None:
    client = Client()
    client.force_login(system_reader)
    html = page(client)
    assert "Portal against Xero" in html
    assert "btn-primary" not in html


def test_the_charts_say_in_tables_what_they_draw(finance: Client, posted: BillingPeriod) -> None:
    html = page(finance, "/home/charts/?period=20260918&currency=AUD")
    assert "Sep 2026" in html
    assert ("330.00" in html, "110.00" in html) == (True, True)
    assert kinds.by_kind(posted, "AUD") == [
        ("License based SKUs", Decimal(InvoiceLine.objects.filter(invoice__currency="AUD").count()) * Decimal("110.00"))
    ]
    ages = dict(figures.owed_by_age("AUD", TODAY))
    assert ages == {
        "Not due": Decimal(0),
        "1–30 days": Decimal("110.00"),
        "31–60 days": Decimal(0),
        "61–90 days": Decimal(0),
        "Over 90 days": Decimal(0),
    }


def test_the_charts_offer_the_currencies_of_the_period(finance: Client, posted: BillingPeriod) -> None:
    html = page(finance, "/home/charts/?period=20260918&currency=NZD")
    offered = dict(re.findall(r'<a\s+id="charts-([A-Z]{3})"\s+href="([^"]+)"', html))
    assert list(offered) == ["AUD", "NZD"]
    assert re.findall(r'aria-current="true"\s*>([A-Z]{3})<', html) == ["NZD"]
    assert "Billed by period, AUD" in page(finance, offered["AUD"].replace("&amp;", "&"))


def test_one_currency_is_no_choice(finance: Client, period: BillingPeriod) -> None:
    invoices(period, 2)
    assert "Currency of the charts" not in page(finance, "/home/charts/?period=20260918&currency=AUD")


def test_it_asks_the_database_as_often_for_sixty_as_for_ten(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    connection = connected(finance_admin)
    uploaded(connection, finance_admin, *invoices(period, 10), to=Status.POSTED)
    few = queries_of(finance, "/")
    uploaded(connection, finance_admin, *invoices(period, 60, "MORE"), to=Status.POSTED)
    assert queries_of(finance, "/") == few <= 15
