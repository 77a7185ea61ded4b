"""Which invoices a period, a search and a state select."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.core.exceptions import BadRequest
from django.http import Http404, QueryDict
from pytest_django import DjangoAssertNumQueries

from c3portal.models import User
from invoices.models import BillingPeriod, Invoice, Posting
from invoices.readback.states import XeroState
from invoices.selection.selection import NOT_UPLOADED, Selection
from invoices.tests.makers import a_period, an_invoice, connected, uploaded

Status = Posting.Status


@pytest.fixture
def period(db: None) -> BillingPeriod:
    return a_period()


def numbers(selection: Selection) -> list[str]:
    return [invoice.number for invoice in selection.invoices()]


def test_it_takes_the_newest_period_when_none_is_named(period: BillingPeriod) -> None:
    newer = a_period("20261018", dt.date(2026, 10, 15))
    assert Selection.from_query(QueryDict("")) == Selection(newer)
    assert Selection.from_query(QueryDict("period=20260918&q=+ski+&state=posted")) == Selection(period, "ski", "posted")


@pytest.mark.django_db
def test_it_is_nothing_before_the_first_import() -> None:
    assert Selection.from_query(QueryDict("")) is None


def test_it_refuses_a_period_that_is_not_there(period: BillingPeriod) -> None:
    with pytest.raises(Http404):
        Selection.from_query(QueryDict("period=20991231"))


def test_it_never_takes_an_unknown_state_for_all_of_them(period: BillingPeriod) -> None:
    with pytest.raises(BadRequest):
        Selection.from_query(QueryDict("state=postde"))


def test_it_stays_within_its_period(period: BillingPeriod) -> None:
    an_invoice(period, "SEP-1")
    an_invoice(a_period("20261018", dt.date(2026, 10, 15)), "OCT-1")
    assert numbers(Selection(period)) == ["SEP-1"]


@pytest.mark.parametrize(
    "search", ["Toys_ERP1016", "cafeasetoys", "café", "erp1016"], ids=["number", "number in Xero", "customer", "ERP id"]
)
def test_it_finds_by_either_number_and_by_customer(period: BillingPeriod, search: str) -> None:
    an_invoice(period, "Invoice_CaféÅseToys_ERP1016_AUD", customer="Café Åse Toys", erp_id="ERP1016")
    an_invoice(period, "Invoice_Other_ERP1017_AUD", customer="Other", erp_id="ERP1017")
    assert numbers(Selection(period, search)) == ["Invoice_CaféÅseToys_ERP1016_AUD"]


def test_it_finds_by_the_whole_tenant_id(period: BillingPeriod) -> None:
    wanted = an_invoice(period, "A-1")
    an_invoice(period, "A-2")
    assert numbers(Selection(period, wanted.customer.tenant_id.upper())) == ["A-1"]


def test_it_tells_states_apart_and_counts_them(period: BillingPeriod, finance_admin: User) -> None:
    connection = connected()
    for status in Status:
        uploaded(connection, finance_admin, an_invoice(period, f"N-{status}"), to=status)
    an_invoice(period, "N-new")
    for status in Status:
        assert numbers(Selection(period, state=status)) == [f"N-{status}"]
    assert numbers(Selection(period, state=NOT_UPLOADED)) == ["N-new"]
    counts = {each.state: each.count for each in Selection(period, state=Status.POSTED).state_counts()}
    posted = {XeroState.DRAFT.value: 1}
    assert counts == {"": 8, NOT_UPLOADED: 1, **{status.value: 1 for status in Status}, **posted}


def test_it_counts_states_within_the_search(period: BillingPeriod) -> None:
    an_invoice(period, "A-1")
    an_invoice(period, "B-1")
    counts = {each.state: each.count for each in Selection(period, "a-").state_counts()}
    assert counts == {"": 1, NOT_UPLOADED: 1}


def test_it_lets_upload_only_what_is_new_refused_or_taken_back(period: BillingPeriod, finance_admin: User) -> None:
    connection = connected()
    for status in Status:
        uploaded(connection, finance_admin, an_invoice(period, f"N-{status}"), to=status)
    an_invoice(period, "N-new")
    uploadable = [each.number for each in Selection(period).invoices().uploadable()]
    assert uploadable == ["N-new", "N-rejected", "N-undone", "N-withdrawn"]


def test_it_sums_each_currency_to_the_cent(period: BillingPeriod) -> None:
    for index in range(100):
        an_invoice(period, f"A-{index}", total="0.10")
    an_invoice(period, "N-1", total="-33.33", currency="NZD")
    aud, nzd = Selection(period).totals()
    assert (aud.currency, aud.count, aud.total, aud.subtotal + aud.tax) == ("AUD", 100, Decimal("10.00"), aud.total)
    assert str(aud.total) == "10.00"
    assert (nzd.currency, nzd.count, nzd.total) == ("NZD", 1, Decimal("-33.33"))


def test_counts_and_sums_at_once_are_those_of_each(
    period: BillingPeriod, finance_admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = connected()
    for place, status in enumerate(Status):
        uploaded(connection, finance_admin, an_invoice(period, f"N-{status}", total=f"{place}.10"), to=status)
    an_invoice(period, "N-new", total="0.20")
    an_invoice(period, "N-nzd", total="-33.33", currency="NZD")
    excluded = an_invoice(period, "N-excluded", total="5.00")
    Invoice.objects.filter(pk=excluded.pk).update(ignored_because="Billed elsewhere")
    everything = Selection(period)
    with django_assert_num_queries(1):
        summary = everything.summary()
    assert summary == (everything.state_counts(), everything.totals())
    posted = Selection(period, state=Status.POSTED)
    assert posted.summary() == (posted.state_counts(), posted.totals())


def test_ticked_invoices_of_another_period_are_left_alone(period: BillingPeriod) -> None:
    here, elsewhere = an_invoice(period, "A-1"), an_invoice(a_period("1", dt.date(2026, 1, 1)), "B-1")
    chosen = Selection(period, "filter that finds nothing").chosen([str(here.pk), str(elsewhere.pk)])
    assert [each.number for each in chosen] == ["A-1"]


def test_it_refuses_what_is_no_id(period: BillingPeriod) -> None:
    with pytest.raises(BadRequest):
        Selection(period).chosen(["1 or 1=1"])


def test_its_query_string_leads_back_to_it(period: BillingPeriod) -> None:
    selection = Selection(period, "Café & Åse", Status.REJECTED)
    assert Selection.from_query(QueryDict(selection.query())) == selection
    assert Selection.from_query(QueryDict(selection.query(state=""))) == Selection(period, "Café & Åse")
