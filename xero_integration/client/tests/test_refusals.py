"""Every text that Xero refuses with has its cause in plain words; unknown ones have none."""

from __future__ import annotations

import pytest

from xero_integration.client import refusals
from xero_integration.client.refusals import Topic


@pytest.mark.parametrize(
    ("words", "topic", "subject"),
    [
        ("Account code '4010' is not a valid code for this document.", Topic.ACCOUNT, "4010"),
        ("Account code '4010' has been archived, or deleted.", Topic.ACCOUNT, "4010"),
        ("Account code must be specified", Topic.ACCOUNT, ""),
        ("The TaxType code 'INPUT' cannot be used with account code '200'.", Topic.TAX, "200"),
        (
            "The TaxType code 'X' does not exist or cannot be used for this type of transaction.",
            Topic.TAX,
            "",
        ),
        ("Organisation is not subscribed to currency EUR", Topic.CURRENCY, "EUR"),
        ("The BrandingThemeID 1f2e could not be found.", Topic.THEME, ""),
        (
            "The document date cannot be before the period lock date, currently set at 30/09/2026.",
            Topic.LOCKED,
            "",
        ),
        (
            "The document date cannot be before the end of year lock date, currently set at 30/06/2026.",
            Topic.LOCKED,
            "",
        ),
        ("The contact name must not contain < or >.", Topic.NAME, ""),
        (
            "The contact name Fabrikam is already assigned to another contact. The contact name must be unique across "
            "all active contacts.",
            Topic.NAME,
            "",
        ),
        ("Xero refused to create the contact: Email address must be valid.", Topic.EMAIL, ""),
        ("The Contact with the specified ContactID has been archived", Topic.CONTACT, ""),
        ("Invoice # must be unique.", Topic.NUMBER, ""),
        ("The line total 10.01 does not match the expected line total 10.00", Topic.TOTAL, ""),
        ("The document total cannot be less than zero. Use a credit note instead.", Topic.TOTAL, ""),
        ("The document total cannot be more than 9999999999.99.", Topic.TOTAL, ""),
        ("A line amount must lie between -9999999999.99 and 9999999999.99.", Topic.TOTAL, ""),
        ("The field Reference must be a string with a maximum length of 255.", Topic.TEXT, ""),
        ("InvoiceNumber can hold printable ASCII characters only.", Topic.TEXT, ""),
        ("Due Date cannot be empty.", Topic.DUE_DATE, ""),
        ("One or more line items must be specified", Topic.LINES, ""),
    ],
)
def test_what_xero_says_has_one_cause_with_what_it_names(words: str, topic: Topic, subject: str) -> None:
    (cause,) = refusals.causes(words)
    assert (cause.topic, cause.subject) == (topic, subject)
    assert cause.words.endswith(".")


def test_a_refusal_with_several_errors_has_each_cause_once() -> None:
    words = (
        "Account code '4010' is not a valid code for this document.; "
        "Account code '4020' is not a valid code for this document.; Organisation is not subscribed to currency EUR"
    )
    assert [cause.topic for cause in refusals.causes(words)] == [Topic.ACCOUNT, Topic.CURRENCY]


@pytest.mark.parametrize("words", ["A validation exception occurred", "", "Xero refused it without saying why."])
def test_what_is_not_known_has_no_cause(words: str) -> None:
    assert refusals.causes(words) == ()
    assert not refusals.is_of_the_organisation(words)


@pytest.mark.parametrize(
    ("words", "is_of_the_organisation"),
    [
        ("Organisation is not subscribed to currency EUR", True),
        ("The document date cannot be before the period lock date, currently set at 30/09/2026.", True),
        ("Email address must be valid.", False),
    ],
)
def test_it_knows_which_refusals_the_organisation_is_read_again_for(words: str, is_of_the_organisation: bool) -> None:
    assert refusals.is_of_the_organisation(words) == is_of_the_organisation
