"""Which account and which tax rate a line goes to, and what is said when there is none."""

from decimal import Decimal

import pytest

from invoices.mapping import AccountCodes, Rate, Unmapped, tax_rate

GST = Rate("OUTPUT", "GST on Income", Decimal(10))
FREE = Rate("EXEMPTOUTPUT", "GST Free Income", Decimal(0))
EXPORT = Rate("EXEMPTEXPORT", "GST Free Exports", Decimal(0))
EXCLUDED = Rate("BASEXCLUDED", "BAS Excluded", Decimal("0.0000"))
INPUT_TAXED = Rate("INPUTTAXED", "Input Taxed", Decimal(0))
AUSTRALIA = [EXCLUDED, EXPORT, FREE, GST, INPUT_TAXED]
ZERO_RATED = Rate("ZERORATED", "Zero Rated", Decimal(0))
NEW_ZEALAND = [Rate("NONE", "No GST", Decimal(0)), Rate("OUTPUT2", "15% GST on Income", Decimal(15)), ZERO_RATED]


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
    ],
)
def test_a_tax_of_the_source_finds_its_rate(rates: list[Rate], name: str, percentage: str, expected: Rate) -> None:
    assert tax_rate(rates, name, Decimal(percentage)) is expected
    assert tax_rate(reversed(rates), name, Decimal(percentage)) is expected


def test_a_percentage_that_the_organisation_does_not_have_is_said() -> None:
    with pytest.raises(Unmapped, match=r"no active tax rate of 12\.5 % \(GST\)"):
        tax_rate(AUSTRALIA, "GST", Decimal("12.50"))


@pytest.mark.parametrize("name", ["", "VAT", "GST Free Duty"])
def test_it_never_guesses_among_several_rates(name: str) -> None:
    with pytest.raises(Unmapped, match="several tax rates of 0 %") as refusal:
        tax_rate(AUSTRALIA, name, Decimal(0))
    assert all(rate.name in str(refusal.value) for rate in AUSTRALIA if rate.percentage == 0)


def test_two_rates_of_one_name_are_ambiguous() -> None:
    twins = [FREE, Rate("OTHER", "GST Free Income", Decimal(0))]
    with pytest.raises(Unmapped, match="does not tell which"):
        tax_rate(twins, "GST Free Income", Decimal(0))


def test_a_kind_of_line_has_its_account() -> None:
    codes = AccountCodes({"license": "4010", "azure": ""})
    assert codes.of("license") == "4010"
    for kind in ("azure", "custom"):
        with pytest.raises(Unmapped, match="Settings → General"):
            codes.of(kind)
