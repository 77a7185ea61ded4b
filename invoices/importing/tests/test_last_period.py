"""A file's newest billing period beside the one before it, with values by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from invoices.importing.importer import import_file
from invoices.importing.last_period import CHANGES, LISTED, CurrencyChange, CustomerChange, LastPeriod
from invoices.importing.preview import preview_file
from invoices.models import BillingPeriod
from invoices.tests.c3_files import of_customer, write

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NAMES = {1: "Adatum", 2: "Bellows", 3: "Contoso", 4: "Datum", 5: "Eclipse"}


def billed(customer: int, net: str, month: int, currency: str = "AUD", **changes: str) -> dict[str, str]:
    """Return the line of an invoice of `net` and 10 % tax, for the period that ends in `month` of 2026."""
    tax = Decimal(net) / 10
    values = {
        "CustomerName": NAMES.get(customer, f"Customer {customer:02}"),
        "InvoiceNumber": f"Invoice_{customer}_{currency}_{month:02}",
        "CurrencyCode": currency,
        "Quantity": "1",
        "UnitPriceOfProduct": net,
        "SubTotal": net,
        "TaxAmount": str(tax),
        "Total": str(Decimal(net) + tax),
        "BillingId": f"2026{month:02}18",
        "BillingPeriodStartDate": dt.date(2026, month - 1, 16).isoformat(),
        "BillingPeriodEndDate": dt.date(2026, month, 15).isoformat(),
    }
    return of_customer(customer, **values | changes)


def compared(folder: Path, *rows: dict[str, str]) -> LastPeriod:
    found = preview_file(write(folder, *rows)).last_period
    assert found is not None
    return found


def test_the_money_of_each_currency_stands_beside_that_of_the_last_period(tmp_path: Path) -> None:
    import_file(
        write(
            tmp_path,
            billed(1, "100.00", 8),
            billed(2, "50.50", 8),
            billed(2, "20.00", 8, "NZD"),
            billed(3, "7.00", 8, "USD"),
        )
    )

    found = compared(
        tmp_path,
        billed(1, "100.00", 9),
        billed(1, "10.00", 9, InvoiceNumber="Invoice_1_more"),
        billed(2, "-30.00", 9, "NZD"),
        billed(4, "1.10", 9, "EUR"),
    )

    assert (found.billing_id, found.last_billing_id) == ("20260918", "20260818")
    assert found.last_period == "August 2026 (16 Jul 2026 to 15 Aug 2026)"
    assert found.totals == [
        CurrencyChange("AUD", 2, 2, "165.55", "121.00"),
        CurrencyChange("EUR", 0, 1, "0.00", "1.21"),
        CurrencyChange("NZD", 1, 1, "22.00", "-33.00"),
        CurrencyChange("USD", 1, 0, "7.70", "0.00"),
    ]
    assert (found.customers_missing, found.customers_missing_count) == (["Contoso"], 1)
    assert (found.customers_new, found.customers_new_count) == (["Datum"], 1)
    assert found.largest_changes == [
        CustomerChange("Bellows", "AUD", "55.55", "0.00", "-55.55"),
        CustomerChange("Bellows", "NZD", "22.00", "-33.00", "-55.00"),
        CustomerChange("Adatum", "AUD", "110.00", "121.00", "11.00"),
        CustomerChange("Contoso", "USD", "7.70", "0.00", "-7.70"),
        CustomerChange("Datum", "EUR", "0.00", "1.21", "1.21"),
    ]


def test_of_the_first_period_ever_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert preview_file(write(tmp_path, billed(1, "100.00", 8))).last_period is None
    import_file(write(tmp_path, billed(1, "100.00", 8)))
    assert preview_file(write(tmp_path, billed(1, "110.00", 8))).last_period is None


def test_a_file_of_which_nothing_is_right_is_compared_with_nothing(tmp_path: Path) -> None:
    import_file(write(tmp_path, billed(1, "100.00", 8)))
    assert preview_file(write(tmp_path, billed(1, "100.00", 9, Total="x"))).last_period is None


def test_the_last_period_is_the_newest_before_it_that_has_invoices(tmp_path: Path) -> None:
    for month in (5, 6, 9):
        import_file(write(tmp_path, billed(1, f"{month}.00", month)))
    BillingPeriod.objects.create(billing_id="20260718", starts_on=dt.date(2026, 6, 16), ends_on=dt.date(2026, 7, 15))

    found = compared(tmp_path, billed(1, "80.00", 8), billed(1, "1.00", 4))

    assert (found.billing_id, found.last_billing_id) == ("20260818", "20260618")
    assert found.totals == [CurrencyChange("AUD", 1, 1, "6.60", "88.00")]


def test_the_same_dates_under_another_number_are_no_last_period(tmp_path: Path) -> None:
    import_file(write(tmp_path, billed(1, "8.00", 8), billed(1, "9.00", 9)))

    found = compared(tmp_path, billed(1, "10.00", 9, InvoiceNumber="Invoice_again", BillingId="20260919"))

    assert (found.billing_id, found.last_billing_id) == ("20260919", "20260818")


def test_a_renamed_customer_is_neither_missing_nor_new(tmp_path: Path) -> None:
    import_file(write(tmp_path, billed(1, "100.00", 8), billed(2, "5.00", 8)))

    found = compared(tmp_path, billed(1, "101.00", 9, CustomerName="Adatum Group"), billed(2, "5.00", 9))

    assert (found.customers_missing_count, found.customers_new_count) == (0, 0)
    assert found.largest_changes == [CustomerChange("Adatum Group", "AUD", "110.00", "111.10", "1.10")]


def test_two_customers_of_one_name_are_two(tmp_path: Path) -> None:
    import_file(write(tmp_path, billed(1, "100.00", 8)))

    found = compared(tmp_path, billed(2, "100.00", 9, CustomerName="Adatum"))

    assert (found.customers_missing, found.customers_new) == (["Adatum"], ["Adatum"])
    assert [each.change for each in found.largest_changes] == ["-110.00", "110.00"]


def test_of_changes_as_large_the_first_ten_are_shown_in_the_order_of_the_customers(tmp_path: Path) -> None:
    # Their keys are tenant-11, tenant-12, ...; the largest comes first wherever it stands.
    import_file(write(tmp_path, *(billed(customer, "100.00", 8) for customer in range(11, 24))))
    rows = [billed(customer, "110.00" if customer % 2 else "90.00", 9) for customer in range(11, 23)]

    found = compared(tmp_path, *rows, billed(23, "50.00", 9))

    assert len(found.largest_changes) == CHANGES == 10
    names = [each.customer_name for each in found.largest_changes]
    assert names == ["Customer 23", *(f"Customer {customer}" for customer in range(11, 20))]
    assert [each.change for each in found.largest_changes] == ["-55.00", *["11.00", "-11.00"] * 4, "11.00"]


def test_of_many_missing_the_first_are_named_and_all_counted(tmp_path: Path) -> None:
    import_file(write(tmp_path, *(billed(customer, "1.00", 8) for customer in range(10, 10 + LISTED + 5))))

    found = compared(tmp_path, billed(1, "1.00", 9))

    assert found.customers_missing_count == LISTED + 5
    assert found.customers_missing == [f"Customer {customer}" for customer in range(10, 10 + LISTED)]


def test_who_is_held_back_is_not_called_missing(tmp_path: Path) -> None:
    import_file(write(tmp_path, billed(1, "100.00", 8), billed(2, "5.00", 8), billed(3, "5.00", 8)))

    found = compared(tmp_path, billed(1, "100.00", 9), billed(2, "5.00", 9, Total="x"))

    assert (found.customers_missing, found.customers_missing_count) == (["Contoso"], 1)
