"""Which permissions a consent is asked for, and which it lacks."""

import datetime as dt

import pytest

from xero_integration.client import scopes

BEFORE, AFTER = dt.date(2027, 9, 13), dt.date(2027, 9, 14)


def test_nothing_is_asked_for_that_no_call_needs() -> None:
    asked = set(scopes.asked(is_broad=False, today=BEFORE))
    assert asked == {"openid", "offline_access", *scopes.PURPOSES}
    assert set(scopes.PURPOSES) == {
        scopes.needed_for(path) for path in ("Organisation", "Contacts", "Invoices", "CreditNotes/id/Allocations")
    }


def test_an_app_of_before_march_2026_asks_broadly_for_as_long_as_xero_has_that() -> None:
    broad = scopes.asked(is_broad=True, today=BEFORE)
    assert "accounting.transactions" in broad
    assert "accounting.invoices" not in broad
    assert scopes.asked(is_broad=True, today=AFTER) == scopes.asked(is_broad=False, today=AFTER)


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("", ()),
        (" ".join(scopes.asked(is_broad=False, today=BEFORE)), ()),
        (" ".join(scopes.asked(is_broad=True, today=BEFORE)), ()),
        ("openid accounting.settings accounting.contacts accounting.invoices", ()),
        ("accounting.settings.read accounting.contacts.read accounting.invoices", ("accounting.contacts",)),
        ("openid", ("accounting.settings.read", "accounting.contacts", "accounting.invoices")),
    ],
)
def test_a_consent_is_held_against_what_is_needed(granted: str, missing: tuple[str, ...]) -> None:
    assert scopes.missing(granted) == missing


def test_what_is_missing_is_said_with_what_it_is_for_and_what_to_do() -> None:
    assert scopes.lacking("accounting.contacts", "accounting.invoices") == (
        "The consent given in Xero lacks permissions: accounting.contacts, needed to find customers' contacts and to "
        "create those that are missing; accounting.invoices, needed to post invoices and credit notes and to read what "
        "became of them. Reconnect to Xero and allow all that it asks for."
    )
