"""The penny proof: what Xero will come to, known beforehand, and the same as what it then answers."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xero_integration import connections
from xero_integration.models import XeroConnection
from xero_integration.payloads import Charge, Document, line, to_cents
from xero_integration.proof import Proof, prove, with_rounding_line
from xero_integration.xero_models import documents_body

DAY = dt.date(2026, 9, 18)
CURRENCIES = ("AUD", "NZD", "USD")


def charge(quantity: str, price: str, subtotal: str, rate: str = "10", *, usage: bool = False) -> Charge:
    tax_type = "OUTPUT" if Decimal(rate) else "EXEMPTOUTPUT"
    amounts = (Decimal(quantity), Decimal(price), Decimal(subtotal))
    return Charge("Azure plan", "SKU", usage, *amounts, None, None, "4010", tax_type, Decimal(rate))


def document(
    charges: Sequence[Charge], currency: str = "AUD", number: str = "Invoice_1", contact: str = ""
) -> Document:
    is_credit_note = sum((gross(each) for each in charges), Decimal(0)) < 0
    lines = tuple(line(each, currency, is_credit_note=is_credit_note) for each in charges)
    return Document(is_credit_note, number, contact, DAY, DAY, currency, "DRAFT", "C3-1", "", "", lines)


def gross(each: Charge) -> Decimal:
    """Return what C3 bills for a charge: its amount and the tax on it, each in cents."""
    amount = to_cents(each.subtotal)
    return amount + to_cents(amount * each.tax_rate / 100)


def proof_of(*charges: Charge) -> Proof:
    made = document(charges)
    sign = -1 if made.is_credit_note else 1
    return prove(made, [sign * gross(each) for each in charges], abs(sum(map(gross, charges), Decimal(0))))


@pytest.mark.parametrize(
    ("quantity", "price", "subtotal", "usage", "sent", "in_xero"),
    [
        pytest.param("3", "12.34", "37.02", False, ("3", "12.34"), "40.72", id="a licence"),
        pytest.param("744", "0.0123456789", "9.1851851016", True, ("1", "9.19"), "10.11", id="ten decimals"),
        pytest.param("0.0000001234", "88888.1234567891", "0.0109687944", True, ("1", "0.01"), "0.01", id="a trickle"),
        pytest.param("1", "0.0000000001", "0.0000000001", True, ("1", "0.00"), "0.00", id="less than a cent"),
        pytest.param("7", "12.34567891", "86.41975237", False, ("7", "12.3457"), "95.06", id="price of 8 decimals"),
        pytest.param("1000", "0.00455", "4.55", False, ("1", "4.55"), "5.01", id="4 decimals would be 4.60"),
        pytest.param("0.33333", "30", "9.9999", False, ("1", "10.00"), "11.00", id="quantity of 5 decimals"),
        pytest.param("5", "0", "0", False, ("5", "0"), "0.00", id="a trial"),
        pytest.param("0", "57.00", "0", False, ("0", "57.00"), "0.00", id="none of something"),
        pytest.param("1", "0.45", "0.45", False, ("1", "0.45"), "0.50", id="half a cent of tax goes up"),
        pytest.param("1", "0.05", "0.05", False, ("1", "0.05"), "0.06", id="half a cent of tax of five cents"),
    ],
)
def test_what_xero_will_come_to_is_known_line_by_line(
    quantity: str, price: str, subtotal: str, usage: bool, sent: tuple[str, str], in_xero: str
) -> None:
    each = charge(quantity, price, subtotal, usage=usage)
    (only,) = document([each]).lines
    assert (only.quantity, only.unit_amount) == tuple(map(Decimal, sent))
    proof = proof_of(each)
    assert (proof.in_xero, proof.is_equal) == (Decimal(in_xero), True)


def test_a_negative_pro_rata_among_others_lowers_the_total() -> None:
    proof = proof_of(charge("3", "57.00", "171.00"), charge("-1", "31.3548387", "-31.3548387"), charge("1", "0", "0"))
    assert (proof.in_xero, proof.is_equal) == (Decimal("153.61"), True)


def test_a_credit_note_is_proven_in_positive_amounts() -> None:
    proof = proof_of(charge("-3", "57.00", "-171.00"), charge("1", "20.00", "20.00"))
    assert (proof.in_xero, proof.invoiced, proof.is_equal) == (Decimal("166.10"), Decimal("166.10"), True)


def test_tax_is_rounded_for_each_line_and_not_for_the_sum() -> None:
    lines = [charge("1", "0.04", "0.04")] * 10
    assert proof_of(*lines).in_xero == Decimal("0.40")
    (together,) = document([charge("10", "0.04", "0.40")]).lines
    assert together.line_amount + together.tax_amount == Decimal("0.44")


def test_amounts_go_out_exclusive_of_tax_whatever_the_currency() -> None:
    for currency in CURRENCIES:
        (row,) = json.loads(documents_body([document([charge("1", "10.00", "10.00")], currency)]))["Invoices"]
        assert (row["LineAmountTypes"], row["CurrencyCode"]) == ("Exclusive", currency)


@pytest.mark.parametrize("off", ["0.01", "-0.03"])
def test_a_difference_names_its_line_and_a_rounding_line_takes_it_away(off: str) -> None:
    made = document([charge("1", "10.00", "10.00"), charge("1", "5.00", "5.00")])
    proof = prove(made, [Decimal("11.00"), Decimal("5.50") - Decimal(off)], Decimal("16.50") - Decimal(off))
    assert proof.difference == Decimal(off)
    assert [(each.position, each.difference) for each in proof.lines] == [(2, Decimal(off))]
    assert f"(line 2 by AUD {Decimal(off):+.2f})" in str(proof)
    rounded = with_rounding_line(made, proof.difference, "4010", "EXEMPTOUTPUT")
    assert rounded.total == proof.invoiced
    assert rounded.lines[-1].tax_amount == 0


# Against the stand-in for Xero, which computes for itself

amounts = st.decimals(Decimal("-5000"), Decimal("20000"), places=10)
quantities = st.one_of(st.integers(-5, 500).map(Decimal), st.decimals(Decimal("-10"), Decimal("800"), places=10))
rates = st.sampled_from(["10", "0"])


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    quantity = draw(quantities)
    price = draw(
        st.one_of(st.just(Decimal(0)), st.decimals(Decimal("0"), Decimal("999"), places=draw(st.integers(2, 10))))
    )
    return charge(str(quantity), str(price), str(quantity * price), draw(rates), usage=draw(st.booleans()))


invoices = st.lists(st.tuples(st.lists(charges(), min_size=1, max_size=6), st.sampled_from(CURRENCIES)), max_size=8)


@pytest.fixture
def contact(sandbox: Any, connection: XeroConnection) -> str:
    for currency in CURRENCIES:
        sandbox.put_currency(currency)
    sandbox.set_limits(minute=100_000, day=100_000)
    (made,) = sandbox.put_contacts([{"name": "Fabrikam"}])
    return str(made["contact_id"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(invoices)
def test_xero_answers_what_was_proven_to_the_cent(
    connection: XeroConnection, contact: str, made: list[tuple[list[Charge], str]]
) -> None:
    batch = [document(lines, currency, f"Invoice_{uuid.uuid4()}", contact) for lines, currency in made]
    for is_credit_note, endpoint in ((False, "Invoices"), (True, "CreditNotes")):
        some = [each for each in batch if each.is_credit_note == is_credit_note]
        assert not some or created(connection, endpoint, some) == [each.total for each in some]


def created(connection: XeroConnection, endpoint: str, some: list[Document]) -> list[Decimal]:
    """Create the documents and return the totals answered. Raises AssertionError when one is refused."""
    answer = connections.call(
        connection, lambda gateway: gateway.create_documents(endpoint, documents_body(some), str(uuid.uuid4()))
    )
    rows = answer.rows(endpoint)
    assert not [row["ValidationErrors"] for row in rows if row.get("ValidationErrors")]
    return [Decimal(str(row["Total"])) for row in rows]
