"""The columns that each user chose, and the views they saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import User
from c3portal.tests.markup import markup
from invoices.listing import choices, columns
from invoices.models import BillingPeriod, InvoiceLine, ListChoices
from invoices.tests.makers import a_period, an_invoice, invoices, queries_of

LIST = "/analyze/business/invoices/"
ClientFor = Callable[[User], Client]
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


def page(client: Client, **query: Any) -> str:
    return markup(client.get(LIST, query).content.decode())


def heads(html: str) -> list[str]:
    found = re.findall(r'<th scope="col" class="col-[^"]*"[^>]*>(.*?)</th>', html, re.DOTALL)
    return [re.sub(r"<[^>]*>|[↓↑]", "", each).strip() for each in found]


USUAL = ["Customer", "Number", "Due", "Total", "In Xero", "Owed", "Link to Xero"]


# Columns


def test_everyone_begins_with_the_usual_columns(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    assert heads(page(finance)) == USUAL


def test_the_columns_are_those_that_a_user_chose_and_of_nobody_else(
    finance: Client, client_for: ClientFor, system_reader: User, period: BillingPeriod
) -> None:
    invoice = an_invoice(period, "INV-1")
    type(invoice).objects.update(purchase_order="PO-77")
    InvoiceLine.objects.update(source={"ProviderInvoiceNumber": "G012345678"})
    chosen = ["purchase_order", "microsoft", "billed_to", "currency", "tax"]

    answer = finance.post(reverse("list_columns"), {"period": "20260918", "column": chosen, "sort": "-total"})

    assert answer["Location"] == f"{LIST}?period=20260918&sort=-total"
    html = page(finance)
    wanted = ["Customer", "Number", "Bill to", "PO number", "Microsoft invoice", "Currency", "Tax", "Total"]
    assert heads(html) == [*wanted, "Link to Xero"]
    for words in ("PO-77", "G012345678"):
        assert words in html
    assert heads(page(client_for(system_reader))) == USUAL


def test_customer_number_and_total_are_always_there(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    finance.post(reverse("list_columns"), {"period": "20260918"})
    html = page(finance)
    assert heads(html) == ["Customer", "Number", "Total", "Link to Xero"]
    for name in columns.FIXED:
        assert re.search(rf'value="{name}" checked disabled', html)


def test_the_usual_columns_come_back(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    finance.post(reverse("list_columns"), {"column": ["tax"]})
    assert heads(page(finance)) != USUAL
    finance.post(reverse("list_columns"), {"column": ["tax"], "usual": "1"})
    assert heads(page(finance)) == USUAL
    finance.post(reverse("list_columns"), {"column": ["due_on", "state", "owed", "customer"]})
    assert ListChoices.objects.get().columns == []


def test_a_column_that_is_not_there_is_passed_over(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    finance.post(reverse("list_columns"), {"column": ["tax", "password", "__class__"]})
    assert ListChoices.objects.get().columns == ["customer", "number", "tax", "total"]
    # One that a release took away again breaks no page.
    ListChoices.objects.update(columns=["gone", "total", "tax"])
    assert heads(page(finance)) == ["Customer", "Number", "Tax", "Total", "Link to Xero"]


def test_all_columns_take_one_query_more_and_none_for_each_row(finance: Client, period: BillingPeriod) -> None:
    invoices(period, 60)
    finance.post(reverse("list_columns"), {"column": ["tax"]})
    page(finance)
    few = queries_of(finance, LIST)
    finance.post(reverse("list_columns"), {"column": list(columns.CHOICES)})
    assert queries_of(finance, LIST) == few + 1
    assert queries_of(finance, f"{LIST}?page=2") == few + 1


def test_every_column_has_its_room() -> None:
    assert columns.width_of(columns.USUAL) == ""
    assert columns.width_of([*columns.USUAL, "purchase_order"]) == "full"
    assert columns.width_of(columns.CHOICES) == "widest"


# Views


def names_of(html: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'aria-label="Delete the view ([^"]*)"', html)]


def save(client: Client, name: str, **query: str) -> str:
    answer = client.post(reverse("save_view"), {"period": "20260918", "name": name, **query}, follow=True)
    return markup(answer.content.decode())


def test_a_filter_is_saved_under_a_name_and_found_again_in_any_period(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1", currency="NZD")
    an_invoice(a_period("20261018"), "INV-2", currency="NZD")
    query = {"state": "not_uploaded", "currency": "NZD", "q": "INV", "sort": "-total"}

    html = save(finance, "  New   Zealand ", **query)

    assert names_of(html) == ["New Zealand"]
    kept = "q=INV&amp;state=not_uploaded&amp;currency=NZD&amp;sort=-total"
    assert f'<a href="?period=20260918&amp;{kept}" aria-current="true">New Zealand</a>' in html
    assert f'<a href="?period=20261018&amp;{kept}">New Zealand</a>' in page(finance, period="20261018")


def test_only_what_a_filter_can_be_is_kept(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    save(finance, "Mine", currency="AUD", next="//evil.example", page="3", sort="password", all="1")
    assert ListChoices.objects.get().views == [{"name": "Mine", "query": {"currency": "AUD"}}]


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", {"currency": "AUD"}, "name of at most 60"),
        ("   ", {"currency": "AUD"}, "name of at most 60"),
        ("x" * 61, {"currency": "AUD"}, "name of at most 60"),
        ("a\u202eb", {"currency": "AUD"}, "name of at most 60"),
        ("All", {}, "set a filter first"),
    ],
)
def test_what_is_no_view_is_not_saved(
    finance: Client, period: BillingPeriod, name: str, query: dict[str, str], words: str
) -> None:
    an_invoice(period, "INV-1")
    assert words in save(finance, name, **query)
    assert not ListChoices.objects.exclude(views=[]).exists()


@pytest.mark.parametrize("query", [{"state": "nonsense"}, {"currency": "much"}, {"least": "x"}])
def test_a_filter_that_means_nothing_is_not_saved(
    finance: Client, period: BillingPeriod, query: dict[str, str]
) -> None:
    answer = finance.post(reverse("save_view"), {"period": "20260918", "name": "Mine", **query})
    assert answer.status_code == 400
    assert not ListChoices.objects.exists()


def test_the_same_name_takes_the_place_of_the_view(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    save(finance, "Mine", currency="AUD")
    assert names_of(save(finance, "MINE", currency="NZD")) == ["MINE"]
    assert ListChoices.objects.get().views == [{"name": "MINE", "query": {"currency": "NZD"}}]


def test_there_are_at_most_twenty(finance: Client, finance_admin: User, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    for number in range(choices.MOST_VIEWS):
        choices.save_view(finance_admin, f"View {number}", {"currency": "AUD"})
    assert "You have 20 views" in save(finance, "One more", currency="AUD")
    assert len(names_of(save(finance, "View 7", currency="NZD"))) == 20


def test_a_view_is_deleted_and_is_nobody_elses(
    finance: Client, client_for: ClientFor, system_reader: User, period: BillingPeriod
) -> None:
    an_invoice(period, "INV-1")
    reader = client_for(system_reader)
    save(reader, "Theirs", currency="AUD")
    assert names_of(save(finance, "Mine", currency="AUD")) == ["Mine"]

    answer = finance.post(reverse("delete_view"), {"period": "20260918", "currency": "AUD", "name": "Theirs"})
    assert answer["Location"] == f"{LIST}?period=20260918&currency=AUD"
    assert names_of(page(reader)) == ["Theirs"]
    finance.post(reverse("delete_view"), {"name": "Mine"})
    assert names_of(page(finance)) == []


def test_a_name_is_text_and_nothing_else(finance: Client, period: BillingPeriod) -> None:
    an_invoice(period, "INV-1")
    html = save(finance, '<b>"x"</b>', q="<script>")
    assert "<b>" not in "".join(re.findall(r'<ul class="views">.*?</ul>', html, re.DOTALL))
    assert names_of(html) == ['<b>"x"</b>']
