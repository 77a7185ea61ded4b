"""Any invoices, in any clothes that the portal takes and any writing of numbers and dates, come in as they are."""

from __future__ import annotations

import datetime as dt
import os
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.importing import first_reading
from invoices.importing.opening import Wanted, with_rates
from invoices.matching.confirming import Choice, problems, profile_from, proposed_choice
from invoices.matching.proposal import UNSURE, Proposal, propose
from invoices.matching.tests.tables import PERIOD
from invoices.matching.tests.test_any_clothes import NAMES, NUMBERS, written
from invoices.reading.rows import ReadOptions
from invoices.reading.table import open_table
from invoices.tests.clothing import CSV, EXCEL, KINDS, Clothing, write
from xero_integration.payloads import to_cents

EXAMPLES = int(os.environ.get("ANY_INVOICES_EXAMPLES", "60"))
CUSTOMERS = ("Müller & Söhne", "Trey; Winery", 'Adatum "North", Ltd', "Société Générique", "東京 Toys")
TEXTS = ("Microsoft 365 E5", "Azure plan, usage", "Copilot; 12 months", "Überwachung\nzweite Zeile")
ORDERS = {
    "iso": "%Y-%m-%d",
    "iso time": "%Y-%m-%dT%H:%M:%S",
    "iso offset": "%Y-%m-%dT%H:%M:%S%z",
    "dmy": "%d/%m/%Y",
    "dmy time": "%d/%m/%Y %H:%M",
    "mdy": "%m/%d/%Y",
    "mdy time": "%m/%d/%Y %I:%M %p",
    "dots": "%d.%m.%Y",
    "named": "%-d %b %Y",
}
MARKS = (
    (".", ","),
    (".", "'"),
    (".", " "),
    (".", ""),
    (",", "."),
    (",", "\N{NO-BREAK SPACE}"),
    (",", "\u202f"),
    (",", ""),
)
# Without a time zone, as Hypothesis takes them; `cell` says that they are UTC.
FIRST, LAST = (dt.datetime.fromisoformat(day) for day in ("2026-01-01", "2026-11-30"))
Row = dict[str, Any]
Read = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Dress:
    """How the invoices are written: names and order of columns, numbers and dates, and the file's clothes."""

    language: int
    names: tuple[str, ...]
    marks: tuple[str, str]
    minus: str
    order: str
    clothing: Clothing

    def column(self, name: str) -> str:
        return NAMES[name][self.language]


@st.composite
def lines(draw: Any, places: int, *, tells_no_mark: bool) -> Row:
    def amount(least: str, most: str, digits: int) -> Decimal:
        return draw(st.decimals(Decimal(least), Decimal(most), places=digits, allow_nan=False, allow_infinity=False))

    quantity = amount("-20", "2000", draw(st.sampled_from([0, 0, 1, 3]))) or Decimal(1)
    price = amount("0", "3000", draw(st.sampled_from([0, 2, 3, 8])))
    if tells_no_mark:
        # 12,125 is written alike with a decimal comma and with thousands.
        quantity, price, places = Decimal(1), amount("1", "999", 3), 3
    net = round(quantity * price, places)
    rate = Decimal(draw(st.sampled_from(["0", "10", "19", "5.5"])))
    tax = round(net * rate / 100, max(places, 2))
    return {
        "SubscriptionName": draw(st.sampled_from(TEXTS)),
        "Category": "License",
        "Quantity": quantity,
        "UnitPriceOfProduct": price,
        "SubTotal": net,
        "TaxPercentage": rate,
        "TaxAmount": tax,
        "Total": net + tax,
    }


@st.composite
def invoices(draw: Any) -> list[Row]:
    """Return the lines of some invoices, each with the facts of its invoice."""
    rows, places, tells_no_mark = [], draw(st.sampled_from([0, 2, 2, 3, 8])), draw(st.integers(0, 5)) == 0
    tells_no_order = draw(st.booleans())
    for number in range(draw(st.integers(1, 5))):
        issued = draw(st.datetimes(FIRST, LAST))
        # 05/06/2026 is two days.
        issued = issued.replace(day=issued.day % 12 + 1) if tells_no_order else issued
        facts = {
            "InvoiceNumber": f"INV-{number + 7}",
            "CustomerName": draw(st.sampled_from(CUSTOMERS)),
            "CurrencyCode": draw(st.sampled_from(["EUR", "AUD"])),
            "InvoiceGeneratedDate": issued,
            "InvoiceDueDate": issued if tells_no_order else issued + dt.timedelta(days=draw(st.integers(0, 30))),
        }
        rows += [
            facts | line for line in draw(st.lists(lines(places, tells_no_mark=tells_no_mark), min_size=1, max_size=4))
        ]
    if draw(st.booleans()):
        random.Random(len(rows)).shuffle(rows)
    return rows


@st.composite
def dresses(draw: Any) -> Dress:
    names = list(NAMES)
    draw(st.randoms(use_true_random=False)).shuffle(names)
    if draw(st.booleans()):
        names.remove("Total")
    marks = draw(st.sampled_from(MARKS))
    language = draw(st.integers(0, 4))
    kind = draw(st.sampled_from([CSV, CSV, CSV, *KINDS]))
    clothing = Clothing(kind)
    if kind == CSV:
        clothing = Clothing(
            encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
            delimiter=draw(st.sampled_from(",;\t")),
            sep_line=draw(st.booleans()),
            quote_all=draw(st.booleans()),
            line_end=draw(st.sampled_from(["\r\n", "\n"])),
        )
    elif marks == (".", ""):
        clothing = replace(clothing, numbers=frozenset(NAMES[name][language] for name in NUMBERS))
    if kind in (CSV, EXCEL):
        clothing = replace(
            clothing,
            titles=draw(st.sampled_from([(), (["Invoices of May"],), (["Contoso"], ["Printed", "1 Jun 2026"])])),
            blank_rows=draw(st.booleans()),
            totals=draw(st.booleans()),
        )
    minus = "before" if clothing.numbers else draw(st.sampled_from(["before", "behind", "around"]))
    return Dress(language, tuple(names), marks, minus, draw(st.sampled_from(sorted(ORDERS))), clothing)


def cell(value: Any, name: str, dress: Dress) -> str:
    if isinstance(value, Decimal):
        return written(format(value, "f"), *dress.marks, dress.minus)
    if isinstance(value, dt.datetime):
        moment = value.replace(tzinfo=dt.UTC)
        if dress.order == "iso offset":
            moment = moment.astimezone(dt.timezone(dt.timedelta(hours=10)))
        return moment.strftime(ORDERS[dress.order])
    return str(value)


def file_of(rows: list[Row], dress: Dress) -> bytes:
    header = [dress.column(name) for name in dress.names]
    cells = [[cell(row[name], name, dress) for name in dress.names] for row in rows]
    return write(header, cells, dress.clothing)


def expected(rows: list[Row]) -> Read:
    """Return the invoices as the lines say them: who, when, how many lines, and the money to the cent."""
    found: Read = {}
    for row in rows:
        before = found.get(row["InvoiceNumber"], (None,) * 4 + (0, Decimal(0), Decimal(0)))
        net, tax = before[5] + to_cents(row["SubTotal"]), before[6] + to_cents(row["TaxAmount"])
        facts = (
            row["CustomerName"],
            row["CurrencyCode"],
            row["InvoiceGeneratedDate"].date(),
            row["InvoiceDueDate"].date(),
        )
        found[row["InvoiceNumber"]] = (*facts, before[4] + 1, net, tax)
    return found


def answered(proposal: Proposal, dress: Dress) -> Choice:
    """Return the proposal with what a person answers: the columns that the page calls unsure, and what it asks."""
    columns = dict(proposed_choice(proposal).columns)
    right = {name: dress.column(name) for name in dress.names}
    for name, column in right.items():
        if not columns.get(name) or proposal.fields[name].sureness == UNSURE:
            columns[name] = column
    choice = _with_formats(columns, proposal, dress)
    # Whom the page does not let go on looks at all of it.
    return _with_formats(right, proposal, dress) if problems(proposal, choice) else choice


def _with_formats(columns: Mapping[str, str], proposal: Proposal, dress: Dress) -> Choice:
    unmarked = [column.name for column in proposal.columns if column.mark is None]
    undated = [column.name for column in proposal.columns if column.order is None]
    unclear = [column.name for column in proposal.columns if column.is_fraction is None]
    return Choice(
        columns,
        marks=dict.fromkeys(unmarked, dress.marks[0]),
        orders=dict.fromkeys(undated, dress.order[:3]),
        fractions=dict.fromkeys(unclear, False),
        constants=PERIOD,
    )


def come_in(content: bytes, dress: Dress) -> tuple[Read, set[str]]:
    """Return the invoices that come in, and the numbers of those held back."""
    with tempfile.NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(content)
        options = ReadOptions()
        with path.open("rb") as stream:
            # A person sees how it reads, and says which encoding it is.
            if open_table(stream).encoding_is_guessed:
                options = ReadOptions(encoding=dress.clothing.encoding)
        proposal = propose(lambda: open_table(path, options))
        choice = answered(proposal, dress)
        assert problems(proposal, choice) == []
        profile = profile_from("Test", proposal, choice)
        wanted = with_rates(path, Wanted(profile, choice.constants, options, is_c3=False))
        gathering = first_reading.read(path, wanted, lambda lines, read: None).gathering
    read: Read = {
        number: (
            *(facts.header.customer_name, facts.header.currency, facts.header.issued_on, facts.header.due_on),
            *(facts.lines, facts.subtotal, facts.tax),
        )
        for number in gathering.invoices
        if (facts := gathering.invoices.get(number))
    }
    return read, set(gathering.findings.numbers())


@settings(max_examples=EXAMPLES, deadline=None)
@given(invoices(), dresses())
def test_any_invoices_in_any_clothes_come_in_to_the_cent(rows: list[Row], dress: Dress) -> None:
    if dress.clothing.encoding == "cp1252":
        rows = [row | {"CustomerName": row["CustomerName"].replace("東京", "Tokio")} for row in rows]
        dress = dress if dress.marks[1] != "\u202f" else replace(dress, marks=(",", "."))
    read, held_back = come_in(file_of(rows, dress), dress)
    assert held_back == set()
    assert read == expected(rows)
