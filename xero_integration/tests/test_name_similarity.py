"""Which names are offered as similar, and how fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xero_integration.name_similarity import LEAST, Names, words

KNOWN = Names(
    {
        "fabrikam": "Fabrikam Pty Ltd",
        "tailspin": "Tailspin Toys",
        "group": "Contoso Group Australia",
        "plant": "Plant 3 Co",
        "accents": "L'Oréal S.A.",
        "letters": "株式会社コントソ",
    }
)
NAMES = st.text(min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Fabrikam", "fabrikam"),
        ("FABRIKAM GmbH", "fabrikam"),
        ("Fabricam Pty Ltd", "fabrikam"),
        ("Tailspin", "tailspin"),
        ("Australia Contoso Group", "group"),
        ("Plant 3", "plant"),
        ("loreal", "accents"),
        ("株式会社コントソ", "letters"),
    ],
)
def test_a_typing_error_a_legal_form_or_the_order_of_words_is_forgiven(name: str, key: str) -> None:
    assert KNOWN.similar(name)[0][0] == key


@pytest.mark.parametrize("name", ["Plant 2 Co", "Proseware", "Pty Ltd", "Group", "", "!?"])
def test_what_only_looks_alike_is_not_offered(name: str) -> None:
    assert KNOWN.similar(name) == []


def test_a_legal_form_alone_is_a_name() -> None:
    assert words("AG") == ("ag",)


@given(st.dictionaries(NAMES, NAMES, max_size=12), NAMES)
def test_what_is_offered_is_known_similar_enough_and_in_order(names: dict[str, str], name: str) -> None:
    found = Names(names).similar(name)
    scores = [score for _, score in found]
    assert {key for key, _ in found} <= names.keys()
    assert scores == sorted(scores, reverse=True)
    assert all(LEAST <= score <= 1 for score in scores)
    assert len(found) <= 5


@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=40))
def test_a_name_is_similar_to_itself(name: str) -> None:
    if words(name):
        assert Names({"it": name}).similar(name) == [("it", 1.0)]


def test_a_name_that_thousands_share_words_with_is_found_without_comparing_them_all() -> None:
    many = Names({str(number): f"Customer {number:04}" for number in range(3000)})
    assert many.similar("Customer 1234 Ltd")[0] == ("1234", 1.0)
