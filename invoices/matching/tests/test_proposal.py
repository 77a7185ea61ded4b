"""What is proposed for files of other systems, and that they come to the cents of what was invoiced."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from invoices.matching.confirming import Choice, problems, proposed_choice
from invoices.matching.proposal import ASKED, Proposal
from invoices.matching.tests.tables import (
    FILES,
    PERIOD,
    TOTALS,
    as_csv,
    documented_lines,
    dressed,
    proposal_of,
    totals_of,
)

Made = Callable[[dict[str, str]], str]


def comma(name: str, digits: str = "") -> Made:
    return lambda line: (f"{Decimal(line[name]):,f}" if digits else f"{Decimal(line[name]):f}").translate(
        str.maketrans(",.", ".,")
    )


def day(name: str, pattern: str) -> Made:
    return lambda line: dt.date.fromisoformat(line[name][:10]).strftime(pattern)


GERMAN = {
    "Währung": "CurrencyCode",
    "Brutto": comma("AmountAfterTax", "grouped"),
    "Rechnungs-Nr.": "InvoiceNumber",
    "Kunde": "CustomerName",
    "Kundennummer": "ERPCustomerID",
    "Rechnungsdatum": day("InvoiceGeneratedDate", "%d.%m.%Y"),
    "Fällig am": day("InvoiceDueDate", "%d.%m.%Y"),
    "Bezeichnung": "SubscriptionName",
    "Artikelnummer": "ProductSKUId",
    "Art": "Category",
    "Menge": comma("BillableQuantity"),
    "Einzelpreis": comma("UnitPriceOfProduct"),
    "MwSt.-Satz (%)": "TaxRateApplied",
    "MwSt.": comma("TaxCharged", "grouped"),
    "Netto": comma("AmountBeforeTax", "grouped"),
    "von": day("ChargeStartDate", "%d.%m.%Y"),
    "bis": day("ChargeEndDate", "%d.%m.%Y"),
}
AMERICAN = {
    "Invoice #": "InvoiceNumber",
    "Client": "CustomerName",
    "Invoice Date": day("InvoiceGeneratedDate", "%m/%d/%Y"),
    "Due": day("InvoiceDueDate", "%m/%d/%Y"),
    "Item": "SubscriptionName",
    "Item Type": "Category",
    "Qty": "BillableQuantity",
    "Rate": lambda line: f"${Decimal(line['UnitPriceOfProduct']):,f}",
    "Sales Tax %": lambda line: f"{line['TaxRateApplied']}%",
    "Amount": lambda line: (
        f"({line['AmountBeforeTax'][1:]})" if line["AmountBeforeTax"][0] == "-" else line["AmountBeforeTax"]
    ),
    "Ccy": "CurrencyCode",
}
FRENCH = {
    "N° facture": "InvoiceNumber",
    "Nom du client": "CustomerName",
    "Date facture": day("InvoiceGeneratedDate", "%d/%m/%Y"),
    "Échéance": day("InvoiceDueDate", "%d/%m/%Y"),
    "Devise": "CurrencyCode",
    "Désignation": "SubscriptionName",
    "Type": "Category",
    "Quantité": comma("BillableQuantity"),
    "Prix unitaire HT": comma("UnitPriceOfProduct"),
    "Taux TVA": lambda line: {"10": "0,1", "0": "0"}[line["TaxRateApplied"]],
    "TVA": comma("TaxCharged"),
    "Montant TTC": comma("AmountAfterTax"),
}
POLISH = {
    "Numer faktury": "InvoiceNumber",
    "Nabywca": "CustomerName",
    "Data wystawienia": day("InvoiceGeneratedDate", "%Y-%m-%d"),
    "Termin płatności": day("InvoiceDueDate", "%Y%m%d"),
    "Waluta": "CurrencyCode",
    "Nazwa towaru": "SubscriptionName",
    "Rodzaj": "Category",
    "Ilość": comma("BillableQuantity"),
    "Cena jednostkowa": comma("UnitPriceOfProduct"),
    "Stawka VAT": "TaxRateApplied",
    "Kwota VAT": comma("TaxCharged"),
    "Wartość netto": comma("AmountBeforeTax"),
    "Wartość brutto": comma("AmountAfterTax"),
}


def proposed(proposal: Proposal) -> dict[str, str]:
    return {name: each.column for name, each in proposal.fields.items() if each.column}


def test_c3s_documented_lines_come_to_the_cents() -> None:
    assert totals_of((FILES / "1-documented-c3.json").read_bytes()) == dict(sorted(TOTALS.items()))


# What their values do not tell: 06/05/2026 in every row, and rates beside no net amount.
ANSWERS = {
    "us": {"orders": {"Due": "mdy"}},
    "fr": {"orders": {"Échéance": "dmy"}, "fractions": {"Taux TVA": True}},
}


def test_a_workbook_of_a_finance_department_comes_to_the_cents() -> None:
    content = (FILES / "2-friendly.xlsx").read_bytes()
    proposal = proposal_of(content)

    assert proposal.kind == "Excel"
    assert proposed(proposal)["TaxPercentage"] == "GST %"
    assert "net × rate = tax in 82 of 82 rows" in proposal.fields["TaxPercentage"].evidence
    assert totals_of(content) == dict(sorted(TOTALS.items()))


@pytest.mark.parametrize(
    ("language", "clothes", "delimiter"),
    [("de", GERMAN, ";"), ("us", AMERICAN, ","), ("fr", FRENCH, "\t"), ("pl", POLISH, ";")],
)
def test_the_same_lines_of_other_systems_come_to_the_same_cents(
    language: str, clothes: dict[str, str | Made], delimiter: str
) -> None:
    content = as_csv(dressed(clothes), delimiter)

    assert totals_of(content, **ANSWERS.get(language, {})) == dict(sorted(TOTALS.items()))


def test_the_evidence_is_said_in_words() -> None:
    proposal = proposal_of((FILES / "1-documented-c3.json").read_bytes())

    net = proposal.fields["SubTotal"]
    assert (net.column, net.sureness) == ("AmountBeforeTax", "certain")
    assert net.evidence == [
        "quantity × unit price = net in 82 of 82 rows",
        "net + tax = gross in 82 of 82 rows",
        "net × rate ÷ 100 = tax in 82 of 82 rows",
    ]
    seen = proposal.column("CustomerName")
    assert seen
    assert len(seen.samples) == 3


def test_arithmetic_goes_before_names_that_mislead() -> None:
    misleading = {
        "Invoice": "InvoiceNumber",
        "Amount": "AmountAfterTax",
        "Total": "AmountBeforeTax",
        "Price": "BillableQuantity",
        "Units": "UnitPriceOfProduct",
        "Net": "TaxCharged",
        "VAT": "TaxRateApplied",
    }

    found = proposed(proposal_of(as_csv(dressed(misleading))))

    assert found["Total"] == "Amount"
    assert found["SubTotal"] == "Total"
    assert found["TaxAmount"] == "Net"
    assert found["TaxPercentage"] == "VAT"


def test_names_that_say_nothing_leave_the_amounts_to_arithmetic() -> None:
    blank = {
        "F1": "TaxCharged",
        "F2": "UnitPriceOfProduct",
        "F3": "AmountAfterTax",
        "F4": "BillableQuantity",
        "F5": "AmountBeforeTax",
        "F6": "TaxRateApplied",
        "F7": "CurrencyCode",
    }

    assert proposed(proposal_of(as_csv(dressed(blank)))) == {
        "Quantity": "F4",
        "UnitPriceOfProduct": "F2",
        "SubTotal": "F5",
        "TaxPercentage": "F6",
        "TaxAmount": "F1",
        "Total": "F3",
        "CurrencyCode": "F7",
    }


def test_a_few_lines_with_a_discount_do_not_hide_what_multiplies() -> None:
    rows = documented_lines()
    for line in rows[::10]:
        line["UnitPriceOfProduct"] = str(Decimal(line["UnitPriceOfProduct"]) * 2 + 1)
    clothes = {"A": "BillableQuantity", "B": "UnitPriceOfProduct", "C": "AmountBeforeTax"}

    proposal = proposal_of(as_csv(dressed(clothes, rows)))

    assert proposed(proposal) == {"Quantity": "A", "UnitPriceOfProduct": "B", "SubTotal": "C"}
    assert proposal.fields["SubTotal"].evidence[0] == "quantity × unit price = net in 73 of 82 rows"
    assert proposal.fields["SubTotal"].sureness == "likely"


def test_thousands_of_lines_of_nothing_do_not_hide_what_adds_up_in_the_others() -> None:
    clothes = {"A": "BillableQuantity", "B": "UnitPriceOfProduct", "C": "AmountBeforeTax", "D": "TaxCharged"}
    free = dict.fromkeys([*clothes, "E"], "0.00")
    lines = dressed({**clothes, "E": "AmountAfterTax"})

    proposal = proposal_of(as_csv([free] * 1_500 + lines))

    assert proposed(proposal).keys() == {"Quantity", "UnitPriceOfProduct", "SubTotal", "TaxAmount", "Total"}
    assert proposal.fields["Total"].evidence[0] == "net + tax = gross in 1,582 of 1,582 rows"


def test_many_columns_of_zeros_cost_next_to_nothing() -> None:
    chance = random.Random(3)
    rows = [
        {
            f"Figure {column}": "0.00" if chance.random() < 0.95 else f"{chance.uniform(1, 500):.2f}"
            for column in range(14)
        }
        for _ in range(10_000)
    ]
    content = as_csv(rows)

    began = time.process_time()
    proposal = proposal_of(content)

    assert time.process_time() - began < 3
    assert proposed(proposal) == {}


# What the values decide together, and what is asked


def test_one_date_that_tells_decides_for_all_of_its_column() -> None:
    rows = [{"Invoice Date": f"{month:02}/05/2026"} for month in range(1, 13)] + [{"Invoice Date": "01/13/2026"}]

    seen = proposal_of(as_csv(rows)).column("Invoice Date")

    assert seen
    assert seen.order == "mdy"


@pytest.mark.parametrize(
    ("values", "suggested"),
    [
        (["05/06/2026", "07/08/2026"], "dmy"),
        (["05/18/2026", "18/05/2026"], "dmy"),
    ],
    ids=["all could be either", "they contradict one another"],
)
def test_dates_that_do_not_tell_are_asked(values: list[str], suggested: str) -> None:
    rows = [{"Invoice Date": value, "Due": "31/12/2026"} for value in values]

    proposal = proposal_of(as_csv(rows))
    choice = Choice({"InvoiceGeneratedDate": "Invoice Date", "InvoiceDueDate": "Due"})

    assert proposal.undecided == ["Invoice Date"]
    seen = proposal.column("Invoice Date")
    assert seen
    # What the file's other dates have is offered, and never taken by itself.
    assert (seen.order, seen.suggested_order) == (None, suggested)
    assert any("the day or the month first" in each for each in problems(proposal, choice))


def test_numbers_that_do_not_tell_are_asked() -> None:
    rows = [{"Qty": "1.000"}, {"Qty": "2.500"}, {"Qty": "12"}]

    proposal = proposal_of(as_csv(rows))

    assert proposal.undecided == ["Qty"]
    assert any("decimal point or a decimal comma" in each for each in problems(proposal, Choice({"Quantity": "Qty"})))


def test_arithmetic_decides_a_decimal_mark_that_a_column_alone_does_not_tell() -> None:
    rows = [
        {"Qty": f"{quantity},000", "Price": "2.50", "Net": f"{quantity * 2.5:.2f}"}
        for quantity in random.Random(1).sample(range(2, 99), 30)
    ]

    proposal = proposal_of(as_csv(rows, ";"))

    seen = proposal.column("Qty")
    assert seen
    assert seen.mark == ","
    assert proposal.undecided == []


GROUPED = [
    {"Precio": "9.050", "Cantidad": "3", "Neto": "27.150", "IVA %": "19", "IVA": "5.158", "Total": "32.308"},
    {"Precio": "13.030", "Cantidad": "7", "Neto": "91.210", "IVA %": "19", "IVA": "17.330", "Total": "108.540"},
]


@pytest.mark.parametrize("mark", [".", ","])
def test_arithmetic_does_not_decide_between_thousands_and_decimals(mark: str) -> None:
    rows = [{name: text.replace(".", mark) for name, text in row.items()} for row in GROUPED] * 10
    asked = {"Precio", "Neto", "IVA", "Total"}
    assert {*proposal_of(as_csv(rows, ";")).undecided} == asked
    in_json = json.dumps([{**row, "Factura": str(number)} for number, row in enumerate(rows)]).encode()
    assert {*proposal_of(in_json).undecided} == asked


def test_a_rate_that_could_be_a_part_or_percents_is_asked() -> None:
    proposal = proposal_of(as_csv([{"Tax rate": "0.5"}, {"Tax rate": "1"}]))

    assert proposal.undecided == ["Tax rate"]
    assert any("10 % or 0.1 %" in each for each in problems(proposal, Choice({"TaxPercentage": "Tax rate"})))


def test_days_as_a_spreadsheet_counts_them_are_dates_only_where_the_column_is_named_a_date() -> None:
    proposal = proposal_of(as_csv([{"Bill Date": "46160", "Qty": "46160"}, {"Bill Date": "46161", "Qty": "46199"}]))

    assert proposed(proposal) == {"InvoiceGeneratedDate": "Bill Date", "Quantity": "Qty"}
    seen = proposal.column("Bill Date")
    assert seen
    assert seen.order == "serial"


def test_rows_of_totals_between_the_lines_are_left_out_wherever_their_label_stands() -> None:
    rows = dressed(GERMAN)
    total = dict.fromkeys(rows[0], "") | {"Brutto": "1.000,00", "Rechnungs-Nr.": "Zwischensumme", "Netto": "900,00"}
    content = as_csv([*rows[:40], total, *rows[40:], total | {"Rechnungs-Nr.": "Summe"}], ";")

    assert totals_of(content) == dict(sorted(TOTALS.items()))


@pytest.mark.parametrize(
    ("column", "asked"), [("Total incl. VAT", True), ("Bruttobetrag", True), ("Amount", False), ("Net total", False)]
)
def test_what_multiplies_and_is_named_with_tax_is_asked(column: str, asked: bool) -> None:
    clothes = {"Qty": "BillableQuantity", "Price": "UnitPriceOfProduct", "VAT %": "TaxRateApplied"}

    proposal = proposal_of(as_csv(dressed({**clothes, column: "AmountBeforeTax"})))

    assert proposal.fields["SubTotal"].column == column
    assert (proposal.fields["SubTotal"].sureness == ASKED) is asked


# What is missing


def test_what_is_missing_and_cannot_be_computed_is_said() -> None:
    proposal = proposal_of(
        as_csv(dressed({"Invoice No": "InvoiceNumber", "Net": "AmountBeforeTax", "GST": "TaxCharged"}))
    )

    said = problems(proposal, proposed_choice(proposal))

    assert "Currency is missing: choose its column." in said
    assert "Billing period (BillingId) is missing: choose its column." in said
    assert not any(each.startswith(("Gross", "Net", "Tax rate", "Quantity", "Unit price")) for each in said)


def test_a_column_serves_one_meaning_and_holds_what_it_says() -> None:
    proposal = proposal_of(as_csv(dressed(POLISH), ";"))
    columns = proposed_choice(proposal).columns

    said = problems(proposal, Choice({**columns, "Total": "Kwota VAT", "Quantity": "Nabywca"}, constants=PERIOD))

    assert "The column “Kwota VAT” is chosen for Tax and for Gross amount." in said
    assert "Quantity: the column “Nabywca” does not hold numbers." in said


def test_it_survives_being_stored() -> None:
    proposal = proposal_of(as_csv(dressed(GERMAN), ";"))

    assert Proposal.from_json(proposal.as_json()) == proposal
