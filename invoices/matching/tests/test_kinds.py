from __future__ import annotations

import pytest

from invoices.matching.kinds import kind_of, likely_kind


@pytest.mark.parametrize(
    ("category", "provider", "kind"),
    [
        ("License", "Microsoft", "license"),
        ("OneTime", "", "license"),
        ("subscription", "", "license"),
        ("Software", "", "license"),
        ("Usage", "", "azure"),
        ("License", "Azure", "azure"),
        ("Usage", "Partner", "custom"),
        ("Custom", "", "custom"),
        ("Reservation", "Microsoft", ""),
        ("", "", ""),
        ("Reservation", "Azure", "azure"),
    ],
)
def test_c3s_own_categories_have_a_kind_and_others_stay_open(category: str, provider: str, kind: str) -> None:
    assert kind_of(category, provider, {}) == kind


@pytest.mark.parametrize("category", ["Reservation", " reservation", "RESERVATION"])
def test_a_rule_says_the_kind_of_a_category_and_goes_first(category: str) -> None:
    assert kind_of(category, "Partner", {"reservation": "license"}) == "license"
    assert kind_of("Usage", "", {"usage": "custom"}) == "custom"


@pytest.mark.parametrize(
    ("category", "kind"),
    [("Licence", "license"), ("Lizenzen", "license"), ("Azure Verbrauch", "azure"), ("Consulting services", "custom")],
)
def test_a_kind_is_proposed_by_the_words_of_a_category(category: str, kind: str) -> None:
    assert likely_kind(category) == kind
    assert likely_kind("Reservation") == ""
