"""Which names, numbers and addresses are the same, and which Xero takes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xero_integration.contact_names import (
    name_key,
    number_key,
    plain_email,
    sendable_name,
    spelling,
    visible,
    why_untaken,
)

LETTERS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
HIDDEN = st.sampled_from(["\u200b", "\u200d", "\ufeff", "\u00ad", "\u2060", "\x00", "\u200e", "\ufe0f", "\u034f"])


@pytest.mark.parametrize(
    "name",
    [
        "O'Brien & Sons",
        "O\u2019Brien & Sons",
        "O\u02bcBrien & Sons",
        "O\u00b4Brien & Sons",
        "O`BRIEN & SONS",
        "O'Brien\u00a0& Sons",
        " O'Brien  &\u2003Sons\u200b",
        "O'Brien & So\u00adns",
        "\ufeffO'Brien\t& Sons\r\n",
    ],
)
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert name_key(name) == "o'brien & sons"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", unicodedata.normalize("NFD", "MÜLLER")),
        ("Ångström", "\u212bngström"),
        ("Straße", "STRASSE"),
        ("Jean-Luc", "Jean\u2011Luc"),
        ("Jean-Luc", "Jean \u2013 Luc".replace(" ", "")),
        ("\ufb01nance", "Finance"),
        ("“Best” Bakery", '"Best" Bakery'),
        ("İstanbul", unicodedata.normalize("NFD", "İstanbul")),
    ],
)
def test_a_composed_or_decomposed_accent_a_dash_or_a_ligature_makes_no_other_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Müller", "Muller"), ("Acme 1", "Acme 2"), ("Acme Ltd", "Acme Pty Ltd"), ("A B", "AB")]
)
def test_what_can_be_seen_to_differ_stays_two_names(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(LETTERS, LETTERS, HIDDEN)
def test_no_hidden_character_makes_another_name(one: str, other: str, hidden: str) -> None:
    assert name_key(f"{one}{hidden}{other}") == name_key(f"{one}{other}")
    assert name_key(f"{one} {hidden} {other}") == name_key(f"{one} {other}")


@given(st.text(max_size=60))
def test_a_name_in_the_compared_form_is_its_own(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
    assert visible(visible(name)) == visible(name)


def test_contact_numbers_compare_without_case_and_braces() -> None:
    number = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0006"
    assert {number_key(each) for each in (number, number.upper(), f"{{{number}}}", f" {number}\u200b")} == {number}


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Wave \U0001f30a Co", "Wave Co"),
        ("Double  Space", "Double Space"),
        ("Cafe\u0301 Åse", "Café Åse"),
        ("Sun \u2600\ufe0f Ltd", "Sun Ltd"),
        ("Contoso™ №1 ®", "Contoso™ №1 ®"),
        ("株式会社コントソ", "株式会社コントソ"),
    ],
)
def test_a_name_is_sent_as_xero_would_store_it(name: str, stored: str) -> None:
    assert sendable_name(name) == stored


def test_new_names_must_differ_by_more_than_accents_and_emoji() -> None:
    assert spelling("Café Åse") == spelling("Cafe Ase") == spelling("CAFE \U0001f30a ASE")


@pytest.mark.parametrize("name", ["Mail <Bad> Ltd", "a > b", "\U0001f30a", "\u200b"])
def test_a_name_that_xero_refuses_is_told(name: str) -> None:
    assert why_untaken(name)


@pytest.mark.parametrize("name", ["Plain Good", "Wave \U0001f30a Co", "A & B", '"Best" Bakery', "東京"])
def test_any_other_name_is_not(name: str) -> None:
    assert why_untaken(name) == ""


@pytest.mark.parametrize(
    "email",
    [
        "",
        "NULL",
        "a@x.example; b@x.example",
        "a@x.example,b@x.example",
        "accounts@\ufb01nance.example",
        "info@müller.example",
        "info @x.example",
        "<info@x.example>",
        "info@x",
        "@x.example",
        f"{'a' * 250}@x.example",
    ],
)
def test_what_is_not_one_plain_address_is_none(email: str) -> None:
    assert plain_email(email) == ""


@pytest.mark.parametrize("email", ["good@x.example", "o'brien+bills@sub.x.example", "a_b@xn--mller-kva.example"])
def test_a_plain_address_stays(email: str) -> None:
    assert plain_email(email) == email
