"""Which accounts sales may be posted to."""

import pytest

from xero_integration.accounts import SALES_TYPES, AccountFacts, Reason, SalesProblem, sales_problem


def problem(status: str = "ACTIVE", type: str = "REVENUE", code: str = "200") -> SalesProblem | None:
    return sales_problem({"200": AccountFacts("200", "Sales", type, status)}, code, "Contoso")


@pytest.mark.parametrize("type", SALES_TYPES)
def test_an_active_account_of_income_takes_sales(type: str) -> None:
    assert problem(type=type) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"status": "ARCHIVED"}, Reason.ARCHIVED),
        ({"status": ""}, Reason.ARCHIVED),
        ({"type": "EXPENSE"}, Reason.TYPE),
        ({"type": "NEWTYPE"}, Reason.TYPE),
    ],
)
def test_any_other_account_takes_none_and_the_words_name_it(facts: dict[str, str], reason: Reason) -> None:
    found = problem(**facts)
    assert found is not None
    assert found.reason is reason
    assert found.words.startswith("Account 200 Sales is ")


def test_a_code_that_the_organisation_does_not_have_takes_none() -> None:
    found = problem(code="999")
    assert found is not None
    assert found.reason is Reason.MISSING
    assert found.words.startswith("Contoso has no account 999.")


def test_while_no_account_was_read_nothing_is_said() -> None:
    assert sales_problem({}, "999", "Contoso") is None
