"""The organisation's own reference data: read whole or not at all, and what settings are checked against."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from xero_integration import connections, reference
from xero_integration.client.errors import XeroAuthError, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import (
    Account,
    BrandingTheme,
    Currency,
    TaxRate,
    TrackingCategory,
    XeroConnection,
    XeroSettings,
)
from xero_integration.tests.consent_walk import NEW_ZEALAND
from xero_integration.tests.scripted import Reply, ScriptedServer


def again(connection: XeroConnection) -> XeroConnection:
    """Read the reference data and return the connection as it is in the database."""
    connections.read_reference(connection)
    return XeroConnection.objects.get(pk=connection.pk)


def answers(
    organisation: Any = None,
    accounts: Any = (),
    themes: Any = (),
    tax_rates: Any = (),
    currencies: Any = (),
    categories: Any = (),
) -> list[Reply]:
    """Return Xero's six answers, in the order in which they are asked for."""
    fields: dict[str, Any] = {
        "Organisations": [organisation] if organisation else [],
        "Accounts": accounts,
        "BrandingThemes": themes,
        "TaxRates": tax_rates,
        "Currencies": currencies,
        "TrackingCategories": categories,
    }
    return [Reply(body=json.dumps({name: rows}).encode()) for name, rows in fields.items()]


def read_from(scripted_xero: ScriptedServer, connection: XeroConnection, **fields: Any) -> XeroConnection:
    scripted_xero.will(*answers(**fields))
    with Gateway(connection.tenant_id, "a-token") as gateway:
        reference.read(connection, gateway)
    return XeroConnection.objects.get(pk=connection.pk)


# What is kept


def test_it_keeps_what_invoices_are_checked_against(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.change_organisation(period_lock_date="2026-08-31", year_lock_date="2026-06-30")
    read = again(connection)
    assert (read.name, read.country_code, read.base_currency) == ("Contoso Cloud (AU)", "AU", "AUD")
    assert read.short_code == "!sbAU1"
    assert read.period_lock_date == dt.date(2026, 8, 31)
    assert read.end_of_year_lock_date == dt.date(2026, 6, 30)
    assert read.reference_read_at
    rate = TaxRate.objects.get(connection=read, tax_type="OUTPUT")
    assert (rate.name, rate.effective_rate, rate.can_apply_to_revenue) == ("GST on Income", Decimal(10), True)
    assert not TaxRate.objects.get(connection=read, tax_type="INPUT").can_apply_to_revenue


def test_six_calls_read_it_all(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.forget()
    again(connection)
    assert sorted(call["path"] for call in sandbox.calls()) == [
        "Accounts",
        "BrandingThemes",
        "Currencies",
        "Organisation",
        "TaxRates",
        "TrackingCategories",
    ]


def test_what_changed_in_xero_replaces_what_was_kept(sandbox: Any, connection: XeroConnection) -> None:
    again(connection)
    sandbox.put_account("4010", status="ARCHIVED")
    sandbox.put_account("4050", name="New licences")
    sandbox.put_theme("Azure usage", delete=True)
    sandbox.put_tax_rate("OUTPUT", rate="12.5")
    sandbox.put_currency("EUR")
    sandbox.put_currency("NZD", enabled=False)
    sandbox.change_organisation(name="Contoso of Australia", period_lock_date=None)
    read = again(connection)
    assert read.name == "Contoso of Australia"
    accounts = reference.accounts_of(read)
    assert (accounts["4010"].takes_sales, accounts["4050"].takes_sales) == (False, True)
    assert set(BrandingTheme.objects.values_list("name", flat=True)) == {"Standard", "Cloud services"}
    assert TaxRate.objects.get(tax_type="OUTPUT").effective_rate == Decimal("12.5")
    assert set(Currency.objects.values_list("code", flat=True)) == {"AUD", "EUR", "USD"}


def test_the_parts_of_a_compound_tax_and_the_live_options_of_tracking_are_kept(
    both: list[XeroConnection], scripted_xero: ScriptedServer
) -> None:
    parts = [{"Name": "GST", "Rate": "5.0000"}, {"Name": "PST", "Rate": "8.0000", "IsCompound": False}]
    options = [{"Name": "North", "Status": "ACTIVE"}, {"Name": "South", "Status": "ARCHIVED"}, {"Name": "East"}]
    read_from(
        scripted_xero,
        both[0],
        organisation={"Name": "Contoso"},
        tax_rates=[{"TaxType": "TAX001", "Name": "HST", "EffectiveRate": "13.0000", "TaxComponents": parts}],
        categories=[{"TrackingCategoryID": "region", "Name": "Region", "Status": "ACTIVE", "Options": options}],
    )
    assert TaxRate.objects.get().components == [["GST", "5.0000"], ["PST", "8.0000"]]
    assert TrackingCategory.objects.get().options == ["North", "East"]


def test_two_organisations_keep_their_own(both: list[XeroConnection]) -> None:
    australia, new_zealand = map(again, both)
    assert (australia.base_currency, new_zealand.base_currency) == ("AUD", "NZD")
    again(australia)
    assert new_zealand.taxrates.filter(tax_type="OUTPUT2").exists()
    assert not australia.taxrates.filter(tax_type="OUTPUT2").exists()
    assert new_zealand.name == NEW_ZEALAND


def test_an_account_without_a_code_takes_no_invoice_line(both: Any, scripted_xero: ScriptedServer) -> None:
    bank = {"Name": "Bank", "Type": "BANK", "Status": "ACTIVE"}
    organisation = {"Name": "Contoso"}
    read_from(
        scripted_xero, both[0], organisation=organisation, accounts=[bank, bank | {"Code": ""}, bank | {"Code": None}]
    )
    assert not Account.objects.exists()


def test_nulls_and_words_that_nobody_documented_stop_nothing(both: Any, scripted_xero: ScriptedServer) -> None:
    read = read_from(
        scripted_xero,
        both[0],
        organisation={"Name": None, "ShortCode": None, "PeriodLockDate": None, "OrganisationStatus": "PARKED"},
        accounts=[{"Code": "4010", "Name": None, "Type": "NEWTYPE", "Status": None, "TaxType": None}, "odd", None],
        themes=[{"BrandingThemeID": "theme-1", "Name": None, "SortOrder": None}],
        tax_rates=[
            {"TaxType": "NEW", "Name": None, "EffectiveRate": None, "CanApplyToRevenue": None, "TaxComponents": None},
            {"TaxType": "ODD", "TaxComponents": ["odd", {"Name": None, "Rate": None}]},
        ],
        categories=[{"TrackingCategoryID": "region", "Name": None, "Status": None, "Options": None}],
        currencies=[{"Code": "XTS", "Description": None}],
    )
    assert read.name == both[0].name
    assert read.period_lock_date is None
    assert str(Account.objects.get()) == "4010 4010"
    assert not reference.accounts_of(read)["4010"].takes_sales
    assert not TaxRate.objects.filter(can_apply_to_revenue=True)
    assert TaxRate.objects.get(tax_type="ODD").components == [["", "0"]]
    assert TrackingCategory.objects.get().options == []


@pytest.mark.parametrize("fault", ["503_text", "garbled_json_after_commit", "drop_before", "429_day"])
@pytest.mark.parametrize("path", ["Accounts", "Currencies"])
def test_what_cannot_be_read_whole_leaves_the_old_copies(
    sandbox: Any, connection: XeroConnection, fault: str, path: str
) -> None:
    read_before = again(connection).reference_read_at
    sandbox.put_account("4050", name="New licences")
    sandbox.place_fault(fault, path=path)
    with pytest.raises(XeroUnavailable):
        connections.read_reference(connection)
    kept = XeroConnection.objects.get(pk=connection.pk)
    assert kept.reference_read_at == read_before
    assert kept.accounts.filter(code="4010").exists()
    assert not kept.accounts.filter(code="4050").exists()


def test_an_answer_without_the_organisation_is_not_taken_for_one(
    both: list[XeroConnection], scripted_xero: ScriptedServer
) -> None:
    with pytest.raises(XeroUnavailable, match="without the organisation"):
        read_from(scripted_xero, both[0])
    assert XeroConnection.objects.get(pk=both[0].pk).reference_read_at is None


def test_an_organisation_that_refuses_is_told_as_such(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.disconnect()
    with pytest.raises(XeroAuthError):
        connections.read_reference(connection)


# Xero's dates


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("/Date(1518685950940+0000)/", dt.date(2018, 2, 15)),
        ("/Date(1756598400000+0000)/", dt.date(2025, 8, 31)),
        ("/Date(1756598400000)/", dt.date(2025, 8, 31)),
        ("/Date(-86400000+0000)/", dt.date(1969, 12, 31)),
        ("2026-08-31T00:00:00", dt.date(2026, 8, 31)),
        ("2026-08-31", dt.date(2026, 8, 31)),
        (None, None),
        ("", None),
        ("soon", None),
        (17, None),
        ("/Date(999999999999999999)/", None),
        ("2026-13-45", None),
    ],
)
def test_a_date_is_read_in_both_of_xeros_forms(value: object, day: dt.date | None) -> None:
    assert reference.json_date(value) == day


# What settings are checked against


@pytest.fixture
def read(connection: XeroConnection) -> XeroConnection:
    return again(connection)


def settings_with(**fields: str) -> XeroSettings:
    usual = {"license_account_code": "4010", "azure_account_code": "4020", "custom_account_code": "4030"}
    return XeroSettings(pk=1, **usual | fields)


def test_settings_that_fit_have_no_problem(read: XeroConnection) -> None:
    assert reference.settings_problems(settings_with(theme_name="Cloud services"), read) == {}
    assert reference.settings_problems(settings_with(theme_name=""), read) == {}


@pytest.mark.parametrize("code", ["200", "260", "270", "4030"])
def test_accounts_of_each_kind_of_income_fit(read: XeroConnection, code: str) -> None:
    assert reference.settings_problems(settings_with(custom_account_code=code), read) == {}


@pytest.mark.parametrize("code", ["090", "310", "400", "610", "820", "900", "970"])
def test_accounts_that_take_no_sales_do_not_fit(read: XeroConnection, code: str) -> None:
    problems = reference.settings_problems(settings_with(custom_account_code=code), read)
    assert list(problems) == ["custom_account_code"]
    assert problems["custom_account_code"].label == "Custom offer SKUs"


def test_each_problem_names_field_and_remedy(read: XeroConnection) -> None:
    wrong = settings_with(license_account_code="999", azure_account_code="4090", theme_name="Gone")
    problems = reference.settings_problems(wrong, read)
    assert list(problems) == ["license_account_code", "azure_account_code", "theme_name"]
    assert "Choose one of its revenue accounts" in problems["license_account_code"].words
    assert "Restore it there or choose another" in problems["azure_account_code"].words
    assert "It has: Standard, Cloud services, Azure usage" in problems["theme_name"].words


def test_before_anything_was_read_nothing_is_known(connection: XeroConnection) -> None:
    assert reference.settings_problems(settings_with(license_account_code="999"), connection) == {}


def test_empty_codes_are_missing_and_not_wrong(read: XeroConnection) -> None:
    assert reference.settings_problems(XeroSettings(pk=1), read) == {}


def test_the_theme_is_known_by_its_id_before_its_name(sandbox: Any, read: XeroConnection) -> None:
    theme = BrandingTheme.objects.get(name="Cloud services")
    kept = settings_with(theme_name="Cloud services", theme_id=theme.theme_id)
    sandbox.put_theme("Cloud services", new_name="Renamed")
    sandbox.put_theme("Azure usage", new_name="Cloud services")
    found = reference.find_theme(kept, again(read))
    assert found
    assert found.name == "Renamed"


def test_a_theme_of_another_organisation_is_found_by_its_name(both: list[XeroConnection]) -> None:
    australia, new_zealand = map(again, both)
    theirs = BrandingTheme.objects.get(connection=australia, name="Cloud services")
    kept = settings_with(theme_name="cloud services", theme_id=theirs.theme_id)
    found = reference.find_theme(kept, new_zealand)
    assert found
    assert found.connection == new_zealand
    assert found.theme_id != theirs.theme_id


def test_no_theme_is_no_theme(read: XeroConnection) -> None:
    assert reference.find_theme(settings_with(), read) is None
