"""What an invoice becomes on its way to Xero: arithmetic, words, and the digits on the wire."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xero_integration.payloads import (
    MAX_DESCRIPTION,
    Charge,
    Document,
    line,
    number,
    plain,
    reference_text,
    to_cents,
)

DAY = dt.date(2026, 9, 15)


def charge(**facts: Any) -> Charge:
    given: dict[str, Any] = {
        "name": "Microsoft 365 E5",
        "sku": "CFQ7TTC0LFLZ:0002",
        "is_usage": False,
        "quantity": Decimal(8),
        "unit_price": Decimal("87.40"),
        "subtotal": Decimal("699.20"),
        "starts_on": dt.date(2026, 8, 16),
        "ends_on": DAY,
        "account_code": "4010",
        "tax_type": "OUTPUT",
        "tax_rate": Decimal(10),
    }
    return Charge(**given | facts)


def document(*lines: Any, **facts: Any) -> Document:
    given: dict[str, Any] = {
        "is_credit_note": False,
        "number": "Invoice_1",
        "contact_id": "c0ffee00-0000-4000-8000-000000000001",
        "issued_on": DAY,
        "due_on": dt.date(2026, 10, 6),
        "currency": "AUD",
        "status": "DRAFT",
        "reference": "Billing 20260918 C3-0123456789ab",
        "url": "https://portal.example/invoices/1/",
        "theme_id": "",
        "lines": tuple(lines),
    }
    return Document(**given | facts)


# Lines


def test_a_licence_keeps_its_quantity_and_price() -> None:
    made = line(charge(), "AUD", is_credit_note=False)
    assert (made.quantity, made.unit_amount, made.line_amount) == (Decimal(8), Decimal("87.4000"), Decimal("699.20"))
    assert made.tax_amount == Decimal("69.92")
    assert made.description == "Microsoft 365 E5, 16 Aug 2026 to 15 Sep 2026"


def test_usage_goes_as_one_times_the_rounded_amount_with_quantity_and_rate_in_words() -> None:
    usage = charge(
        name="Bandwidth Out",
        is_usage=True,
        quantity=Decimal("1234.567890"),
        unit_price=Decimal("0.001234567891"),
        subtotal=Decimal("1.524157"),
    )
    made = line(usage, "AUD", is_credit_note=False)
    assert (made.quantity, made.unit_amount, made.line_amount) == (Decimal(1), Decimal("1.52"), Decimal("1.52"))
    assert made.description == "Bandwidth Out, 16 Aug 2026 to 15 Sep 2026, 1234.56789 at 0.001234567891 AUD"


def test_a_price_of_eight_decimals_whose_cents_agree_goes_with_four() -> None:
    made = line(
        charge(quantity=Decimal(3), unit_price=Decimal("10.33333333"), subtotal=Decimal("31.00")),
        "AUD",
        is_credit_note=False,
    )
    assert (made.quantity, made.unit_amount, made.line_amount) == (Decimal(3), Decimal("10.3333"), Decimal("31.00"))


def test_a_price_of_eight_decimals_whose_cents_would_differ_goes_in_words() -> None:
    made = line(
        charge(quantity=Decimal(1000), unit_price=Decimal("0.12345678"), subtotal=Decimal("123.45678")),
        "AUD",
        is_credit_note=False,
    )
    assert (made.quantity, made.unit_amount, made.line_amount) == (Decimal(1), Decimal("123.46"), Decimal("123.46"))
    assert made.description.endswith("1000 at 0.12345678 AUD")


def test_a_quantity_of_five_decimals_goes_in_words() -> None:
    made = line(
        charge(quantity=Decimal("0.00001"), unit_price=Decimal(0), subtotal=Decimal(0)), "AUD", is_credit_note=False
    )
    assert made.quantity == 1
    assert "0.00001 at 0 AUD" in made.description


@pytest.mark.parametrize(
    "facts",
    [
        {"quantity": Decimal("123456789012345.6789"), "unit_price": Decimal(0), "subtotal": Decimal(0)},
        {"quantity": Decimal(10) ** 15 - 1, "unit_price": Decimal(10) ** 15 - 1, "subtotal": Decimal(12)},
    ],
    ids=["more digits than JSON carries", "a product beyond all reckoning"],
)
def test_figures_that_would_not_arrive_as_they_are_go_in_words(facts: dict[str, Decimal]) -> None:
    made = line(charge(**facts), "AUD", is_credit_note=False)
    assert (made.quantity, made.line_amount) == (Decimal(1), to_cents(facts["subtotal"]))


def test_a_negative_pro_rata_line_stays_negative_on_an_invoice() -> None:
    made = line(
        charge(quantity=Decimal(-2), unit_price=Decimal("13.25"), subtotal=Decimal("-26.50")),
        "AUD",
        is_credit_note=False,
    )
    assert (made.quantity, made.unit_amount, made.line_amount) == (Decimal(-2), Decimal("13.25"), Decimal("-26.50"))
    assert made.tax_amount == Decimal("-2.65")


@pytest.mark.parametrize("is_usage", [False, True])
def test_a_credit_note_turns_the_sign_of_each_line(is_usage: bool) -> None:
    back = charge(is_usage=is_usage, quantity=Decimal(-2), unit_price=Decimal("13.25"), subtotal=Decimal("-26.50"))
    made = line(back, "AUD", is_credit_note=True)
    assert made.line_amount == Decimal("26.50")
    assert made.tax_amount == Decimal("2.65")
    assert made.quantity * made.unit_amount == made.line_amount
    assert made.quantity > 0


def test_a_zero_trial_is_a_line_like_any_other() -> None:
    made = line(charge(quantity=Decimal(25), unit_price=Decimal(0), subtotal=Decimal(0)), "AUD", is_credit_note=False)
    assert (made.quantity, made.unit_amount, made.line_amount, made.tax_amount) == (25, 0, 0, 0)


def test_a_cent_is_rounded_half_up_away_from_zero() -> None:
    assert [to_cents(Decimal(text)) for text in ("0.005", "0.0049", "2.675", "-0.005")] == [
        Decimal("0.01"),
        Decimal("0.00"),
        Decimal("2.68"),
        Decimal("-0.01"),
    ]


def test_a_long_name_is_cut_and_the_period_and_the_figures_stay() -> None:
    made = line(charge(name="x" * 5000, is_usage=True), "AUD", is_credit_note=False)
    assert len(made.description) == MAX_DESCRIPTION
    assert made.description.endswith("x, 16 Aug 2026 to 15 Sep 2026, 8 at 87.4 AUD")


def test_a_line_without_name_or_dates_still_has_a_description() -> None:
    assert line(charge(name="", starts_on=None), "AUD", is_credit_note=False).description == "CFQ7TTC0LFLZ:0002"
    assert line(charge(name="", sku="", ends_on=None), "AUD", is_credit_note=False).description == "Charge"


exact = st.one_of(
    st.decimals(-1_000_000, 1_000_000, places=8),
    st.decimals(-1_000_000, 1_000_000, places=4),
    st.integers(-5000, 5000).map(Decimal),
)


@given(quantity=exact, price=exact, is_usage=st.booleans(), is_credit_note=st.booleans(), rate=st.sampled_from([0, 10]))
def test_a_line_amount_is_always_what_xero_computes(
    quantity: Decimal, price: Decimal, is_usage: bool, is_credit_note: bool, rate: int
) -> None:
    subtotal = quantity * price
    sent = charge(quantity=quantity, unit_price=price, subtotal=subtotal, is_usage=is_usage, tax_rate=Decimal(rate))
    made = line(sent, "AUD", is_credit_note=is_credit_note)
    # As it arrives: quantity and price with four decimals.
    places = Decimal("0.0001")
    assert made.quantity == made.quantity.quantize(places)
    assert made.unit_amount == made.unit_amount.quantize(places)
    assert made.line_amount == to_cents(made.quantity * made.unit_amount)
    assert made.line_amount == to_cents(subtotal) * (-1 if is_credit_note else 1)
    for value in (made.quantity, made.unit_amount, made.line_amount):
        assert Decimal(str(number(value))) == value


@given(st.lists(st.tuples(exact, exact), max_size=8))
def test_a_total_is_the_sum_of_its_lines_each_taxed_and_rounded_alone(figures: list[tuple[Decimal, Decimal]]) -> None:
    lines = [
        line(charge(quantity=quantity, unit_price=price, subtotal=quantity * price), "AUD", is_credit_note=False)
        for quantity, price in figures
    ]
    amounts = [to_cents(quantity * price) for quantity, price in figures]
    assert document(*lines).total == sum(amounts, Decimal(0)) + sum(
        (to_cents(amount * 10 / 100) for amount in amounts), Decimal(0)
    )


# References


def test_the_reference_ends_with_the_marker_where_the_document_bears_it_there() -> None:
    assert reference_text("Billing 20260918", "C3-0123456789ab") == "Billing 20260918 C3-0123456789ab"
    assert reference_text("Billing 20260918", "") == "Billing 20260918"


def test_a_long_reference_is_cut_before_the_marker() -> None:
    assert reference_text("Å" * 400, "") == "Å" * 255
    text = reference_text("Å" * 400, "C3-0123456789ab")
    assert len(text) == 255
    assert text.endswith("Å C3-0123456789ab")


# Bytes


@given(st.decimals(-(10**12), 10**12, places=2))
def test_an_amount_reaches_the_wire_digit_for_digit(amount: Decimal) -> None:
    assert json.loads(json.dumps(number(amount)), parse_float=Decimal) == amount


@pytest.mark.parametrize("text", ["99999999999999999.99", "0.12345678901234567890"])
def test_a_number_that_json_would_not_carry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digit for digit"):
        number(Decimal(text))


@pytest.mark.parametrize(
    ("value", "text"), [("1.500", "1.5"), ("100", "100"), ("1E+3", "1000"), ("0.00001000", "0.00001"), ("0.00", "0")]
)
def test_figures_in_words_have_every_digit_that_counts(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
