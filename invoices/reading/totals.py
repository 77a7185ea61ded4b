"""Rows of totals, which people and reporting tools put between and under the lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Of a table's columns every third is empty in a row of totals.
LEAST_EMPTY = 3

# As people write them, by language; case, punctuation and spaces at the ends apart.
_LABELS = """
    total|totals|subtotal|sub-total|sub total|grand total|sum|balance due
    summe|gesamt|gesamtsumme|gesamtbetrag|gesamtergebnis|endsumme|endbetrag|zwischensumme|teilsumme|teilergebnis
    totaal|subtotaal|eindtotaal|total général|total general|sous-total|sous total|somme
    totale|totali|subtotale|totale generale|totale complessivo|somma|suma|total geral|soma
    razem|suma końcowa|suma częściowa|celkem|součet|mezisoučet|spolu|medzisúčet|összesen|részösszeg|végösszeg
    summa|totalt|delsumma|delsum|i alt|subtotalt|yhteensä|välisumma|kokku|kopā|viso|iš viso|total parțial
    toplam|ara toplam|genel toplam|итого|всего|промежуточный итог|разом|усього|σύνολο|μερικό σύνολο|ukupno|skupaj
    合計|小計|総計|合计|小计|总计|總計|합계|소계|총계|jumlah|tổng|tổng cộng|รวม|รวมทั้งสิ้น|المجموع|الإجمالي|סך הכל|סה"כ
"""
_LABEL = "|".join(sorted(map(re.escape, _LABELS.strip().replace("\n    ", "|").split("|")), key=len, reverse=True))
# "Total", "Total (AUD)", "Total Fabrikam Ltd", "Fabrikam Ltd Total".
_IS_LABEL = re.compile(rf"\W*(?:(?:{_LABEL})(?:\W.*)?|.*\W(?:{_LABEL}))\W*", re.IGNORECASE | re.DOTALL)
_IS_BARE_LABEL = re.compile(rf"\W*(?:{_LABEL})\W*(?:\W(?-i:[A-Z]{{3}})\W*)?", re.IGNORECASE)
_AMOUNT = re.compile(r"[A-Z]{3}|(?:[A-Z]{3} ?)?[-+(]?[$€£¥]? ?[-+]?\d[\d.,'’\s]*[)%-]? ?(?:[$€£¥]|[A-Z]{3})?")


def is_label(text: str) -> bool:
    """Whether `text` says that its row holds a total: "Total", "Zwischensumme Müller GmbH", "Fabrikam Total"."""
    return len(text) <= 200 and bool(_IS_LABEL.fullmatch(text))


def is_totals_row(cells: Sequence[str], width: int) -> bool:
    """Whether `cells` are surely no invoice line of a table of `width` columns.

    The first cell that is filled is a label, all others are amounts or currencies, and half of the columns are empty
    (a third when the label says nothing else): no number of an invoice, no date and no customer has room there.
    """
    empty = cells.count("") + width - len(cells)
    if empty * LEAST_EMPTY < width:
        return False
    label, *others = [cell for cell in cells if cell] or [""]
    if not others or not all(map(_AMOUNT.fullmatch, others)):
        return False
    return bool(_IS_BARE_LABEL.fullmatch(label)) or (empty * 2 >= width and is_label(label))
