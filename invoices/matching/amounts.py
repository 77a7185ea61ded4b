"""The best way to read numeric columns as quantity, price, net, rate, tax and gross: by arithmetic, then by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from invoices.matching.arithmetic import FRACTION, PRODUCT, RATE, SUM, Arithmetic, Reading, Relation

# One relation outweighs what the names say.
_RELATION = 10.0
# A quantity has more whole numbers than a price; a net amount is larger than its tax.
_LOOKS_RIGHT = 0.2
_MOST = 12
_ENOUGH_ROWS = 10

Names = Callable[[str, Reading], float]
Fields = dict[str, Reading]


@dataclass(slots=True)
class Amounts:
    """Which reading each amount is, and the relations that say so."""

    fields: Fields = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    rate_is_fraction: bool = False


def best_amounts(arithmetic: Arithmetic, names: Names) -> Amounts:
    """Return the amounts that most relations agree on; where they leave a choice, what `names` (how far a column's name
    speaks for a field, and against the others) says. Fields that no relation touches are not there."""
    best, most = Amounts(), 0.0
    for relations, fields in _ways(arithmetic):
        score = sum(_weight(each) for each in relations)
        score += sum(names(name, reading) for name, reading in fields.items())
        score += _LOOKS_RIGHT * _looks_right(arithmetic, fields)
        if score > most:
            fraction = any(each.kind == FRACTION for each in relations)
            best, most = Amounts(fields, relations, fraction), score
    return best


def _weight(relation: Relation) -> float:
    # In a row or two it may hold by chance: then it counts no more than a name.
    return _RELATION * relation.strength * min(relation.telling / _ENOUGH_ROWS, 1)


def _ways(arithmetic: Arithmetic) -> Iterator[tuple[list[Relation], Fields]]:
    """Yield every choice of at most one relation of each kind that do not contradict one another."""
    options = (
        [None, *_turned(arithmetic, PRODUCT)],
        [None, *_turned(arithmetic, SUM)],
        [None, *_turned(arithmetic, RATE), *_turned(arithmetic, FRACTION)],
    )
    for chosen in itertools.product(*options):
        relations = [each[0] for each in chosen if each]
        fields: Fields = {}
        for each in chosen:
            if each and any(fields.get(name, reading) != reading for name, reading in each[1].items()):
                break
            fields |= each[1] if each else {}
        else:
            if len({reading.column for reading in fields.values()}) == len(fields):
                yield relations, fields


def _turned(arithmetic: Arithmetic, kind: str) -> Iterator[tuple[Relation, Fields]]:
    found = sorted(arithmetic.found(kind), key=lambda each: (each.strength, each.telling), reverse=True)[:_MOST]
    for each in found:
        if kind == PRODUCT:
            yield each, {"Quantity": each.a, "UnitPriceOfProduct": each.b, "SubTotal": each.c}
            yield each, {"Quantity": each.b, "UnitPriceOfProduct": each.a, "SubTotal": each.c}
        elif kind == SUM:
            yield each, {"SubTotal": each.a, "TaxAmount": each.b, "Total": each.c}
            yield each, {"SubTotal": each.b, "TaxAmount": each.a, "Total": each.c}
        else:
            yield each, {"SubTotal": each.a, "TaxPercentage": each.b, "TaxAmount": each.c}


def _looks_right(arithmetic: Arithmetic, fields: Fields) -> float:
    points = 0.0
    quantity, price = fields.get("Quantity"), fields.get("UnitPriceOfProduct")
    if quantity and price:
        points += arithmetic.whole[quantity] > arithmetic.whole[price]
    net, tax = fields.get("SubTotal"), fields.get("TaxAmount")
    if net and tax:
        points += arithmetic.sizes[net] > arithmetic.sizes[tax]
    return points
