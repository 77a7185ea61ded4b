"""Which accounts sales may be posted to."""

import pytest

from xero_integration.accounts import SALES_TYPES, AccountFacts, sales_problem


def problem(status: str = "ACTIVE", type: str = "REVENUE", code: str = "200") -> str:
    return sales_problem({"200": AccountFacts("200", "Sales", type, status)}, code, "Contoso")


@pytest.mark.parametrize("type", SALES_TYPES)
def test_an_active_account_of_income_takes_sales(type: str) -> None:
    assert problem(type=type) == ""


@pytest.mark.parametrize("facts", [{"status": "ARCHIVED"}, {"status": ""}, {"type": "EXPENSE"}, {"type": "NEWTYPE"}])
def test_any_other_account_takes_none_and_the_words_name_it(facts: dict[str, str]) -> None:
    assert problem(**facts).startswith("Account 200 Sales is ")


def test_a_code_that_the_organisation_does_not_have_takes_none() -> None:
    assert problem(code="999").startswith("Contoso has no account 999.")


def test_while_no_account_was_read_nothing_is_said() -> None:
    assert sales_problem({}, "999", "Contoso") == ""
