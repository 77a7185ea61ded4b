"""How long an import takes beside the plainest way to store the same rows, and how much memory; in processes of their
own.

    python -m bench.imports portal|plain FILE

takes the database of the environment and prints seconds and the peak of its memory as JSON.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environment import BASE_DIR, Stage

COMPARED, LARGE = 100_000, 1_000_000
SAMPLE = BASE_DIR / "sample_data" / "c3-invoice-lines-20260918.csv"


@dataclass(frozen=True)
class Import:
    """One import of a file: its seconds, and the most memory that its process had."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Comparison:
    """100,000 lines both ways, and 1,000,000 by the portal."""

    portal: Import
    plain: Import
    large: Import


def measure(stage: Stage) -> Comparison:
    """Import files made of the sample's lines, each into an empty database."""
    some, many = (write(stage.folder / f"{count}.csv", count) for count in (COMPARED, LARGE))
    return Comparison(_run(stage, "portal", some), _run(stage, "plain", some), _run(stage, "portal", many))


def write(path: Path, count: int) -> Path:
    """Write the sample's lines over and over, each time of other customers, until there are `count`."""
    with SAMPLE.open(encoding="utf-8", newline="") as source, path.open("w", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(itertools.islice(_copies(list(reader)), count))
    return path


def _copies(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    for copy in itertools.count():
        for row in rows:
            yield row | {
                "InvoiceNumber": f"{row['InvoiceNumber']}_{copy}",
                "TenantID": f"{row['TenantID'][:-6]}{copy:06}",
                "CustomerName": f"{row['CustomerName']} {copy}",
                "ERPCustomerID": f"{row['ERPCustomerID']}-{copy}",
            }


def _run(stage: Stage, way: str, file: Path) -> Import:
    database = stage.folder / f"{way}-{file.stem}.sqlite3"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=BASE_DIR, env=environment, check=True)
    command = [sys.executable, "-m", "bench.imports", way, str(file)]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, capture_output=True, text=True)
    database.unlink()
    return Import(**json.loads(done.stdout.splitlines()[-1]))


def by_portal(file: Path) -> None:
    """Import the file as the portal does."""
    from invoices.importing.importer import import_file
    from invoices.models import ImportRun

    run = import_file(file)
    if run.state != ImportRun.State.IMPORTED or run.invoices_held_back:
        raise SystemExit(f"{run.summary} {run.reason} {[*run.findings.all()[:5]]}")


def plainly(file: Path) -> None:
    """Store the file's rows without a single check, as a script of an hour's work does."""
    from django.db import transaction

    from invoices.models import BillingPeriod, Customer, Invoice, InvoiceLine

    with transaction.atomic(), file.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
        first = rows[0]
        period = BillingPeriod.objects.create(
            billing_id=first["BillingId"],
            starts_on=first["BillingPeriodStartDate"][:10],
            ends_on=first["BillingPeriodEndDate"][:10],
        )
        customers = {
            row["TenantID"]: Customer(tenant_id=row["TenantID"], name=row["CustomerName"], erp_id=row["ERPCustomerID"])
            for row in rows
        }
        Customer.objects.bulk_create(customers.values(), batch_size=500)
        invoices = {row["InvoiceNumber"]: _invoice(row, period, customers[row["TenantID"]]) for row in rows}
        Invoice.objects.bulk_create(invoices.values(), batch_size=500)
        lines = [_line(place, row, invoices[row["InvoiceNumber"]]) for place, row in enumerate(rows)]
        InvoiceLine.objects.bulk_create(lines, batch_size=500)


def _invoice(row: dict[str, str], period: Any, customer: Any) -> Any:
    from invoices.models import Invoice

    return Invoice(
        period=period,
        customer=customer,
        number=row["InvoiceNumber"],
        xero_number=row["InvoiceNumber"],
        issued_on=row["InvoiceGeneratedDate"][:10],
        due_on=row["InvoiceDueDate"][:10],
        currency=row["CurrencyCode"],
        subtotal=row["SubTotal"],
        tax=row["TaxAmount"],
        total=row["Total"],
    )


def _line(position: int, row: dict[str, str], invoice: Any) -> Any:
    from invoices.models import InvoiceLine

    return InvoiceLine(
        invoice=invoice,
        position=position,
        kind=InvoiceLine.Kind.LICENSE,
        sku=row["ProductSKUId"],
        name=row["SubscriptionName"],
        charge_start=row["ChargeStartDate"][:10],
        charge_end=row["ChargeEndDate"][:10],
        quantity=row["Quantity"],
        unit_price=row["UnitPriceOfProduct"],
        subtotal=row["SubTotal"],
        tax_name=row["TaxName"],
        tax_percentage=row["TaxPercentage"],
        tax=row["TaxAmount"],
        total=row["Total"],
        source=row,
    )


WAYS = {"portal": by_portal, "plain": plainly}


def main() -> None:
    """Import one file one way."""
    import django

    django.setup()
    way, file = sys.argv[1:]
    began = time.monotonic()
    WAYS[way](Path(file))
    seconds = time.monotonic() - began
    # Kilobytes on Linux: https://man7.org/linux/man-pages/man2/getrusage.2.html
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


if __name__ == "__main__":
    main()
