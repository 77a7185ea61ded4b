"""How long every page takes, few invoices beside many: `python -m bench.pages --folder FOLDER [--write]`.

Two portals are filled in the folder (`bench.filled`), once; then every address that answers a signed-in person with a
page is asked for through Django's test client: the median of several times, the queries and the bytes. Pages are found
by the portal's own list of addresses, so new ones are measured with the others. With `--only NAME …` some of them;
with `--write` the table goes to docs/performance.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.filled import DATABASE, EMAIL, open_portal
from bench.repeated import BASE_DIR, verdict
from bench.section import REPORT, put_section

TITLE = "Every page"
FEW, MANY = 1_000, 100_000
MOST_QUERIES, MOST_BYTES, MOST_RATIO = 15, 200_000, 2
TIMES = 7
ADMIN = "admin@contoso.example"
# What people ask of a page beyond opening it.
ASKED = {
    "invoice_list": ("?q=Northwind", "?sort=-total&page=3"),
    "contacts": ("?q=Northwind", "?state=suggested"),
    "customers": ("?q=Northwind", "?state=suggested", "?sort=-owed&page=3"),
    "customer_overrides": ("?show=overridden",),
    "account_overrides": ("?q=SKU-01",),
    "post_logs": ("?page=2",),
    "audit_record": ("?page=2",),
}


@dataclass(frozen=True)
class Page:
    """One address as asked for: the median in milliseconds, the queries and the bytes of its answer."""

    name: str
    milliseconds: float
    queries: int
    size: int


def measure(only: list[str]) -> list[Page]:
    """Measure the pages of the portal that this process has open, each as whoever may see it."""
    from django.test import Client

    from c3portal.models import User

    clients = []
    for email in (EMAIL, ADMIN):
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.get(email=email))
        clients.append(client)
    return [page for name, path in _addresses(only) if (page := _page(clients, name, path))]


def _addresses(only: list[str]) -> Iterator[tuple[str, str]]:
    from c3portal.tests.addresses import every_address

    for address in every_address():
        if only and address.name not in only:
            continue
        given = _parts(address.name, dict(address.parts))
        if given is not None:
            for query in ("", *ASKED.get(address.name, ())):
                yield address.name + query, address.path(**given) + query


def _parts(name: str, parts: dict[str, str]) -> dict[str, str] | None:
    """Return what stands for the parts of an address, None where this portal has nothing to show there."""
    if set(parts) - {"pk"}:
        return None
    if not parts:
        return {}
    row = _shown(name)
    return {"pk": str(row.pk)} if row else None


def _shown(name: str) -> Any:
    from c3_integration.models import C3Fetch
    from c3portal.models import User
    from invoices.models import BillingPeriod, Customer, ImportProfile, ImportRun, Invoice, Upload

    latest = BillingPeriod.objects.first()
    postings = Upload.objects.filter(period=latest)
    of_names = {
        "upload": postings,
        "preflight": _draft(latest) if name == "preflight" else None,
        "import": ImportRun.objects,
        "column_profile": ImportProfile.objects,
        "c3_fetch": C3Fetch.objects,
        "user": User.objects,
        "choose_contact": Customer.objects,
        "customer": Customer.objects,
        "period": BillingPeriod.objects,
    }
    for start, rows in of_names.items():
        if name.startswith(start):
            return rows.first() if rows else None
    if "invoice" in name or name in ("payload", "document_history"):
        return Invoice.objects.filter(period=latest, posting__status="posted").order_by("number").first()
    return None


def _draft(period: Any) -> Any:
    from c3portal.models import User
    from invoices.models import UploadDraft
    from xero_integration.models import XeroConnection

    rows = UploadDraft.objects.filter(period=period)
    if not rows.exists():
        UploadDraft.objects.create(
            period=period,
            connection=XeroConnection.objects.current(),
            everything=True,
            invoice_status="AUTHORISED",
            created_by=User.objects.get(email=EMAIL),
        )
    return rows


def _page(clients: list[Any], name: str, path: str) -> Page | None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for client in clients:
        answer = client.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html") and not answer.streaming:
            break
    else:
        return None
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(path)
        took.append(time.perf_counter() - began)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    return Page(name, statistics.median(took) * 1000, len(queries), len(answer.content))


def of_portal(folder: Path, count: int, only: list[str]) -> dict[str, Page]:
    """Measure, in a process of its own, the portal with so many invoices in the folder, filled first if need be."""
    here = folder / f"{count}"
    if not (here / DATABASE).exists():
        _run("bench.filled", "--folder", str(here), "--invoices", str(count))
    done = _run("bench.pages", "--here", str(here), *(("--only", *only) if only else ()))
    return {each["name"]: Page(**each) for each in json.loads(done.splitlines()[-1])}


def _run(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def is_met(few: Page, many: Page) -> bool:
    """Whether a page keeps its bounds."""
    ratio = many.milliseconds / few.milliseconds
    return many.queries <= MOST_QUERIES and many.size <= MOST_BYTES and ratio <= MOST_RATIO


def _row(few: Page, many: Page) -> str:
    times = f"{few.milliseconds:.0f} ms | {many.milliseconds:.0f} ms | {many.milliseconds / few.milliseconds:.1f} ×"
    name = few.name.replace("|", "%7C")
    return f"| {name} | {times} | {many.queries} | {many.size / 1000:.0f} kB | {verdict(is_met(few, many))} |"


def table(few: dict[str, Page], many: dict[str, Page]) -> str:
    """Return a row for each page of both."""
    rows = [_row(few[name], other) for name, other in many.items() if name in few]
    head = f"| page | {FEW:,} invoices | {MANY:,} | ratio | queries | size | |\n|---|---|---|---|---|---|---|\n"
    return head + "\n".join(rows)


def section(few: dict[str, Page], many: dict[str, Page]) -> str:
    """Return the section of the report."""
    return f"""## {TITLE}

Measured on {dt.datetime.now(tz=dt.UTC).date()} with `python -m bench.pages --folder FOLDER --write` ({os.cpu_count()}
processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}, SQLite): {FEW:,} invoices
beside {MANY:,} in 24 billing periods with 4,000 customers, 1,000,000 lines and 1,000,000 entries of the post logs; on
the server, the median of {TIMES}. At most {MOST_QUERIES} queries, {MOST_BYTES // 1000} kB and {MOST_RATIO} × the time
with few.

{table(few, many)}
"""


def main() -> int:
    """Run from the command line; exit 1 when a page misses a bound."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, help="where the two portals are, or are made")
    arguments.add_argument("--here", type=Path, help="measure this one portal, and print its figures as JSON")
    arguments.add_argument("--only", nargs="+", default=[], help="names of addresses")
    arguments.add_argument("--write", action="store_true", help="write the section of docs/performance.md")
    given = arguments.parse_args()
    if given.here:
        open_portal(given.here)
        # Addresses that take forms alone, and roles that may not, answer so: that is how pages are found.
        logging.disable()
        print(json.dumps([asdict(each) for each in measure(given.only)]))
        return 0
    if not given.folder:
        arguments.error("Name a folder.")
    few, many = (of_portal(given.folder, count, given.only) for count in (FEW, MANY))
    print(table(few, many))
    if given.write:
        put_section(TITLE, section(few, many))
        print(f"Written: {REPORT.name}, {TITLE}")
    return 0 if all(is_met(few[name], many[name]) for name in many if name in few) else 1


if __name__ == "__main__":
    sys.exit(main())
