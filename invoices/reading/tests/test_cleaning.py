"""A cell is made clean where its meaning is certain, and what was done is said."""

from __future__ import annotations

import unicodedata
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.reading.cleaning import Cleaned, Cleaning, clean_country, clean_day, clean_text

SYDNEY, NEW_YORK = ZoneInfo("Australia/Sydney"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "text", ["", "Fabrikam", "Müller & Söhne", "東京　株式会社", "می‌خواهم", "🏳️‍🌈 Pride", "’t Hoen"]
)
def test_what_people_write_stays(text: str) -> None:
    assert clean_text(text) == Cleaned(text)


@pytest.mark.parametrize(
    ("text", "clean", "done"),
    [
        ("\ufeffFabrikam", "Fabrikam", {Cleaning.INVISIBLE}),
        ("Fab\u200brikam\u200d", "Fabrikam", {Cleaning.INVISIBLE}),
        ("Fab\u00adri\u200ekam", "Fabrikam", {Cleaning.INVISIBLE}),
        ("Fab\x00rikam\x7f", "Fabrikam", {Cleaning.CONTROL}),
        ("Fab\ud800rikam\uffff", "Fabrikam", {Cleaning.CONTROL}),
        ("Fabrikam\u00a0Pty\u202fLtd\t", "Fabrikam Pty Ltd", {Cleaning.SPACES}),
        ("Mu\u0308ller", "Müller", {Cleaning.COMPOSED}),
        ("Desk\r\nweekend\u2028x", "Desk weekend x", {Cleaning.LINE_BREAKS}),
        ("\ufeffMu\u0308ller\u00a0", "Müller", {Cleaning.INVISIBLE, Cleaning.COMPOSED, Cleaning.SPACES}),
    ],
)
def test_what_nobody_sees_goes_and_is_said(text: str, clean: str, done: set[Cleaning]) -> None:
    cleaned = clean_text(text)
    assert (cleaned.text, set(cleaned.done)) == (clean, done)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\u2029"])
def test_a_line_break_in_a_description_stays_one(line_break: str) -> None:
    assert clean_text(f"Desk{line_break}weekend", keep_line_breaks=True) == Cleaned("Desk\nweekend")
    assert clean_text(f"Mu\u0308{line_break}x", keep_line_breaks=True).text == "Mü\nx"


@given(st.text() | st.text("\ufeff\u200b\u200d\u0308\r\n\t\x00 aü\u0627\ud800"), st.booleans())
def test_a_clean_text_is_clean_whatever_it_was(text: str, keep: bool) -> None:
    cleaned = clean_text(text, keep)
    assert clean_text(cleaned.text, keep) == Cleaned(cleaned.text)
    assert cleaned.text.encode().decode() == cleaned.text
    assert unicodedata.is_normalized("NFC", cleaned.text)
    assert not any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in cleaned.text.replace("\n", ""))
    assert "\n" not in cleaned.text or keep


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2026-09-18", SYDNEY, "2026-09-18"),
        ("2026-09-18T00:00:00", NEW_YORK, "2026-09-18"),
        ("2026-09-18 23:59:59.9999999", SYDNEY, "2026-09-18"),
        ("2026-09-18T00:00:00+10:00", SYDNEY, "2026-09-18"),
    ],
)
def test_a_day_that_is_written_is_that_day(text: str, zone: ZoneInfo, day: str) -> None:
    assert clean_day(text, zone) == Cleaned(day)


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2036-09-17T14:00:00Z", SYDNEY, "2036-09-18"),
        ("2036-10-06T13:00:00Z", SYDNEY, "2036-10-07"),
        ("2026-09-17T14:00:00.0000000Z", SYDNEY, "2026-09-18"),
        ("2026-09-17t14:00z", SYDNEY, "2026-09-18"),
        ("2026-09-18 02:30:00 +0200", NEW_YORK, "2026-09-17"),
        ("2026-09-18T02:30:00+02", NEW_YORK, "2026-09-17"),
    ],
)
def test_a_time_with_an_offset_is_the_day_in_the_billing_time_zone(text: str, zone: ZoneInfo, day: str) -> None:
    assert clean_day(text, zone) == Cleaned(day, (Cleaning.ZONE,))


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "01/01/0001",
        "1/1/0001 12:00:00 AM",
        "01.01.0001 00:00:00",
        "9999-12-31",
        "9999-12-31T23:59:59.9999999",
        "31/12/9999",
        "12/31/9999 11:59:59 PM",
        "31.12.9999",
    ],
)
def test_no_date_is_none(text: str) -> None:
    assert clean_day(text, SYDNEY) == Cleaned("", (Cleaning.NO_DATE,))


@pytest.mark.parametrize("text", ["", "18/09/2026", "2026-13-01T00:00:00Z", "2026-09-18T25:00:00Z", "9998-12-31", "x"])
def test_what_is_no_iso_date_stays(text: str) -> None:
    assert clean_day(text, SYDNEY).text == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Australia", "AU"),
        ("  AUSTRALIA. ", "AU"),
        ("au", "AU"),
        ("AUS", "AU"),
        ("UK", "GB"),
        ("England", "GB"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("The Netherlands", "NL"),
        ("Deutschland", "DE"),
        ("Osterreich", "AT"),
        ("Suisse", "CH"),
        ("Svizzera", "CH"),
        ("日本", "JP"),
        ("Ελλάδα", "GR"),
        ("Россия", "RU"),
        ("ישראל", "IL"),
        ("Aotearoa", "NZ"),
        ("Côte d’Ivoire", "CI"),
        ("Czech Republic", "CZ"),
        ("Czechia", "CZ"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
    ],
)
def test_a_country_by_its_name_is_that_country(text: str, code: str) -> None:
    assert clean_country(text) == Cleaned(code, (Cleaning.COUNTRY,))


@pytest.mark.parametrize("text", ["", "AU", "GB", "XK"])
def test_a_code_stays(text: str) -> None:
    assert clean_country(text) == Cleaned(text)


@pytest.mark.parametrize("text", ["Narnia", "XX", "ZZ", "EU", "Korea", "A", "Aus tralian", "12", "—"])
def test_what_is_no_country_or_more_than_one_is_said(text: str) -> None:
    assert clean_country(text) == Cleaned(text, (Cleaning.UNKNOWN_COUNTRY,))
