"""The pages of a filled portal are measured by whoever may see them, and held against their bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.pages import Measured, Page, table
from c3portal.testing import BASE_DIR


def run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=True).stdout


def test_it_measures_the_pages_of_a_filled_portal(tmp_path: Path) -> None:
    run("bench.filled", "--folder", str(tmp_path), "--invoices", "60")
    names = ("invoice_list", "upload", "invoice", "audit_record", "upload_to_xero")
    found = json.loads(run("bench.pages", "--here", str(tmp_path), "--only", *names).splitlines()[-1])
    pages = {each["name"]: Page(**each) for each in found}
    # An address that takes forms alone is no page; one for administrators is measured by one.
    assert {name.partition("?")[0] for name in pages} == {*names} - {"upload_to_xero"}
    assert "invoice_list?q=Northwind" in pages
    assert all(each.milliseconds > 0 and each.queries > 0 and each.size > 1000 for each in pages.values())


def test_a_page_misses_by_time_queries_and_bytes() -> None:
    few = Page("home", 10, 5, 1000)
    good = Measured(few, Page("home", 20, 15, 200_000))
    assert good.is_met
    worse = (Page("home", 21, 5, 1000), Page("home", 10, 16, 1000), Page("home", 10, 5, 200_001))
    assert not any(Measured(few, each).is_met for each in worse)
    # One that misses on either database misses.
    both = table({"SQLite": {"home": good}, "PostgreSQL": {"home": Measured(few, worse[0])}})
    head, rule, row = both.splitlines()
    assert row == "| home | 15 | 200 kB | 10 ms | 20 ms | 2.0 × | 10 ms | 21 ms | 2.1 × | **missed** |"
    assert head.startswith("| page | queries | size | SQLite, 1,000 | 100,000 | ratio | PostgreSQL, 1,000 | 100,000 |")
    assert head.count("|") == rule.count("|") == row.count("|")
