from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from invoices.importing.opening import Wanted, open_lines
from invoices.importing.parser import BadRow, Line, canonical, parse
from invoices.matching.meanings import FIELDS, REQUIRED
from invoices.reading.budget import ROW_LIMIT
from invoices.reading.cleaning import clean_text
from invoices.reading.errors import FileRefused
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes, json_bytes


def parsed(content: bytes) -> list[Line | BadRow]:
    return list(parse(io.BytesIO(content)))


def line_of(content: bytes) -> Line:
    (line,) = parsed(content)
    assert isinstance(line, Line), line
    return line


def errors_of(content: bytes) -> list[tuple[str, str]]:
    (bad,) = parsed(content)
    assert isinstance(bad, BadRow)
    return [(error.field, error.reason) for error in bad.errors]


def refusal_of(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        parsed(content)
    return str(refused.value)


# What is read


def test_it_reads_a_line() -> None:
    line = line_of(csv_bytes(a_row()))

    assert line.row == 2
    assert line.header.number == "Invoice_Tailspin_1"
    assert line.header.due_on == date(2026, 10, 6)
    assert line.kind == "license"
    assert (line.quantity, line.unit_price, line.total) == (Decimal(10), Decimal("9.00"), Decimal("99.00"))
    assert (line.charge_start, line.charge_end) == (date(2026, 8, 16), date(2026, 9, 15))


def test_every_line_of_the_sample_is_read_the_same_from_json() -> None:
    content = SEPTEMBER.read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode())))

    from_csv, from_json = parsed(content), parsed(json_bytes(*rows))

    assert len(from_csv) == 791
    assert [line._replace(row=0) for line in from_csv] == [line._replace(row=0) for line in from_json]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("category", "provider", "kind"),
    [
        ("License", "Microsoft", "license"),
        ("OneTime", "Microsoft", "license"),
        ("license", "", "license"),
        ("Usage", "Azure", "azure"),
        ("Usage", "", "azure"),
        ("License", "Azure", "azure"),
        ("Custom", "Partner", "custom"),
        ("Custom", "", "custom"),
        ("Usage", "Partner", "custom"),
        ("Hardware", "Microsoft", ""),
        ("", "", ""),
    ],
)
def test_the_category_tells_the_kind_of_a_line(category: str, provider: str, kind: str) -> None:
    assert line_of(csv_bytes(a_row(Category=category, ProviderCategory=provider))).kind == kind


def test_prices_keep_every_digit() -> None:
    row = a_row(
        Quantity="668.77313", UnitPriceOfProduct="0.058122686400", SubTotal="38.87", TaxAmount="3.89", Total="42.76"
    )

    line = line_of(csv_bytes(row))

    assert str(line.unit_price) == "0.058122686400"
    assert line.is_product


def test_a_json_number_is_read_as_a_decimal_not_as_a_float() -> None:
    content = json_bytes(a_row()).replace(b'"9.00"', b"9.00").replace(b'"90.00"', b"90.000000000000000001")
    content = content.replace(b'"99.00"', b"99.000000000000000001")

    line = line_of(content)

    assert line.subtotal == Decimal("90.000000000000000001")


def test_a_line_at_nothing_and_a_negative_line_are_read() -> None:
    trial = a_row(Quantity="25", UnitPriceOfProduct="0", SubTotal="0.00", TaxAmount="0.00", Total="0.00")
    credit = a_row(
        Quantity="-6", UnitPriceOfProduct="21.93333333", SubTotal="-131.60", TaxAmount="-13.16", Total="-144.76"
    )

    assert line_of(csv_bytes(trial)).total == 0
    assert line_of(csv_bytes(credit)).total == Decimal("-144.76")


def test_a_total_that_is_the_sum_to_the_cent_is_enough() -> None:
    row = a_row(SubTotal="10.124", TaxAmount="1.014", Total="11.13", Quantity="1", UnitPriceOfProduct="10.124")

    assert line_of(csv_bytes(row)).total == Decimal("11.13")


@pytest.mark.parametrize(("tax", "is_right"), [("9.01", True), ("8.99", True), ("9.02", False), ("0", False)])
def test_a_tax_that_its_rate_does_not_give_is_no_line(tax: str, is_right: bool) -> None:
    (row,) = parsed(csv_bytes(a_row(TaxAmount=tax, Total=str(90 + Decimal(tax)))))

    assert isinstance(row, Line) is is_right
    if isinstance(row, BadRow):
        reason = f"{tax} is not 10 % of SubTotal 90.00, to the cent"
        assert [(error.field, error.reason) for error in row.errors] == [("TaxAmount", reason)]


def test_a_discounted_line_is_read_and_known_to_be_no_product() -> None:
    assert not line_of(csv_bytes(a_row(UnitPriceOfProduct="10.00"))).is_product


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_it_reads_semicolons_and_tabs_too(delimiter: str) -> None:
    name = "Smith, Jones; & Sons"

    assert line_of(csv_bytes(a_row(CustomerName=name), delimiter=delimiter)).header.customer_name == name


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_obstacle(encoding: str) -> None:
    name = "東京 O'Brien Åse"

    assert line_of(csv_bytes(a_row(CustomerName=name), encoding=encoding)).header.customer_name == name


def test_a_json_with_a_byte_order_mark_a_bare_list_and_a_late_status_are_read() -> None:
    late = json.dumps({"Data": [a_row()], "Status": "Success"}).encode()

    assert line_of(codecs.BOM_UTF8 + json_bytes(a_row()))
    assert line_of(json.dumps([a_row()]).encode())
    assert line_of(late)


def test_column_names_are_known_whatever_their_case_and_order_and_new_ones_are_left_aside() -> None:
    row = {name.upper(): text for name, text in reversed(a_row().items())} | {"PromotionId": "39NFJQT1X"}

    source = open_lines(io.BytesIO(csv_bytes(row)), Wanted())

    assert [raw.cells["CustomerName"] for raw in source.rows] == ["Tailspin Travel"]
    assert source.ignored == ["PromotionId"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    content = csv_bytes(a_row(), a_row(SubscriptionName='Two "quoted"'), a_row()).replace(
        b"\r\nStandard", b"\r\n\r\nStandard", 1
    )

    assert [line.row for line in parsed(content)] == [3, 4, 5]  # type: ignore[union-attr]


def test_equal_content_is_equal_however_it_is_spelt() -> None:
    one = line_of(csv_bytes(a_row(Quantity="10", SubTotal="90.00", InvoiceDueDate="2026-10-06T00:00:00")))
    two = line_of(csv_bytes(a_row(Quantity="1.0E1", SubTotal="90", InvoiceDueDate="2026-10-06")))

    assert canonical(one.cells) == canonical(two.cells)
    assert canonical(one.cells) != canonical(line_of(csv_bytes(a_row(SubscriptionName="Other"))).cells)


# What is refused in a row


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        *((name, "", "is empty") for name in REQUIRED if name not in ("TenantID", "Category")),
        ("Quantity", "many", "“many” is not a number"),
        ("Quantity", "1,5,0", "without separators"),
        ("Quantity", "1 000", "is not a number"),
        ("Quantity", "٣", "is not a number"),
        ("Quantity", "1_000", "is not a number"),
        ("UnitPriceOfProduct", "NaN", "is not a number"),
        ("UnitPriceOfProduct", "sNaN", "is not a number"),
        ("UnitPriceOfProduct", "-Infinity", "is not a number"),
        ("UnitPriceOfProduct", "1e999999", "is not a number"),
        ("UnitPriceOfProduct", "1e999", "more than 15 digits before"),
        ("UnitPriceOfProduct", "1234567890123456", "more than 15 digits before"),
        ("UnitPriceOfProduct", "0.123456789012345678901", "20 after the decimal point"),
        ("UnitPriceOfProduct", "9" * 5000, "is not a number"),
        ("SubTotal", "$90", "is not a number"),
        ("TaxPercentage", "-1", "not between 0 and 100"),
        ("TaxPercentage", "100.01", "not between 0 and 100"),
        ("Total", "99.01", "99.01 is not SubTotal 90.00 plus TaxAmount 9.00"),
        ("InvoiceGeneratedDate", "18/09/2026", "is not a date written as"),
        ("InvoiceGeneratedDate", "2026-02-30", "is not a day of the calendar"),
        ("InvoiceGeneratedDate", "2026-09-18T99", "is not a date written as"),
        ("InvoiceDueDate", "1926-10-06", "not between the years"),
        ("InvoiceDueDate", "2026-09-17", "is before InvoiceGeneratedDate"),
        ("BillingPeriodEndDate", "2026-08-15", "is before BillingPeriodStartDate"),
        ("ChargeStartDate", "soon", "is not a date"),
        ("CurrencyCode", "aud", "not a currency code"),
        ("CurrencyCode", "DOLLAR", "longer than 3"),
        ("CustomerCountry", "Atlantis", "“Atlantis” is no country that the portal knows"),
        ("InvoiceNumber", "x" * 256, "longer than 255 characters"),
        ("TenantID", "x" * 51, "longer than 50 characters"),
        ("TenantID", "ERP:1000", "how the portal writes keys of its own"),
        ("ProductSKUId", "x" * 101, "longer than 100 characters"),
        ("TaxName", "x" * 101, "longer than 100 characters"),
    ],
)
def test_a_bad_field_is_named_with_the_reason(field: str, text: str, reason: str) -> None:
    for content in (csv_bytes(a_row(**{field: text})), json_bytes(a_row(**{field: text}))):
        assert [name for name, _ in errors_of(content)] == [field]
        assert reason in errors_of(content)[0][1]


@pytest.mark.parametrize(
    ("field", "text"),
    [("ERPCustomerID", "x" * 101), ("ResellerName", "x" * 501), ("SubscriptionName", "x" * 4_001), ("ItemCode", "\0")],
)
def test_what_decides_nothing_stops_nothing(field: str, text: str) -> None:
    for content in (
        csv_bytes(a_row(InvoiceEntity="Customer", **{field: text})),
        json_bytes(a_row(InvoiceEntity="Customer", **{field: text})),
    ):
        assert line_of(content).cells[field] == text.strip("\0")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Tail\x00spin", "Tailspin"),
        ("a\u2028b", "a\nb"),
        ("Desk\r\n(weekend)", "Desk\n(weekend)"),
    ],
)
def test_line_breaks_stay_in_descriptions_and_no_other_control_character_does(text: str, kept: str) -> None:
    line = line_of(json_bytes(a_row(SubscriptionName=text, CustomerName=text)))

    assert line.cells["SubscriptionName"] == kept
    assert line.header.customer_name == kept.replace("\n", " ")


@pytest.mark.parametrize("value", [10**200])
def test_a_json_value_that_is_neither_text_nor_number_is_an_error_of_its_field(value: Any) -> None:
    assert errors_of(json_bytes(a_row(CustomerName=value))) == [
        ("CustomerName", "is neither text nor a number that fits")
    ]


def test_all_that_is_wrong_with_a_row_is_said() -> None:
    errors = errors_of(csv_bytes(a_row(Quantity="x", CurrencyCode="?", CustomerName="")))

    assert {field for field, _ in errors} == {"Quantity", "CurrencyCode", "CustomerName"}


def test_a_row_with_cells_missing_or_too_many_is_an_error_and_the_others_are_read() -> None:
    content = csv_bytes(a_row(), a_row()) + b"a,b\r\n" + csv_bytes(a_row()).splitlines()[1] + b",more\r\n"

    _, _, short, long = parsed(content)

    assert isinstance(short, BadRow)
    assert isinstance(long, BadRow)
    assert short.errors[0].reason == "has 2 cells where the header has 40"
    assert (long.errors[0].row, long.errors[0].reason) == (5, "has 41 cells where the header has 40")


def test_a_json_row_that_is_no_object_is_an_error() -> None:
    _, bad = parsed(json.dumps([a_row(), "text"]).encode())

    assert isinstance(bad, BadRow)
    assert bad.errors[0].reason == "is not an object with named fields"


# What is refused as a whole


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b" \n\n ", "The file is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file"),
        (b"%PDF-1.7\n%", "This is a PDF file"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"<!DOCTYPE html><html>", "This is a web page"),
        (b"\n<html>", "This is a web page"),
        (b"<?xml version='1.0'?>", "This is an XML file"),
        (b"Category\x00\x01", "This is not a text file"),
        (b"\xff\xfea\x00", "Columns are missing"),
        (b"\xff\xfe\xff", "not in UTF-16"),
        (b"just a letter\n", "Columns are missing"),
        (b"a,b\n1,2\n", "Columns are missing"),
        (b"{", "The JSON ends in the middle"),
        (b"[1", "The JSON ends in the middle"),
        (b"[}", "The JSON cannot be read"),
        (b'{"Data": []}', "no Status"),
        (b"[NaN]", "The JSON cannot be read"),
        (b'[{"a": 1}]', "Columns are missing"),
    ],
)
def test_a_file_of_another_kind_is_told_what_it_is(content: bytes, words: str) -> None:
    assert words in refusal_of(content)


def test_an_answer_that_is_no_success_is_refused_in_c3s_own_words() -> None:
    for order in (
        json_bytes(a_row(), Status="Failed", ErrorMessage="Token expired"),
        json.dumps({"Data": [a_row()], "ErrorMessage": "Token expired", "Status": "Failed"}).encode(),
    ):
        assert refusal_of(order) == "C3 answered Failed instead of Success: Token expired"


def test_missing_columns_are_named() -> None:
    row = {name: text for name, text in a_row().items() if name not in ("Total", "BillingId")}

    for content in (csv_bytes(row), json_bytes(row)):
        assert refusal_of(content).startswith("Columns are missing: BillingId, Total.")


def test_a_cut_off_file_is_refused() -> None:
    assert "The JSON ends in the middle" in refusal_of(json_bytes(*[a_row()] * 51)[:-300])
    assert "cannot be read after row 2" in refusal_of(csv_bytes(a_row()) + b'"open quote,' + b"x\n" * 10)
    assert "ends in the middle, from its first row on" in refusal_of(json_bytes(a_row())[:-300])


@pytest.mark.parametrize("start", [b"[", b"{", b'{"Status": "Success", "Data": [', b"InvoiceNumber,", b""])
@pytest.mark.parametrize("filler", [b'"' + b"x" * (2 * ROW_LIMIT), b"[" * (2 * ROW_LIMIT), b"," * (2 * ROW_LIMIT)])
def test_a_file_without_the_end_of_a_row_never_fills_the_memory(start: bytes, filler: bytes) -> None:
    assert refusal_of(start + filler)


# Anything at all

texts = st.text(max_size=40) | st.sampled_from(["=1", "'=1", "-1", "NaN", "1e400", "2026-09-18", "\ud800", "\x00"])
rows = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, texts)).map(lambda changes: a_row(**changes))


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows)
def test_whatever_text_is_in_a_field_it_ends_in_a_line_or_in_reasons(row: dict[str, str]) -> None:
    for content in (json_bytes(row), csv_bytes(row, errors="replace")):
        (result,) = parsed(content)
        if isinstance(result, BadRow):
            assert all(error.field in FIELDS and error.reason for error in result.errors)
            assert all(error.reason.isprintable() for error in result.errors)
        else:
            assert "".join(result.cells.values()).encode()


@hypothesis_settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"{", b"[", b"\xff\xfe", csv_bytes(a_row()), json_bytes(a_row())[:-2]]),
)
def test_whatever_bytes_are_in_a_file_it_ends_in_rows_or_in_words(content: bytes, start: bytes) -> None:
    with contextlib.suppress(FileRefused):
        assert all(isinstance(row, Line | BadRow) for row in parsed(start + content))


plain_texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@hypothesis_settings(deadline=None)
@given(name=plain_texts, subscription=plain_texts, cents=st.integers(-(10**12), 10**12))
def test_a_good_row_comes_back_as_it_was_written(name: str, subscription: str, cents: int) -> None:
    amount = str(Decimal(cents) / 100)
    untaxed = {"SubTotal": amount, "TaxPercentage": "0", "TaxAmount": "0", "Total": amount}
    row = a_row(CustomerName=name, SubscriptionName=subscription, **untaxed)

    line = line_of(json_bytes(row))

    assert line.header.customer_name == clean_text(name).text
    assert line.cells["SubscriptionName"] == clean_text(subscription).text
    assert line.total == Decimal(amount)
