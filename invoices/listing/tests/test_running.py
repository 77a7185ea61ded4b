"""The uploads under way, on the list of their billing period."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from c3portal.models import User
from invoices.listing import running
from invoices.models import BillingPeriod, Posting
from invoices.tests.makers import a_period, an_invoice, bring, connected, fill_settings, queries_of, uploaded

pytestmark = pytest.mark.django_db
Status = Posting.Status
LIST = "/analyze/business/invoices/?period=20260918"


@pytest.fixture
def period() -> BillingPeriod:
    fill_settings()
    return a_period("20260918")


def found(period: BillingPeriod) -> list[int]:
    return [each.upload.pk for each in running.uploads(period, timezone.now())]


def test_an_upload_is_shown_while_something_of_the_period_is_on_its_way(
    period: BillingPeriod, finance_admin: User
) -> None:
    other, connection = a_period("20261018"), connected()
    first = uploaded(connection, finance_admin, an_invoice(period, "INV-1"))
    second = uploaded(connection, finance_admin, an_invoice(period, "INV-2"), an_invoice(period, "INV-3"))
    uploaded(connection, finance_admin, an_invoice(other, "INV-4"))
    assert found(period) == [second.pk, first.pk]
    bring(second, Status.POSTED, "INV-2")
    bring(first, Status.REJECTED)
    assert found(period) == [second.pk]
    bring(second, Status.UNCERTAIN)
    assert found(period) == [second.pk]


def test_the_newest_of_many_are_shown(period: BillingPeriod, finance_admin: User) -> None:
    connection = connected()
    keys = [uploaded(connection, finance_admin, an_invoice(period, f"INV-{at}")).pk for at in range(4)]
    assert found(period) == keys[: -running.MOST - 1 : -1]


def test_the_list_shows_it_and_looks_again_soon(finance: Client, period: BillingPeriod, finance_admin: User) -> None:
    connection = connected()
    upload = uploaded(connection, finance_admin, *(an_invoice(period, f"INV-{at}") for at in range(3)))
    bring(upload, Status.POSTED, "INV-0")
    html = finance.get(LIST).content.decode()
    assert "1 of 3 in Xero" in html
    assert 'hx-trigger="every 2s"' in html
    connection.status = "needs_reconnecting"
    connection.save()
    assert "1 of 3 in Xero" in (waiting := finance.get(LIST).content.decode())
    assert "hx-trigger" not in waiting


def test_where_nothing_is_on_its_way_nothing_is_asked_for_it(
    finance: Client, period: BillingPeriod, finance_admin: User
) -> None:
    upload = uploaded(connected(), finance_admin, an_invoice(period, "INV-1"))
    under_way = queries_of(finance, LIST)
    bring(upload, Status.POSTED)
    assert queries_of(finance, LIST) < under_way <= 15
    assert 'hx-trigger="every 20s"' in finance.get(LIST).content.decode()
