"""One column's values made into what a field takes, each distinct text once."""

from __future__ import annotations

from decimal import Decimal

from invoices.matching import written_dates, written_numbers
from invoices.matching.written_dates import Order
from invoices.matching.written_numbers import Mark

# Distinct texts remembered for each column: amounts repeat, but a file of a million must not fill the memory.
REMEMBERED = 8_192


class Column(dict[str, str]):
    """What each text of a column becomes: `column[text]`, which raises ValueError with the reason when it cannot be
    read.

    `is_confirmed` once a text could be read in the column's format alone; `contradicting` counts those that could only
    be read in the other one.
    """

    # Whether every text becomes itself.
    takes_as_is = False

    def __init__(self) -> None:
        super().__init__()
        self.is_confirmed = False
        self.contradicting = 0

    def __missing__(self, text: str) -> str:
        value = self.read(text)
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = value
        return value

    def read(self, text: str) -> str:
        raise NotImplementedError


class NumberColumn(Column):
    """Numbers with the decimal mark of the column, as plain digits."""

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark

    def read(self, text: str) -> str:
        try:
            value = written_numbers.plain_number(text, self.mark)
        except (written_numbers.OtherMark, written_numbers.Ambiguous):
            self.contradicting += 1
            raise
        if not self.is_confirmed:
            self.is_confirmed = written_numbers.decides(text) == self.mark
        return value


class PlainColumn(NumberColumn):
    """Numbers as they stand: what is none is for the parser to refuse."""

    takes_as_is = True

    def __init__(self) -> None:
        super().__init__(Mark.PLAIN)

    def read(self, text: str) -> str:
        decided = written_numbers.decides(text)
        if decided is Mark.COMMA:
            self.contradicting += 1
        elif decided is Mark.POINT:
            self.is_confirmed = True
        return text


class FractionColumn(NumberColumn):
    """Rates as a part of one, as percents: 0.1 is 10, and so is 10 %."""

    def read(self, text: str) -> str:
        value = super().read(text)
        return value if text.rstrip().endswith("%") else format(Decimal(value).scaleb(2), "f")


class DateColumn(Column):
    """Dates in the order of the column, as ISO texts."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order

    def read(self, text: str) -> str:
        try:
            value = written_dates.iso_date(text, self.order)
        except (written_dates.OtherOrder, written_dates.Ambiguous):
            self.contradicting += 1
            raise
        if not self.is_confirmed:
            self.is_confirmed = written_dates.decides(text) == self.order
        return value
