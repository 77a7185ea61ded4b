"""Any lines, written with any decimal mark, order of dates and names of columns, come back as the same lines."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.matching.confirming import Choice, problems, proposed_choice
from invoices.matching.tests.tables import PERIOD, as_csv, proposal_of, source_of

NUMBERS = ("Quantity", "UnitPriceOfProduct", "SubTotal", "TaxPercentage", "TaxAmount", "Total")
NAMES = {
    "InvoiceNumber": ("Invoice No", "Rechnungsnummer", "Numéro de facture", "Número de factura", "Factuurnummer"),
    "CustomerName": ("Customer", "Kunde", "Nom du client", "Razón social", "Klant"),
    "CurrencyCode": ("Currency", "Währung", "Devise", "Moneda", "Valuta"),
    "InvoiceGeneratedDate": ("Invoice Date", "Rechnungsdatum", "Date de facture", "Fecha de factura", "Factuurdatum"),
    "InvoiceDueDate": ("Due Date", "Fälligkeit", "Échéance", "Vencimiento", "Vervaldatum"),
    "SubscriptionName": ("Description", "Bezeichnung", "Désignation", "Descripción", "Omschrijving"),
    "Category": ("Category", "Kategorie", "Catégorie", "Categoría", "Categorie"),
    "Quantity": ("Qty", "Menge", "Quantité", "Cantidad", "Aantal"),
    "UnitPriceOfProduct": ("Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario", "Stukprijs"),
    "SubTotal": ("Net", "Netto", "Montant HT", "Base imponible", "Bedrag excl. btw"),
    "TaxPercentage": ("Tax rate", "MwSt %", "Taux TVA", "Tipo IVA", "Btw %"),
    "TaxAmount": ("Tax", "MwSt", "TVA", "Cuota IVA", "Btw"),
    "Total": ("Gross", "Brutto", "Montant TTC", "Importe total", "Totaal"),
}
DATES = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y", "iso": "%Y-%m-%d", "dots": "%d.%m.%Y", "named": "%-d %b %Y"}


@st.composite
def lines(draw: Any) -> dict[str, str]:
    quantity = draw(st.integers(-20, 500).filter(bool))
    price = draw(st.decimals(min_value=0, max_value=2_000, places=draw(st.sampled_from([2, 4])), allow_nan=False))
    net = (quantity * price).quantize(Decimal("0.01"))
    rate = Decimal(draw(st.sampled_from([0, 10, 19])))
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    issued = draw(st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 1)))
    return {
        "InvoiceNumber": f"INV-{draw(st.integers(1, 5))}",
        "CustomerName": draw(st.sampled_from(["Müller & Söhne", "Trey; Winery", "東京 Toys"])),
        "CurrencyCode": "EUR",
        "InvoiceGeneratedDate": issued.isoformat(),
        "InvoiceDueDate": (issued + dt.timedelta(days=draw(st.integers(0, 30)))).isoformat(),
        "SubscriptionName": "Microsoft 365 E5",
        "Category": "License",
        "Quantity": str(quantity),
        "UnitPriceOfProduct": str(price),
        "SubTotal": str(net),
        "TaxPercentage": str(rate),
        "TaxAmount": str(tax),
        "Total": str(net + tax),
    }


def written(text: str, mark: str, thousands: str, minus: str) -> str:
    plain = f"{abs(Decimal(text)):,f}".replace(",", "T").replace(".", mark).replace("T", thousands)
    if not text.startswith("-"):
        return plain
    return {"before": f"-{plain}", "behind": f"{plain}-", "around": f"({plain})"}[minus]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(lines(), min_size=1, max_size=12),
    st.integers(0, 4),
    st.sampled_from([(".", ","), (".", "'"), (".", ""), (",", "."), (",", " "), (",", "\u202f"), (",", "")]),
    st.sampled_from(["before", "behind", "around"]),
    st.sampled_from(sorted(DATES)),
    st.sampled_from([",", ";", "\t"]),
    st.integers(0, 99),
)
def test_any_lines_in_any_clothes_come_back_as_they_were(
    rows: list[dict[str, str]],
    language: int,
    marks: tuple[str, str],
    minus: str,
    order: str,
    delimiter: str,
    shuffle: int,
) -> None:
    names = list(NAMES)
    random.Random(shuffle).shuffle(names)
    dressed = [
        {
            NAMES[name][language]: written(row[name], *marks, minus)
            if name in NUMBERS
            else dt.date.fromisoformat(row[name]).strftime(DATES[order])
            if name.endswith("Date")
            else row[name]
            for name in names
        }
        for row in rows
    ]
    content = as_csv(dressed, delimiter)
    proposal = proposal_of(content)
    # What the values alone do not tell, a person says; so do they where so few lines leave the arithmetic a choice.
    columns = {name: NAMES[name][language] for name in NAMES}
    choice = Choice(
        columns,
        marks={each.name: marks[0] for each in proposal.columns},
        orders={each.name: order for each in proposal.columns if order in ("dmy", "mdy")},
        fractions={each.name: False for each in proposal.columns},
        constants=PERIOD,
    )

    assert problems(proposal, choice) == []
    assert set(proposed_choice(proposal).columns) >= set(NAMES)
    for raw, row in zip(source_of(content, proposal, choice).rows, rows, strict=True):
        assert raw.errors == ()
        assert {name: Decimal(raw.cells[name]) for name in NUMBERS} == {name: Decimal(row[name]) for name in NUMBERS}
        assert {name: raw.cells[name] for name in NAMES if name not in NUMBERS} == {
            name: row[name] for name in NAMES if name not in NUMBERS
        }
