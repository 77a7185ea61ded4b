"""Draws customers and what they buy by a seed: the same for ever, so that periods are known to the cent.

The numbers are drawn in a fixed order. It must stay, or the periods of `sample_data/` come out as others.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from c3_sandbox.billing.catalogue import (
    CUSTOMS,
    FIRST_WORDS,
    LAST_WORDS,
    LICENSES,
    MARKET_SHARES,
    MARKETS,
    METERS,
)

SEED = 7
CENT = Decimal("0.01")
# Two customers have one name.
NAMESAKE, NAMED = 40, 7
# Every so many customers one has left: the period's total is negative.
LEAVERS = 37


@dataclass(frozen=True)
class DrawnCustomer:
    """A customer before it is stored."""

    name: str
    tenant_id: uuid.UUID
    currency: str
    country: str
    tax_rate: Decimal
    erp_id: str
    email: str


@dataclass(frozen=True)
class DrawnLine:
    """A line before it is stored."""

    category: str
    provider_category: str
    sku: str
    item_code: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    subscription_id: uuid.UUID


def cents(value: Decimal) -> Decimal:
    """Round half up to cents, as C3 rounds each line."""
    return value.quantize(CENT, ROUND_HALF_UP)


def customers(count: int) -> list[DrawnCustomer]:
    """Return the first `count` customers."""
    rng = random.Random(SEED)  # noqa: S311 - invented data
    made: list[DrawnCustomer] = []
    taken: set[str] = set()
    while len(made) < count:
        name = _name(rng, made, taken)
        if name:
            taken.add(name)
            made.append(_customer(rng, name, len(made)))
    return made


def _name(rng: random.Random, made: list[DrawnCustomer], taken: set[str]) -> str:
    name = f"{rng.choice(FIRST_WORDS)} {rng.choice(LAST_WORDS)}"
    if len(made) == NAMESAKE:
        return made[NAMED].name
    if name in taken:
        name = f"{name} {rng.randint(2, 99)}"
    return "" if name in taken else name


def _customer(rng: random.Random, name: str, position: int) -> DrawnCustomer:
    currency, country, tax_rate = rng.choices(MARKETS, MARKET_SHARES)[0]
    return DrawnCustomer(
        name=name,
        tenant_id=_guid(rng),
        currency=currency,
        country=country,
        tax_rate=Decimal(tax_rate),
        erp_id=f"ERP{1000 + position}",
        email=f"accounts{position}@customer{position}.example",
    )


def _guid(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128))


def purchases(month: str, count: int) -> Iterator[list[DrawnLine]]:
    """Yield the lines of the first `count` customers for the period that ends in `month` (2026-09)."""
    rng = random.Random(f"{SEED}-{month}")  # noqa: S311 - invented data
    for position in range(count):
        yield _left(rng) if position % LEAVERS == LEAVERS - 1 else _bought(rng)


def _left(rng: random.Random) -> list[DrawnLine]:
    name = "Microsoft 365 Business Premium (cancelled)"
    return [_license(rng, name, "CFQ7TTC0LCHC", "0002", -6, "21.93333333")]


def _bought(rng: random.Random) -> list[DrawnLine]:
    lines = list(_licenses(rng))
    if rng.random() < 0.1:
        lines.append(_license(rng, "Microsoft 365 Business Premium Trial", "CFQ7TTC0LHWP", "0001", 25, "0"))
    if rng.random() < 0.55:
        lines += [_usage(rng, meter) for meter in rng.sample(METERS, rng.randint(1, 9))]
    if rng.random() < 0.5:
        name, code, price = rng.choice(CUSTOMS)
        lines.append(_line(rng, "Custom", "Partner", code, code, name, rng.choice([1, 2, 5, 10, 40]), price))
    if rng.random() < 0.05:
        name = "Windows Server 2025 - 16 core (perpetual)"
        lines.append(_line(rng, "OneTime", "Microsoft", "DG7GMGF0D5RK:0005", "WS2025", name, 1, "1560.00"))
    return lines


def _licenses(rng: random.Random) -> Iterator[DrawnLine]:
    for name, product, sku, price in rng.sample(LICENSES, rng.randint(1, 5)):
        yield _license(rng, name, product, sku, rng.choice([1, 3, 5, 8, 12, 25, 40, 120]), price)
        if rng.random() < 0.2:
            # Seats that came or went within the period.
            seats = rng.choice([-2, -1, 1, 2, 4])
            share = (Decimal(price) * rng.randint(1, 29) / 30).quantize(Decimal("1e-8"))
            yield _license(rng, f"{name} (pro rata)", product, sku, seats, str(share))


def _license(rng: random.Random, name: str, product: str, sku: str, seats: int, price: str) -> DrawnLine:
    return _line(rng, "License", "Microsoft", f"{product}:{sku}", product, name, seats, price)


def _usage(rng: random.Random, meter: str) -> DrawnLine:
    quantity = Decimal(rng.randint(1, 74_400_000)) / 100_000
    price = (Decimal(rng.randint(1, 900_000_000)) / 10_000_000_000).quantize(Decimal("1e-12"))
    return _line(rng, "Usage", "Azure", "DZH318Z0BPS6:0001", "AzurePlan", f"Azure plan - {meter}", quantity, price)


def _line(
    rng: random.Random,
    category: str,
    provider_category: str,
    sku: str,
    item_code: str,
    name: str,
    quantity: int | Decimal,
    price: str | Decimal,
) -> DrawnLine:
    return DrawnLine(
        category=category,
        provider_category=provider_category,
        sku=sku,
        item_code=item_code,
        name=name,
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        subscription_id=_guid(rng),
    )
