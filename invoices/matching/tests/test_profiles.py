from __future__ import annotations

import pytest

from invoices.matching.meanings import FIELDS, REQUIRED
from invoices.matching.profiles import BUILT_IN, Formats, missing_columns, profile_for, profile_named
from invoices.models import ImportProfile

pytestmark = pytest.mark.django_db


def kept(name: str, header: list[str], **columns: str) -> ImportProfile:
    return ImportProfile.objects.create(name=name, header=header, columns=columns, formats=Formats().as_json())


def test_the_portals_own_shape_is_the_first_profile() -> None:
    assert profile_for(FIELDS) is BUILT_IN
    assert profile_for([name.lower() for name in reversed(REQUIRED)]) is BUILT_IN
    assert profile_for([*REQUIRED, "SomethingNew"]) is BUILT_IN
    assert profile_for(REQUIRED[1:]) is None
    assert missing_columns(REQUIRED[1:]) == [REQUIRED[0]]


def test_a_stored_profile_is_found_by_its_columns_and_goes_first() -> None:
    kept("Shop", ["No", "Who", "Sum"], InvoiceNumber="No", Total="Sum")

    found = profile_for(["sum", "new", " NO "])

    assert found
    assert (found.name, dict(found.columns)) == ("Shop", {"InvoiceNumber": "No", "Total": "Sum"})
    assert profile_for(["No", "Who"]) is None

    kept("Own", list(FIELDS), InvoiceNumber="InvoiceNumber", Total="Total")
    own = profile_for(FIELDS)
    assert own
    assert own.name == "Own"


def test_of_two_that_fit_the_one_of_exactly_this_header_is_taken() -> None:
    kept("Wide", ["No", "Sum", "Tax"], InvoiceNumber="No", Total="Sum", TaxAmount="Tax")
    kept("Exact", ["No", "Sum", "Tax", "Note"], InvoiceNumber="No", Total="Sum")

    exact, wide = profile_for(["No", "Sum", "Tax", "Note"]), profile_for(["No", "Sum", "Tax", "Other"])

    assert exact
    assert exact.name == "Exact"
    assert wide
    assert wide.name == "Wide"


def test_what_was_confirmed_last_goes_before_what_has_more_columns() -> None:
    kept("Wrong", ["No", "Sum", "Tax"], InvoiceNumber="No", Total="Sum", TaxAmount="Tax")
    kept("Right", ["No", "Sum", "Tax"], InvoiceNumber="No", Total="Sum")

    found = profile_for(["No", "Sum", "Tax"])

    assert found
    assert found.name == "Right"


def test_a_profile_of_part_of_the_portals_own_shape_does_not_take_its_files() -> None:
    kept("Part", [name for name in FIELDS if name != "TenantID"], InvoiceNumber="InvoiceNumber", Total="Total")

    assert profile_for(FIELDS) is BUILT_IN


def test_a_column_that_is_there_twice_now_asks_again() -> None:
    kept("Once", ["No", "Sum"], InvoiceNumber="No", Total="Sum")
    kept("Twice", ["A", "B", "B (2)"], InvoiceNumber="A", Total="B")

    assert profile_for(["No", "Sum", "Sum (2)"]) is None
    assert profile_for([*FIELDS, "SubTotal (2)"]) is None
    twice = profile_for(["A", "B", "B (2)"])
    assert twice
    assert twice.name == "Twice"


def test_profiles_are_known_by_name() -> None:
    kept("Shop", ["No"], InvoiceNumber="No")

    found = profile_named("shop")

    assert found
    assert found.pk
    assert profile_named("other") is None
    assert profile_named(BUILT_IN.name) is BUILT_IN
