"""What the portal says before Xero would."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from invoices.preflight import Organisation, problems
from xero_integration.payloads import Document, Line

LINE = Line("Microsoft 365 E5", Decimal(1), Decimal("100.00"), Decimal("100.00"), "4010", "OUTPUT", Decimal("10.00"))
DAY = dt.date(2026, 9, 18)
DOCUMENT = Document(False, "Invoice_1", "id", DAY, DAY, "AUD", "DRAFT", "C3-1", "", "", (LINE,))
ORGANISATION = Organisation("Contoso Cloud (AU)", frozenset({"AUD", "NZD"}), {"4090": "account 4090 is archived."})


def test_nothing_is_said_of_a_sound_document() -> None:
    assert problems(DOCUMENT, Decimal("110.00"), ORGANISATION) == []


def test_a_currency_that_is_not_enabled_is_named_with_the_way_out() -> None:
    (words,) = problems(replace(DOCUMENT, currency="EUR"), Decimal("110.00"), ORGANISATION)
    assert words.startswith("Contoso Cloud (AU) is not subscribed to currency EUR.")
    assert "Settings → Currencies" in words


def test_currencies_that_were_never_read_refuse_nothing() -> None:
    unknown = replace(ORGANISATION, currencies=frozenset())
    assert problems(replace(DOCUMENT, currency="EUR"), Decimal("110.00"), unknown) == []


def test_a_closed_account_concerns_only_documents_that_use_it() -> None:
    closed = replace(DOCUMENT, lines=(replace(LINE, account_code="4090"),))
    assert problems(closed, Decimal("110.00"), ORGANISATION) == ["account 4090 is archived."]


def test_a_total_that_xero_would_not_come_to_is_shown_beside_the_invoices_own() -> None:
    (words,) = problems(DOCUMENT, Decimal("1110.01"), ORGANISATION)
    assert "Xero would make the total 110.00 AUD, the invoice says 1,110.01" in words


def test_an_invoice_without_lines_is_refused() -> None:
    assert "The invoice has no lines." in problems(replace(DOCUMENT, lines=()), Decimal(0), ORGANISATION)


@pytest.mark.parametrize("amount", ["99999999999999999.99", "-99999999999999999.99"])
def test_an_amount_that_json_would_not_carry_is_refused_alone_and_not_with_its_batch(amount: str) -> None:
    huge = replace(DOCUMENT, lines=(replace(LINE, line_amount=Decimal(amount), tax_amount=Decimal(0)),))
    (words,) = problems(huge, Decimal(amount), ORGANISATION)
    assert "more digits than can be sent" in words


def test_every_problem_is_said_at_once() -> None:
    bad = replace(DOCUMENT, currency="EUR", lines=(replace(LINE, account_code="4090"),))
    assert len(problems(bad, Decimal(1), ORGANISATION)) == 3
