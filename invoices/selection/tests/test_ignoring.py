"""Invoices that must not go to Xero, and totals that came out differently there: told apart on every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.selection.selection import Selection
from invoices.tests.makers import a_period, an_invoice, bring, connected, invoices, uploaded
from invoices.tests.pages import post_ready, press

ClientFor = Callable[[User], Client]
LIST = "/analyze/business/invoices/"
Status = Posting.Status
pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


def ignore(client: Client, period: BillingPeriod, reason: str = "Billed by hand", **fields: Any) -> HttpResponse:
    return client.post(  # type: ignore[return-value]
        reverse("ignore_invoices"), {"period": period.billing_id, "reason": reason, **fields}, follow=True
    )


def page(client: Client, **query: Any) -> str:
    return markup(client.get(LIST, query).content.decode())


def states(period: BillingPeriod) -> dict[str, int]:
    return {each.label: each.count for each in Selection(period).state_counts()}


def test_it_ignores_what_was_ticked_with_the_reason_and_who(
    finance: Client, finance_admin: User, period: BillingPeriod
) -> None:
    first, second, _ = invoices(period, 3)
    response = ignore(finance, period, invoice=[str(first.pk), str(second.pk)])
    assert "Excluded from Xero: 2 invoices." in response.content.decode()
    assert states(period) == {"All": 3, "Not posted": 1, "Excluded": 2}
    html = page(finance, state="ignored")
    assert "INV-001" in html.replace("<wbr>", "")
    assert "INV-003" not in html.replace("<wbr>", "")
    assert "Billed by hand (finance@contoso.example)" in html
    first.refresh_from_db()
    assert (first.ignored_because, first.ignored_by) == ("Billed by hand", finance_admin)
    assert first.ignored_at is not None


def test_ignored_ones_are_out_of_select_all_and_cannot_be_ticked(finance: Client, period: BillingPeriod) -> None:
    connected()
    first, second = invoices(period, 2)
    ignore(finance, period, invoice=str(first.pk))
    html = page(finance)
    assert 'data-select-filter="1"' in html
    assert "Select INV-001 (not possible: excluded from Xero)" in html
    post_ready(finance, press(finance, period, all="1"))
    assert [each.invoice for each in Posting.objects.all()] == [second]


def test_a_ticked_invoice_that_was_ignored_meanwhile_does_not_go(finance: Client, period: BillingPeriod) -> None:
    connected()
    (invoice,) = invoices(period, 1)
    ready = press(finance, period, invoice=str(invoice.pk))
    ignore(finance, period, all="1")
    post_ready(finance, ready)
    assert not Posting.objects.exists()
    again = finance.post(
        reverse("upload_to_xero"), {"period": period.billing_id, "invoice": str(invoice.pk)}, follow=True
    )
    assert "Nothing was left to upload" in again.content.decode()


def test_all_of_the_filter_is_ignored_and_no_more(finance: Client, period: BillingPeriod) -> None:
    invoices(period, 60, "WANTED")
    invoices(period, 5, "OTHER")
    ignore(finance, period, q="wanted", all="1")
    assert states(period) == {"All": 65, "Not posted": 5, "Excluded": 60}


def test_what_is_in_xero_or_on_its_way_is_not_ignored(
    finance: Client, finance_admin: User, period: BillingPeriod
) -> None:
    upload = uploaded(connected(), finance_admin, *invoices(period, 2))
    bring(upload, Status.POSTED, "INV-001")
    response = ignore(finance, period, all="1")
    assert "Nothing was set aside." in response.content.decode()
    assert not Invoice.objects.exclude(ignored_because="").exists()


def test_a_refused_one_can_be_ignored_and_is_not_uploaded_again(
    finance: Client, finance_admin: User, period: BillingPeriod
) -> None:
    upload = uploaded(connected(), finance_admin, *invoices(period, 1), to=Status.REJECTED)
    ignore(finance, period, all="1")
    assert states(period) == {"All": 1, "Excluded": 1}
    finance.post(reverse("upload_again", args=[upload.pk]))
    assert Posting.objects.get().status == Status.REJECTED


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_reason_is_needed(finance: Client, period: BillingPeriod, reason: str) -> None:
    invoices(period, 1)
    assert "Say why" in ignore(finance, period, reason, all="1").content.decode()
    assert states(period) == {"All": 1, "Not posted": 1}


def test_an_invoice_is_ignored_and_taken_up_on_its_own_page(finance: Client, period: BillingPeriod) -> None:
    invoice, other = invoices(period, 2)
    ignore(finance, period, all="1")
    finance.post(reverse("take_up_invoices"), {"period": period.billing_id, "only": str(invoice.pk)})
    response = ignore(finance, period, "Twice", invoice=str(invoice.pk), page=str(invoice.pk))
    assert response.redirect_chain == [(invoice.get_absolute_url(), 302)]  # type: ignore[attr-defined]
    assert "Twice" in response.content.decode()
    assert "Exclude this invoice" not in response.content.decode()
    fields = {"period": period.billing_id, "only": str(invoice.pk), "page": str(invoice.pk)}
    html = finance.post(reverse("take_up_invoices"), fields, follow=True).content.decode()
    assert "Included again: 1 invoice." in html
    assert "Exclude this invoice" in html
    other.refresh_from_db()
    assert other.ignored_because


def test_a_reader_sees_who_ignored_it_and_changes_nothing(
    finance: Client, client_for: ClientFor, system_reader: User, period: BillingPeriod
) -> None:
    (invoice,) = invoices(period, 1)
    ignore(finance, period, all="1")
    reader = client_for(system_reader)
    html = reader.get(invoice.get_absolute_url()).content.decode()
    assert "Billed by hand" in html
    assert "Include again" not in html + page(reader)
    for name in ("ignore_invoices", "take_up_invoices"):
        assert reader.post(reverse(name), {"period": period.billing_id, "all": "1"}).status_code == 403


# What came out differently


def test_a_difference_is_flagged_on_the_list_the_log_and_the_invoice(
    finance: Client, finance_admin: User, period: BillingPeriod
) -> None:
    an_invoice(period, "SAME-1", total="110.00")
    differing = an_invoice(period, "OTHER-1", total="110.02")
    upload = uploaded(connected(), finance_admin, *Invoice.objects.all(), to=Status.POSTED)
    assert Posting.objects.get(invoice=differing).total_difference == Decimal("-0.02")
    assert states(period) == {"All": 2, "In Xero": 2, "Draft": 2, "Differs": 1}
    for html in (
        page(finance, state="differs"),
        finance.get(upload.get_absolute_url(), {"state": "differs"}).content.decode(),
    ):
        assert "OTHER-1" in html
        assert "SAME-1" not in html
        assert re.search(r"Differs by (AUD )?-0.02", html)
    whole = markup(finance.get(upload.get_absolute_url()).content.decode())
    assert 'href="?state=differs#invoices"' in whole
    assert "-0.02 from the invoices" in whole
    html = finance.get(differing.get_absolute_url()).content.decode()
    assert "Xero came to another total." in html
    assert "-0.02 from the invoice" in html


def test_nothing_is_flagged_while_all_totals_agree(finance: Client, finance_admin: User, period: BillingPeriod) -> None:
    uploaded(connected(), finance_admin, *invoices(period, 2), to=Status.POSTED)
    assert "Differs" not in page(finance)
