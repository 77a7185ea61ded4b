"""Which account and which tax type a line goes to, which rule won, and what is said when none fits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.documents.mapping import (
    AccountRule,
    AccountRules,
    Rate,
    Tax,
    TaxRules,
    UnmappedAccount,
    UnmappedTax,
    set_in_settings,
    suggestion,
)

LABELS = {"license": "License based SKUs", "azure": "Azure Usage based SKUs", "custom": "Custom offer SKUs"}
DEFAULTS = AccountRules({"license": "4010", "azure": "4020", "custom": "4030"}, LABELS)

# Each from the most particular to the least; the codes say their place in the order.
RULES = (
    AccountRule("1", customer="fabrikam", sku="CFQ7TTC0LF8Q:0001"),
    AccountRule("2", customer="fabrikam", sku="CFQ7TTC0LF8Q", is_prefix=True),
    AccountRule("2b", customer="fabrikam", sku="CFQ7", is_prefix=True),
    AccountRule("3", customer="fabrikam", kind="license"),
    AccountRule("4", customer="fabrikam"),
    AccountRule("5", sku="CFQ7TTC0LF8Q:0001"),
    AccountRule("6", sku="CFQ7TTC0LF8Q", is_prefix=True),
    AccountRule("6b", sku="CFQ7", is_prefix=True),
)
BECAUSE = (
    "customer Fabrikam overrides SKU CFQ7TTC0LF8Q:0001",
    "customer Fabrikam overrides the SKU's beginning CFQ7TTC0LF8Q",
    "customer Fabrikam overrides the SKU's beginning CFQ7",
    "customer Fabrikam overrides License based SKUs",
    "customer Fabrikam overrides every account",
    "SKU CFQ7TTC0LF8Q:0001 overrides License based SKUs",
    "the SKU's beginning CFQ7TTC0LF8Q overrides License based SKUs",
    "the SKU's beginning CFQ7 overrides License based SKUs",
)


def rules(*overrides: AccountRule) -> AccountRules:
    return replace(DEFAULTS, overrides=overrides)


# Accounts


@pytest.mark.parametrize("place", range(len(RULES)))
def test_the_most_particular_rule_wins_whatever_stands_below_it(place: int) -> None:
    for below in (RULES[place:], tuple(reversed(RULES[place:]))):
        chosen = rules(*below).choose("license", "CFQ7TTC0LF8Q:0001", "fabrikam", "Fabrikam")
        assert (chosen.code, chosen.because) == (RULES[place].code, BECAUSE[place])


@pytest.mark.parametrize(
    ("kind", "code", "because"),
    [
        ("license", "4010", set_in_settings("License based SKUs")),
        ("azure", "4020", set_in_settings("Azure Usage based SKUs")),
        ("custom", "4030", set_in_settings("Custom offer SKUs")),
    ],
)
def test_without_an_override_the_setting_of_the_kind_applies(kind: str, code: str, because: str) -> None:
    chosen = DEFAULTS.choose(kind, "SKU", "fabrikam", "Fabrikam")
    assert (chosen.code, chosen.because) == (code, because)


@pytest.mark.parametrize(
    ("override", "kind", "sku", "customer"),
    [
        pytest.param(AccountRule("9", customer="fabrikam"), "license", "A", "contoso", id="another customer's"),
        pytest.param(AccountRule("9", customer="fabrikam"), "license", "A", "", id="a customer's, none being known"),
        pytest.param(AccountRule("9", customer="fabrikam", kind="azure"), "license", "A", "fabrikam", id="other kind"),
        pytest.param(AccountRule("9", sku="A"), "license", "AB", "fabrikam", id="a SKU is not a beginning"),
        pytest.param(AccountRule("9", sku="AB"), "license", "A", "fabrikam", id="longer than the SKU"),
        pytest.param(AccountRule("9", sku="AB", is_prefix=True), "license", "A", "", id="a beginning longer than it"),
        pytest.param(AccountRule("9", sku="A", is_prefix=True), "license", "BA", "", id="not at the beginning"),
        pytest.param(AccountRule("9", sku="A", is_prefix=True), "license", "", "", id="a line without a SKU"),
        pytest.param(AccountRule("9", sku="a"), "license", "A", "", id="capitals count in a SKU"),
    ],
)
def test_an_override_leaves_alone_what_it_does_not_name(
    override: AccountRule, kind: str, sku: str, customer: str
) -> None:
    assert rules(override).choose(kind, sku, customer).code == "4010"


def test_an_override_goes_even_where_the_setting_is_empty() -> None:
    empty = AccountRules({"license": ""}, LABELS, (AccountRule("5", sku="A"),))
    assert empty.choose("license", "A").code == "5"
    with pytest.raises(UnmappedAccount, match=r"for License based SKUs\. Fill it in under Settings → General"):
        empty.choose("license", "B")
    with pytest.raises(UnmappedAccount, match="Azure Usage based SKUs"):
        empty.choose("azure", "B")


skus = st.text("AB", max_size=4)
overrides = st.builds(
    AccountRule,
    code=st.sampled_from("123456789"),
    customer=st.sampled_from(["", "fabrikam", "contoso"]),
    kind=st.just(""),
    sku=skus.filter(bool),
    is_prefix=st.booleans(),
)


@given(st.lists(overrides, max_size=4, unique_by=lambda each: (each.customer, each.sku, each.is_prefix)), skus)
def test_the_order_in_which_overrides_were_made_decides_nothing(made: list[AccountRule], sku: str) -> None:
    chosen = {rules(*order).choose("license", sku, "fabrikam", "Fabrikam") for order in permutations(made)}
    assert len(chosen) == 1


# Taxes

GST = Rate("OUTPUT", "GST on Income", Decimal(10))
FREE = Rate("EXEMPTOUTPUT", "GST Free Income", Decimal(0))
EXPORT = Rate("EXEMPTEXPORT", "GST Free Exports", Decimal(0))
EXCLUDED = Rate("BASEXCLUDED", "BAS Excluded", Decimal("0.0000"))
INPUT_TAXED = Rate("INPUTTAXED", "Input Taxed", Decimal(0))
AUSTRALIA = [EXCLUDED, EXPORT, FREE, GST, INPUT_TAXED]
ZERO_RATED = Rate("ZERORATED", "Zero Rated", Decimal(0))
NEW_ZEALAND = [Rate("NONE", "No GST", Decimal(0)), Rate("OUTPUT2", "15% GST on Income", Decimal(15)), ZERO_RATED]
HST = Rate("TAX001", "HST", Decimal(13), (Decimal(5), Decimal(8)))
VAT_13 = Rate("TAX002", "VAT 13%", Decimal(13))


def tax(name: str, percentage: str, country: str = "") -> Tax:
    return Tax(country, name, Decimal(percentage))


@pytest.mark.parametrize(
    ("rates", "name", "percentage", "expected"),
    [
        pytest.param(AUSTRALIA, "GST", "10", GST, id="the only one of that percentage"),
        pytest.param(AUSTRALIA, "", "10.00", GST, id="the only one, without a name"),
        pytest.param(AUSTRALIA, "Anything", "10", GST, id="the only one, by another name"),
        pytest.param(AUSTRALIA, "bas excluded", "0", EXCLUDED, id="the same name, other capitals"),
        pytest.param(AUSTRALIA, "GST Free Exports", "0", EXPORT, id="the same name goes before one for sales"),
        pytest.param(AUSTRALIA, "GST Free", "0", FREE, id="the one for sales"),
        pytest.param(AUSTRALIA, "Exports", "0", EXPORT, id="the only one with that word"),
        pytest.param(NEW_ZEALAND, "Zero Rated", "0", ZERO_RATED, id="zero rated by name"),
        pytest.param([HST], "HST", "13", HST, id="a compound rate by its own name"),
        pytest.param([HST, VAT_13], "VAT", "13", VAT_13, id="a simple rate before a compound one"),
        pytest.param([HST, VAT_13], "hst", "13", HST, id="the compound rate's name goes first"),
    ],
)
def test_a_tax_of_the_source_finds_its_rate(rates: list[Rate], name: str, percentage: str, expected: Rate) -> None:
    for order in (rates, reversed(rates)):
        rate, because = suggestion(order, tax(name, percentage))
        assert rate is expected
        assert because == f"{rate.name} is the organisation's rate of {rate.percentage.normalize():f} %"


@pytest.mark.parametrize("name", ["", "GST", "HST GST", "HST on Income"])
def test_a_compound_rate_is_never_taken_for_a_tax_of_another_name(name: str) -> None:
    with pytest.raises(UnmappedTax):
        suggestion([HST], tax(name, "13"))


def test_a_percentage_that_the_organisation_does_not_have_is_said() -> None:
    with pytest.raises(UnmappedTax, match=r"no active tax rate of 12\.5 % \(GST\) in AU") as refusal:
        suggestion(AUSTRALIA, tax("GST", "12.50", "AU"))
    assert refusal.value.tax == tax("GST", "12.5", "AU")


@pytest.mark.parametrize("name", ["", "VAT", "GST Free Duty"])
def test_it_never_guesses_among_several_rates(name: str) -> None:
    with pytest.raises(UnmappedTax, match="several tax rates of 0 %") as refusal:
        suggestion(AUSTRALIA, tax(name, "0"))
    assert all(rate.name in str(refusal.value) for rate in AUSTRALIA if rate.percentage == 0)


def test_two_rates_of_one_name_are_ambiguous() -> None:
    twins = [FREE, Rate("OTHER", "GST Free Income", Decimal(0))]
    with pytest.raises(UnmappedTax, match="does not tell which"):
        suggestion(twins, tax("GST Free Income", "0"))


MAPPED = TaxRules(
    (*AUSTRALIA, HST),
    {
        ("NZ", "gst", Decimal(0)): "EXEMPTEXPORT",
        ("", "gst", Decimal(0)): "EXEMPTOUTPUT",
        ("CA", "gst and pst", Decimal(13)): "TAX001",
        ("", "gone", Decimal(10)): "OUTPUT9",
        ("", "wrong", Decimal(5)): "OUTPUT",
    },
)


@pytest.mark.parametrize(
    ("tax", "tax_type", "because"),
    [
        (tax("GST", "0", "NZ"), "EXEMPTEXPORT", "GST 0 % is mapped so in NZ"),
        (tax("GST", "0.000", "FJ"), "EXEMPTOUTPUT", "GST 0 % is mapped so in any country"),
        (tax("gst", "0"), "EXEMPTOUTPUT", "gst 0 % is mapped so in any country"),
        (tax("GST", "10", "NZ"), "OUTPUT", "GST on Income is the organisation's rate of 10 %"),
        (tax("GST and PST", "13", "CA"), "TAX001", "GST and PST 13 % is mapped so in CA"),
    ],
)
def test_a_mapping_goes_before_a_suggestion_and_a_countrys_own_before_any(
    tax: Tax, tax_type: str, because: str
) -> None:
    rate, words = MAPPED.choose(tax)
    assert (rate.tax_type, words) == (tax_type, because)


def test_a_countrys_mapping_is_no_other_countrys() -> None:
    with pytest.raises(UnmappedTax):
        MAPPED.choose(tax("GST and PST", "13", "US"))


@pytest.mark.parametrize(
    ("tax", "words"),
    [
        (tax("Gone", "10"), "mapped to tax type OUTPUT9, which the organisation no longer has for sales"),
        (tax("Wrong", "5"), "mapped to GST on Income, which is 10 % in Xero"),
    ],
)
def test_a_mapping_that_no_longer_fits_is_said_and_not_passed_over(tax: Tax, words: str) -> None:
    with pytest.raises(UnmappedTax, match=words):
        MAPPED.choose(tax)
