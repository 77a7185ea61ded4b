"""Puts the partner's customers and nine billing periods into the data file; the newest three are `sample_data/`'s."""

import uuid
from datetime import date

from django.db import connection

from c3_sandbox.billing import drawing, periods
from c3_sandbox.models import Customer, Invoice, Line, Partner, Period
from c3_sandbox.storage import writing

CUSTOMERS = 120
# Before the newest three, the partner had this many.
EARLY_CUSTOMERS = 12
NEWEST = date(2026, 10, 15)
PERIODS, FULL_PERIODS = 9, 3
NEWEST_ID = 24


def seed_when_empty() -> None:
    """Make the partner and its periods when the data file holds none."""
    if not Partner.objects.exists():
        Partner.objects.create()
    if not Period.objects.exists():
        start_fresh()


def partner() -> Partner:
    """Return the one partner."""
    return Partner.objects.get()


def start_fresh(customers: int = CUSTOMERS, count: int = PERIODS) -> None:
    """Forget all but the partner's way in, and seed this many customers and of the periods the newest."""
    with writing():
        _empty(first_id=NEWEST_ID - count + 1)
        Partner.objects.update(readings={})
        _plant_customers(customers)
        for back in range(count - 1, -1, -1):
            billed = customers if back < FULL_PERIODS else min(customers, EARLY_CUSTOMERS)
            periods.generate(_months_before(NEWEST, back), Customer.objects.all()[:billed])


def _empty(first_id: int) -> None:
    """Delete everything at once, and count the periods' IDs from the first one on."""
    with connection.cursor() as cursor:
        for model in (Line, Invoice, Period, Customer):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608 - names of our own tables
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [Period._meta.db_table])
        counted: list[str | int] = [Period._meta.db_table, first_id - 1]
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", counted)


def _plant_customers(count: int) -> None:
    Customer.objects.bulk_create(
        Customer(
            position=position,
            tenant_id=drawn.tenant_id,
            customer_id=uuid.uuid5(drawn.tenant_id, "customer"),
            name=drawn.name,
            erp_id=drawn.erp_id,
            email=drawn.email,
            currency=drawn.currency,
            country=drawn.country,
            tax_rate=drawn.tax_rate,
        )
        for position, drawn in enumerate(drawing.customers(count))
    )


def _months_before(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, day.day)
