"""Which names are offered as similar, and how fast."""

from __future__ import annotations

import csv
from itertools import combinations

import pytest
from django.conf import settings
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


# What is so much alike that a person is asked


@pytest.mark.parametrize(
    "name",
    [
        "Fabrikam",
        "FABRIKAM Limited",
        "Fabricam Pty Ltd",
        "Fabrikm Pty Ltd",
        "Fabrikaam",
        "Fabrkiam",
        "Fabri kam",
        "F\u00e1brikam",
    ],
)
def test_a_legal_form_an_accent_or_one_typing_error_makes_a_person_be_asked(name: str) -> None:
    assert KNOWN.alike(name) == ["fabrikam"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Margie's and Sons", "Margies & Sons"),
        ("Toys Tailspin", "Tailspin Toys"),
        ("BlueYonder Bank", "Blue Yonder Bank"),
        ("Wide World Ltd", "Wide World Pty Ltd"),
        ("東京 Ltd", "東京"),
    ],
)
def test_so_does_the_order_or_division_of_words(one: str, other: str) -> None:
    assert Names({"it": other}).alike(one) == ["it"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Litware Travel", "Litware Logistics"),
        ("Litware Travel", "Litware Traders"),
        ("Tailspin Pty Ltd", "Tailspin Toys"),
        ("Woodgrove & Sons", "Woodgrove Toys"),
        ("Adventure Cloud", "Adventure College"),
        ("Plant 2", "Plant 3"),
        ("Coho", "Soho"),
        ("Fabrikam Clinic", "Fabrikam Clinic 76"),
        ("Contoso Group", "Contoso"),
    ],
)
def test_nobody_is_asked_about_a_name_that_merely_begins_or_sounds_alike(one: str, other: str) -> None:
    assert Names({"it": other}).alike(one) == []
    assert Names({"it": one}).alike(other) == []


def test_a_name_of_words_that_hundreds_share_is_still_asked_about() -> None:
    words_of_many = [
        "alpine",
        "bank",
        "cloud",
        "coffee",
        "design",
        "fabrikam",
        "group",
        "insurance",
        "logistics",
        "research",
        "toys",
        "travel",
    ]
    many = Names({" ".join(some): " ".join(some) for some in combinations(words_of_many, 5)})
    assert many.alike("Travel Alpine Cloud Design Toys Ltd") == ["alpine cloud design toys travel"]


def test_the_names_of_the_sample_bring_no_question_but_for_those_of_the_same_words() -> None:
    """120 customers against each other: 7,140 pairs."""
    names: dict[str, str] = {}
    for path in sorted((settings.BASE_DIR / "sample_data").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            names |= {row["TenantID"]: row["CustomerName"] for row in csv.DictReader(file)}
    assert len(names) == 120
    index = Names(names)
    asked = {
        frozenset({names[key], names[other]})
        for key, name in names.items()
        for other in index.alike(name)
        if other != key
    }
    assert asked == {frozenset({"Tailspin Pty Ltd"}), frozenset({"Wide World Ltd", "Wide World Pty Ltd"})}
