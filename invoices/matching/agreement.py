"""Whether the amounts that a file gives agree: counted over all of its rows, for the columns that were chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter

from invoices.matching.computing import CENT, EXACT
from invoices.matching.conversion import RawRow
from invoices.matching.meanings import LABELS, NUMBERS

# Of fewer invoices it may be chance.
_ENOUGH_INVOICES = 3
_amounts_of = itemgetter(*NUMBERS)
_TAXED = {"SubTotal", "TaxPercentage", "TaxAmount", "Total"}


def _cents(amount: Decimal) -> Decimal:
    return EXACT.quantize(amount, CENT)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What three amounts should come to, and how it is said that they do not. As strict as the parser of lines is."""

    words: str
    fields: tuple[str, str, str]
    holds: Callable[[Decimal, Decimal, Decimal], bool]
    not_so: str


PRODUCT = _Rule(
    "quantity × unit price = net",
    ("Quantity", "UnitPriceOfProduct", "SubTotal"),
    lambda quantity, price, net: abs(EXACT.subtract(EXACT.multiply(quantity, price), net)) <= CENT,
    "{0} × {1} is not {2}",
)
RATE = _Rule(
    "net × rate = tax",
    ("SubTotal", "TaxPercentage", "TaxAmount"),
    lambda net, rate, tax: abs(EXACT.subtract(EXACT.multiply(net, rate).scaleb(-2), tax)) <= CENT,
    "{1} % of {0} is not {2}",
)
SUM = _Rule(
    "net + tax = gross",
    ("SubTotal", "TaxAmount", "Total"),
    lambda net, tax, gross: EXACT.add(net, tax) == gross or _cents(net) + _cents(tax) == _cents(gross),
    "{0} + {1} is not {2}",
)


@dataclass(slots=True)
class Agreement:
    """One rule over the rows that have its amounts. `first_row` is the first that breaks it, 0 when none does."""

    rule: _Rule
    rows: int = 0
    failures: int = 0
    first_row: int = 0
    first_words: str = ""
    places: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.places = tuple(NUMBERS.index(name) for name in self.rule.fields)

    def add(self, row: int, amounts: Sequence[Decimal | None]) -> None:
        """Count a row in; `amounts` are those of NUMBERS, None for what cannot be read."""
        a, b, c = (amounts[place] for place in self.places)
        if a is None or b is None or c is None:
            return
        self.rows += 1
        if self.rule.holds(a, b, c):
            return
        self.failures += 1
        if not self.first_row:
            self.first_row, self.first_words = row, self.rule.not_so.format(*map(_plain, (a, b, c)))

    def __str__(self) -> str:
        words = self.rule.words[0].upper() + self.rule.words[1:]
        if not self.failures:
            return f"{words} holds in {self.rows:,} of {self.rows:,} rows"
        return (
            f"{words} fails in {self.failures:,} of {self.rows:,} rows, first row {self.first_row:,}: "
            f"{self.first_words}"
        )


@dataclass(slots=True)
class Repetition:
    """How many invoices have an amount on every one of several lines, as a total of the invoice would be. Their lines
    follow one another; `failures` are the invoices, when all of them are so."""

    field: str
    rows: int = 0
    first_row: int = 0
    _repeated: int = 0
    _invoice: str = ""
    _amount: Decimal | None = None
    _row: int = 0
    _lines: int = 0
    _is_same: bool = True

    def add(self, row: int, invoice: str, amount: Decimal | None) -> None:
        """Count a line in."""
        if invoice != self._invoice:
            self.close()
            self._invoice, self._amount, self._row, self._lines, self._is_same = invoice, amount, row, 0, bool(amount)
        self._lines += 1
        self._is_same = self._is_same and amount == self._amount

    def close(self) -> None:
        """Take the invoice that is open for complete."""
        if self._lines > 1:
            self.rows += 1
            self._repeated += self._is_same
            self.first_row = self.first_row or self._row
        self._lines = 0

    @property
    def failures(self) -> int:
        return self._repeated if self._repeated == self.rows >= _ENOUGH_INVOICES else 0

    def __str__(self) -> str:
        return (
            f"{LABELS[self.field]} is the same on every line in {self.failures:,} of {self.rows:,} invoices with "
            f"several lines, first row {self.first_row:,}: it may be the total of the invoice"
        )


class Agreements:
    """The rules that the amounts of a file can break: those that nothing was computed by. `computed` are the fields
    that were, by what each comes of."""

    def __init__(self, computed: Mapping[str, tuple[str, ...]]) -> None:
        self._rules = [Agreement(rule) for rule in (PRODUCT, RATE, SUM) if _can_be_broken(rule, computed)]
        self._repetitions = [Repetition(name) for name in ("SubTotal", "TaxAmount", "Total") if name not in computed]

    def over(self, rows: Iterable[RawRow]) -> Iterator[RawRow]:
        """Yield the rows, each counted in."""
        for raw in rows:
            amounts = _amounts(raw)
            for rule in self._rules:
                rule.add(raw.number, amounts)
            for each in self._repetitions:
                each.add(raw.number, raw.cells["InvoiceNumber"], amounts[NUMBERS.index(each.field)])
            yield raw
        for each in self._repetitions:
            each.close()

    @property
    def all(self) -> list[Agreement | Repetition]:
        """Return the rules that could be told, and the amounts that are repeated."""
        told = [rule for rule in self._rules if rule.rows]
        # Totals of an invoice add up and are taxed like its lines; only what was bought tells them apart.
        if any(rule.rule is PRODUCT and not rule.failures for rule in told):
            return [*told]
        return [*told, *(each for each in self._repetitions if each.failures)]

    @property
    def broken(self) -> list[Agreement | Repetition]:
        """Return those that fail in any row."""
        return [each for each in self.all if each.failures]

    @property
    def fingerprint(self) -> str:
        """Return what stands for these failures and no others, "" where there are none."""
        return hashlib.sha256("\n".join(map(str, self.broken)).encode()).hexdigest() if self.broken else ""


def _can_be_broken(rule: _Rule, computed: Mapping[str, tuple[str, ...]]) -> bool:
    # Net, rate, tax and gross are bound by two rules: with two of them computed none is left.
    if rule is not PRODUCT and len(_TAXED & computed.keys()) > 1:
        return False
    return not any({name, *needs} <= {*rule.fields} for name, needs in computed.items())


def _amounts(raw: RawRow) -> list[Decimal | None]:
    wrong = {error.field for error in raw.errors} if raw.errors else ()
    texts = zip(NUMBERS, _amounts_of(raw.cells), strict=True)
    return [_amount(text) if name not in wrong else None for name, text in texts]


def _amount(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    # Of longer ones the parser says that they are.
    return value if value.is_finite() and abs(value.adjusted()) <= 20 else None


def _plain(amount: Decimal) -> str:
    return format(amount, "f")
