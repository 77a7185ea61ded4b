"""What the portal says before Xero would."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.documents.rules import Fix, Organisation, Problem, Severity, problems, theme_missing
from xero_integration.accounts import AccountFacts
from xero_integration.payloads import Document, Line
from xero_integration.proof import Proof, prove
from xero_integration.xero_models import documents_body

LINE = Line("Microsoft 365 E5", Decimal(1), Decimal("100.00"), Decimal("100.00"), "4010", "OUTPUT", Decimal("10.00"))
DAY = dt.date(2026, 9, 18)
DOCUMENT = Document(False, "Invoice_1", "id", DAY, DAY, "AUD", "DRAFT", "C3-1", "", "", (LINE,))
ORGANISATION = Organisation(
    "Contoso Cloud (AU)",
    frozenset({"AUD", "NZD"}),
    {
        "4010": AccountFacts("4010", "Licence revenue", "REVENUE", "ACTIVE"),
        "4090": AccountFacts("4090", "Hosting revenue", "REVENUE", "ARCHIVED"),
        "400": AccountFacts("400", "Advertising", "EXPENSE", "ACTIVE"),
    },
    frozenset({"theme-1"}),
)
EQUAL = Proof(Decimal("110.00"), Decimal("110.00"), "AUD", ())


def problems_of(document: Document, organisation: Organisation = ORGANISATION) -> list[Problem]:
    return problems(document, EQUAL, organisation)


def using(code: str) -> Document:
    return replace(DOCUMENT, lines=(replace(LINE, account_code=code), replace(LINE, account_code=code)))


def test_nothing_is_said_of_a_sound_document() -> None:
    assert problems_of(replace(DOCUMENT, theme_id="theme-1")) == []


@pytest.mark.parametrize(
    ("document", "subject", "words", "fix"),
    [
        (replace(DOCUMENT, currency="EUR"), "EUR", "Contoso Cloud (AU) is not subscribed to currency EUR", Fix.XERO),
        (using("999"), "999", "has no account 999. Choose one", Fix.ACCOUNTS),
        (using("4090"), "4090", "Account 4090 Hosting revenue is archived", Fix.ACCOUNTS),
        (using("400"), "400", "Account 400 Advertising is of type EXPENSE; sales need", Fix.ACCOUNTS),
        (replace(DOCUMENT, theme_id="gone"), "gone", theme_missing(ORGANISATION.name), Fix.SETTINGS),
        (replace(DOCUMENT, lines=()), "", "The invoice has no lines", Fix.NONE),
        (replace(DOCUMENT, number="Rechnung_Müller"), "", "plain characters only", Fix.NONE),
        (replace(DOCUMENT, number="N" * 256), "", "numbers of 1 to 255", Fix.NONE),
        (replace(DOCUMENT, number=""), "", "numbers of 1 to 255", Fix.NONE),
        (replace(DOCUMENT, reference="R" * 256), "", "references of at most 255", Fix.NONE),
    ],
)
def test_what_xero_would_refuse_is_said_once_with_the_place_to_mend_it(
    document: Document, subject: str, words: str, fix: Fix
) -> None:
    (problem,) = problems_of(document)
    assert (problem.subject, problem.fix, problem.severity) == (subject, fix, Severity.BLOCKED)
    assert words in problem.of_this_one


def test_what_was_never_read_refuses_nothing() -> None:
    unknown = replace(ORGANISATION, currencies=frozenset(), accounts={})
    assert problems_of(replace(using("999"), currency="EUR"), unknown) == []


@pytest.mark.parametrize(
    ("status", "locked_until", "refused"),
    [
        ("AUTHORISED", DAY, True),
        ("AUTHORISED", DAY + dt.timedelta(1), True),
        ("AUTHORISED", DAY - dt.timedelta(1), False),
        ("AUTHORISED", None, False),
        ("DRAFT", DAY, False),
        ("SUBMITTED", DAY, False),
    ],
)
def test_a_locked_period_refuses_approved_invoices_alone(
    status: str, locked_until: dt.date | None, refused: bool
) -> None:
    found = problems_of(replace(DOCUMENT, status=status), replace(ORGANISATION, locked_until=locked_until))
    assert [each.fix for each in found] == ([Fix.DRAFTS] if refused else [])


def test_due_before_it_is_issued_is_worth_a_look_and_stops_nothing() -> None:
    (problem,) = problems_of(replace(DOCUMENT, due_on=DAY - dt.timedelta(1)))
    assert (problem.severity, problem.fix) == (Severity.WARNING, Fix.CUSTOMERS)


@pytest.mark.parametrize(
    ("total", "warn_up_to", "severity"),
    [
        ("110.01", None, Severity.BLOCKED),
        ("110.05", "0.05", Severity.WARNING),
        ("109.95", "0.05", Severity.WARNING),
        ("110.06", "0.05", Severity.BLOCKED),
        ("110.01", "0.00", Severity.BLOCKED),
    ],
)
def test_a_total_that_xero_would_not_come_to_is_weighed_by_the_limit(
    total: str, warn_up_to: str | None, severity: Severity
) -> None:
    proof = prove(DOCUMENT, [Decimal(total)], Decimal(total))
    limit = None if warn_up_to is None else Decimal(warn_up_to)
    (problem,) = problems(DOCUMENT, proof, ORGANISATION, warn_up_to=limit)
    assert problem.severity == severity
    assert f"Xero would come to AUD 110.00, the invoice says AUD {total}: a difference of AUD " in problem.of_this_one


@pytest.mark.parametrize("amount", ["99999999999999999.99", "-99999999999999999.99"])
def test_an_amount_that_json_would_not_carry_is_refused_alone_and_not_with_its_batch(amount: str) -> None:
    (problem,) = problems_of(replace(DOCUMENT, lines=(replace(LINE, line_amount=Decimal(amount)),)))
    assert "more digits than can be sent" in problem.of_this_one


def test_every_problem_is_said_at_once() -> None:
    bad = replace(using("4090"), currency="EUR", theme_id="gone")
    proof = prove(bad, [Decimal(1), Decimal(1)], Decimal(2))
    assert [each.code for each in problems(bad, proof, ORGANISATION)] == ["currency", "account", "theme", "total"]


@given(st.integers(-(10**24), 10**24).map(lambda cents: Decimal(cents).scaleb(-2)))
def test_an_amount_is_refused_before_it_is_sent_when_it_could_not_be_sent_to_the_digit(amount: Decimal) -> None:
    document = replace(DOCUMENT, lines=(replace(LINE, unit_amount=amount, line_amount=amount),))
    refused = "digits" in {each.code for each in problems_of(document)}
    try:
        documents_body([document])
    except ValueError:
        assert refused
    else:
        assert not refused
