"""Exchange rates by date, out of a table: what one of a base currency buys of another, as Xero quotes it."""

from datetime import date
from decimal import Decimal

RATE_STEP = Decimal("0.000001")
# What one Australian dollar buys.
TABLE = {"AUD": "1", "NZD": "1.0915", "USD": "0.6524", "EUR": "0.5711", "GBP": "0.4893", "SGD": "0.8469"}
USUAL = "0.75"


def rate_on(base: str, currency: str, day: date) -> Decimal:
    """Return the rate of a day: 1 for the base currency; others move from day to day, and one day's is always the
    same."""
    if base == currency:
        return Decimal(1)
    cross = Decimal(TABLE.get(currency, USUAL)) / Decimal(TABLE.get(base, USUAL))
    return (cross * (1 + Decimal(day.toordinal() % 31 - 15) / 1000)).quantize(RATE_STEP)
