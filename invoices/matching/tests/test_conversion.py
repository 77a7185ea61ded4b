from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import pytest

from invoices.matching.column_profile import BUILT_IN, ColumnProfile, Formats
from invoices.matching.conversion import FormatsDiffer, RawRow, Source, convert
from invoices.matching.meanings import FIELDS
from invoices.matching.rates import rate_of, rates_told
from invoices.reading.errors import FileRefused
from invoices.reading.table import open_table
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes

GERMAN = {
    "InvoiceNumber": "Rechnung",
    "CustomerName": "Kunde",
    "InvoiceGeneratedDate": "Datum",
    "Quantity": "Menge",
    "UnitPriceOfProduct": "Einzelpreis",
    "SubTotal": "Netto",
    "TaxPercentage": "MwSt %",
    "TaxAmount": "MwSt",
    "Total": "Brutto",
}
VALUES = ("R1", "Müller", "18.05.2026", "5", "1.210,90", "6.054,50", "10", "605,45", "6.659,95")
LINE = dict(zip(GERMAN.values(), VALUES, strict=True))
COMMAS = dict.fromkeys(("Quantity", "UnitPriceOfProduct", "SubTotal", "TaxPercentage", "TaxAmount", "Total"), ",")


def table_bytes(rows: Iterable[dict[str, str]]) -> bytes:
    rows, out = list(rows), io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def german(*without: str, **formats: object) -> ColumnProfile:
    columns = {name: column for name, column in GERMAN.items() if name not in without}
    return ColumnProfile("German", columns, Formats(**{"numbers": COMMAS, "dates": {}} | formats))  # type: ignore[arg-type]


def source_of(content: bytes, profile: ColumnProfile, **constants: str) -> Source:
    return convert(open_table(io.BytesIO(content)), profile, constants)


def converted(profile: ColumnProfile, *rows: dict[str, str], **constants: str) -> list[RawRow]:
    return list(source_of(table_bytes(rows), profile, **constants).rows)


def test_the_portals_own_shape_stays_as_it_is() -> None:
    content = SEPTEMBER.read_bytes()

    rows = list(source_of(content, BUILT_IN).rows)

    written = csv.DictReader(io.StringIO(content.decode()))
    blank = dict.fromkeys(FIELDS, "")
    assert [row[:3] for row in rows] == [(number, blank | row, ()) for number, row in enumerate(written, start=2)]
    assert {tuple(row.cells) for row in rows} == {FIELDS}


def test_columns_are_known_whatever_their_capitals_and_order_and_unknown_ones_are_kept() -> None:
    row = {name.upper(): text for name, text in reversed(a_row().items())} | {"PromotionId": "39NF", "Note": ""}

    source = source_of(csv_bytes(row), BUILT_IN)
    (raw,) = source.rows

    assert raw.cells == a_row()
    assert raw.extra == {"PromotionId": "39NF"}
    assert source.ignored == ["PromotionId", "Note"]


def test_optional_columns_of_the_portals_own_shape_may_be_missing() -> None:
    row = {name: text for name, text in a_row().items() if name in BUILT_IN.columns}

    (raw,) = source_of(csv_bytes(row), BUILT_IN).rows

    assert raw.cells == a_row() | {name: "" for name in FIELDS if name not in row}


def test_columns_of_other_names_become_our_fields() -> None:
    (raw,) = converted(german(), LINE, BillingId="20260518")

    assert {name: text for name, text in raw.cells.items() if text} == {
        "InvoiceNumber": "R1",
        "CustomerName": "Müller",
        "InvoiceGeneratedDate": "2026-05-18",
        "Quantity": "5",
        "UnitPriceOfProduct": "1210.90",
        "SubTotal": "6054.50",
        "TaxPercentage": "10",
        "TaxAmount": "605.45",
        "Total": "6659.95",
        "BillingId": "20260518",
    }
    assert raw.errors == ()


def test_a_value_that_is_the_same_for_all_lines_needs_no_column() -> None:
    (raw,) = converted(german(fixed={"CurrencyCode": "EUR"}), LINE)

    assert raw.cells["CurrencyCode"] == "EUR"


@pytest.mark.parametrize(
    ("text", "is_fraction", "rate"), [("0,19", True, "19"), ("19", False, "19"), ("19 %", True, "19")]
)
def test_a_rate_may_be_a_part_of_one(text: str, is_fraction: bool, rate: str) -> None:
    (raw,) = converted(german(rate_is_fraction=is_fraction), LINE | {"MwSt %": text})

    assert raw.cells["TaxPercentage"] == rate


def test_what_can_be_read_in_two_ways_asks_for_columns_to_be_matched_and_is_never_guessed() -> None:
    with pytest.raises(FormatsDiffer, match="Menge: 1 values"):
        converted(german(numbers={}), LINE | {"Menge": "1.234"})
    with pytest.raises(FormatsDiffer, match="Datum: 1 values"):
        converted(german(dates={"InvoiceGeneratedDate": ""}), LINE | {"Datum": "05/06/2026"})


def test_a_file_that_is_written_the_other_way_than_its_profile_says_is_refused_as_a_whole() -> None:
    swapped = LINE | {"Datum": "05/18/2026"}
    profile = german(dates={"InvoiceGeneratedDate": "dmy"})

    with pytest.raises(FormatsDiffer, match=r"Datum: 2 values are written otherwise"):
        converted(profile, swapped, LINE | {"Datum": "05/06/2026"}, swapped)
    # One slip of the pen holds back one line.
    _, slip = converted(profile, LINE | {"Datum": "18/05/2026"}, swapped)
    assert [error.field for error in slip.errors] == ["InvoiceGeneratedDate"]


def test_decimal_commas_in_the_portals_own_shape_ask_for_columns_to_be_matched() -> None:
    commas = a_row(UnitPriceOfProduct="9,00", SubTotal="90,00", TaxAmount="9,00", Total="99,00")

    with pytest.raises(FormatsDiffer, match="Match the columns"):
        list(source_of(csv_bytes(commas, commas), BUILT_IN).rows)
    # Among others it is a wrong cell, for the parser to refuse.
    assert [row.errors for row in source_of(csv_bytes(a_row(), a_row(SubTotal="90,00")), BUILT_IN).rows] == [(), ()]


def test_thousands_with_a_point_confirm_no_decimal_point() -> None:
    thousands = a_row(UnitPriceOfProduct="1.000", SubTotal="10.000", TaxAmount="1.000", Total="11.000")
    commas = a_row(UnitPriceOfProduct="9,50", SubTotal="95,00", TaxAmount="9,50", Total="104,50")

    with pytest.raises(FormatsDiffer, match="Match the columns"):
        list(source_of(csv_bytes(thousands, thousands, commas), BUILT_IN).rows)


def test_a_missing_column_of_the_profile_is_said() -> None:
    with pytest.raises(FileRefused, match="Columns are missing: Brutto"):
        converted(german(), {name: text for name, text in LINE.items() if name != "Brutto"})


# What is computed


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (["Total"], {"Total": "6659.95"}),
        (["SubTotal"], {"SubTotal": "6054.50"}),
        (["TaxAmount"], {"TaxAmount": "605.45"}),
        (["TaxAmount", "Total"], {"TaxAmount": "605.45", "Total": "6659.95"}),
        (["SubTotal", "TaxAmount"], {"SubTotal": "6054.50", "TaxAmount": "605.45"}),
        (["TaxPercentage"], {"TaxPercentage": "10"}),
        (["UnitPriceOfProduct"], {"UnitPriceOfProduct": "1210.9"}),
        (["Quantity"], {"Quantity": "5"}),
        (["Quantity", "UnitPriceOfProduct"], {"Quantity": "1", "UnitPriceOfProduct": "6054.5"}),
    ],
)
def test_what_is_certain_is_computed_and_said(missing: list[str], expected: dict[str, str]) -> None:
    source = source_of(table_bytes([LINE, LINE]), german(*missing))

    for raw in source.rows:
        assert {name: raw.cells[name] for name in missing} == expected
        assert raw.errors == ()
    assert {name for _, name in source.cleanings} == set(missing)
    assert {cleaning.count for cleaning in source.cleanings.values()} == {2}
    assert any("is computed" in note for note in source.notes)


@pytest.mark.parametrize(
    ("missing", "changes", "reason"),
    [
        ("UnitPriceOfProduct", {"Menge": "3", "Netto": "10,00"}, "10.00 ÷ 3 does not come out even"),
        ("UnitPriceOfProduct", {"Menge": "0", "Netto": "10,00"}, "division by zero"),
        ("TaxPercentage", {"Netto": "0,31", "MwSt": "0,03"}, "0.31 fits several rates: 9 %, 10 %, 11 %. The file has"),
        ("TaxPercentage", {"Netto": "100.000,00", "MwSt": "10.200,03"}, "fits no rate"),
        ("TaxPercentage", {"Netto": "0", "MwSt": "1,00"}, "a tax on nothing"),
    ],
)
def test_what_is_not_certain_is_an_error_of_its_row(missing: str, changes: dict[str, str], reason: str) -> None:
    (raw,) = converted(german(missing), LINE | changes)

    assert [(error.field, reason in error.reason) for error in raw.errors] == [(missing, True)], raw.errors


def rate_beside(*lines: tuple[str, str], of: tuple[str, str]) -> str:
    """Return the rate of the line `of` (its net and its tax) in a file of `lines`."""
    told = rates_told((Decimal(net), Decimal(tax)) for net, tax in (*lines, of))
    content = table_bytes([LINE | {"Netto": of[0].replace(".", ","), "MwSt": of[1].replace(".", ",")}])
    (raw,) = convert(open_table(io.BytesIO(content)), german("TaxPercentage"), {}, told).rows
    return raw.errors[0].reason if raw.errors else raw.cells["TaxPercentage"]


@pytest.mark.parametrize(
    ("net", "tax", "rate"),
    [
        ("1000.00", "81.00", "8.1"),
        ("250.00", "6.50", "2.6"),
        ("99.95", "7.70", "7.7"),
        ("-640.10", "-125.46", "19.6"),
        ("812.40", "67.02", "8.25"),
        ("1999.00", "177.41", "8.875"),
        ("12.00", "0.96", "8"),
        ("17.00", "1.28", "7.5"),
        ("17.20", "0", "0"),
    ],
)
def test_the_only_rate_that_gives_the_tax_to_the_cent_is_taken(net: str, tax: str, rate: str) -> None:
    assert rate_beside(of=(net, tax)) == rate


@pytest.mark.parametrize(
    ("net", "tax", "rates"),
    [
        ("3.00", "0.24", "7.9 %, 8 %, 8.1 %."),
        ("3.00", "0.23", "7.5 %, 7.6 %, 7.7 %, 7.8 %."),
        ("5.00", "0.50", "9.9 %, 10 %, 10.1 %."),
        ("0.10", "0.01", "5 %, 6 %, 7 %, 8 % and others."),
    ],
)
def test_where_nothing_says_which_of_several_rates_it_is_none_is_guessed(net: str, tax: str, rates: str) -> None:
    assert f"a tax of {tax} on {net} fits several rates: {rates}" in rate_beside(of=(net, tax))


SWISS = ("1000.00", "81.00"), ("480.50", "38.92"), ("700.00", "18.20")
GERMAN_RATES = ("1000.00", "190.00"), ("480.50", "33.64"), ("17.20", "0")


@pytest.mark.parametrize(
    ("lines", "of", "rate"),
    [
        # By itself it could have 8 %.
        (SWISS, ("3.00", "0.24"), "8.1"),
        (SWISS, ("0.08", "0.01"), "8.1"),
        (GERMAN_RATES, ("0.075", "0.01"), "fits several rates"),
        (GERMAN_RATES, ("0.06", "0.01"), "19"),
        (GERMAN_RATES, ("-0.06", "-0.01"), "19"),
        # One that no other line has.
        (GERMAN_RATES, ("250.00", "25.00"), "10"),
        (GERMAN_RATES, ("0.03", "0.00"), "0"),
        # Where all others are taxed, it is the cent that leaves nothing.
        (SWISS[:2], ("0.03", "0.00"), "8.1"),
    ],
)
def test_a_tiny_line_has_the_only_rate_of_its_file_that_fits(
    lines: tuple[tuple[str, str], ...], of: tuple[str, str], rate: str
) -> None:
    assert rate in rate_beside(*lines, of=of)


@pytest.mark.parametrize("text", ["8.1", "10", "19", "8.25", "8.875"])
def test_beside_one_line_that_tells_it_no_line_is_too_small_to_have_the_rate(text: str) -> None:
    rate, cent = Decimal(text), Decimal("0.01")
    nets = [Decimal(100_000), *(Decimal(cents) / 100 for cents in range(1, 2_000))]
    lines = [(net, (net * rate / 100).quantize(cent, ROUND_HALF_UP)) for net in nets]

    told = rates_told(lines)

    assert {rate_of(net, tax, told) for net, tax in lines} == {rate}


def test_rates_are_told_whatever_the_order_of_the_lines_and_how_many_there_are() -> None:
    chance = random.Random(5)
    lines = []
    for _ in range(2_000):
        net, rate = Decimal(chance.randint(1, 90_000)) / 100, Decimal(chance.choice(["8.1", "2.6", "3.8"]))
        lines.append((net, (net * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)))

    found = rates_told(lines)

    assert found == (Decimal("2.6"), Decimal("3.8"), Decimal("8.1"))
    assert rates_told(reversed(lines)) == found


def test_a_file_of_hundreds_of_rates_tells_none() -> None:
    lines = [(Decimal(1_000_000), Decimal(10 * rate)) for rate in range(300)]

    assert rates_told(lines) == ()


@pytest.mark.parametrize(
    ("gross", "rate", "net"),
    [("11.00", "10", "10.00"), ("-0.06", "10", "-0.05"), ("108.10", "8.1", "100.00"), ("0.0132", "10", "0.0120")],
)
def test_net_comes_of_gross_and_rate_where_one_amount_alone_does(gross: str, rate: str, net: str) -> None:
    line = LINE | {"Brutto": gross.replace(".", ","), "MwSt %": rate.replace(".", ",")}

    (raw,) = converted(german("SubTotal", "TaxAmount"), line)

    assert (Decimal(raw.cells["SubTotal"]), raw.errors) == (Decimal(net), ())
    assert Decimal(raw.cells["SubTotal"]) + Decimal(raw.cells["TaxAmount"]) == Decimal(gross)


def test_no_net_amount_that_comes_to_the_gross_is_an_error_of_its_row() -> None:
    (raw,) = converted(german("SubTotal", "TaxAmount"), LINE | {"Brutto": "0,05"})

    assert [(error.field, "none comes to 0.05" in error.reason) for error in raw.errors] == [("SubTotal", True)]


def test_a_row_that_reading_refused_is_passed_on_with_its_error() -> None:
    content = table_bytes([LINE]) + b"a;b\r\n"

    _, short = source_of(content, german()).rows

    assert not any(short.cells.values())
    assert short.errors[0].reason.startswith("has 2 cells")


def test_an_error_of_a_column_that_nobody_uses_is_nobodys() -> None:
    huge = int("9" * 200)
    content = json.dumps([a_row() | {"Extra": huge, "Quantity": huge}]).encode()

    (raw,) = source_of(content, BUILT_IN).rows

    assert [error.field for error in raw.errors] == ["Quantity"]


@pytest.mark.parametrize("text", ["31/12/9999", "01/01/0001", "9999-12-31", "0001-01-01T00:00:00"])
def test_a_date_that_stands_for_none_is_left_to_be_cleaned(text: str) -> None:
    (raw,) = converted(german(dates={"InvoiceGeneratedDate": "dmy"}), LINE | {"Datum": text})

    assert raw.cells["InvoiceGeneratedDate"][:10] in ("9999-12-31", "0001-01-01")
    assert raw.errors == ()
