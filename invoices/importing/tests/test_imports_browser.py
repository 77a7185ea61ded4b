"""A file comes in by the page, in a browser, with a real worker: looked at, imported, taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.testing import WorkerProcess
from c3portal.tests.browser import is_accessible, sign_in
from invoices.importing import in_hand, intake
from invoices.importing.importer import import_file
from invoices.models import HeldBackInvoice, ImportRun, Invoice, Posting
from invoices.tests.c3_files import SEPTEMBER, a_row, csv_bytes, of_customer, write
from invoices.tests.makers import connected, uploaded
from operations.demo import SAMPLE_DATA

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
(AUGUST,) = SAMPLE_DATA.glob("*20260818.csv")


def give(page: Page, portal: str, path: Path) -> None:
    page.goto(f"{portal}{reverse('import_invoices')}")
    page.get_by_label("File of invoice lines").set_input_files(path)
    page.get_by_role("button", name="Preview").click()


def test_a_file_is_looked_at_imported_and_taken_back(
    page: Page,
    portal: str,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
    complaints: list[str],
) -> None:
    import_file(AUGUST)
    before = Invoice.objects.count()
    start_worker()
    sign_in(page, portal, finance_admin)
    give(page, portal, SEPTEMBER)
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible(timeout=30_000)
    expect(page.locator(".verdicts .panel").first).to_contain_text("New 120")
    expect(page.get_by_role("heading", name="Largest changes since August 2026")).to_be_visible()
    assert Invoice.objects.count() == before

    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported: September 2026")).to_be_visible(timeout=30_000)
    assert Invoice.objects.count() == before + 120

    page.get_by_role("link", name="Undo this import").click()
    expect(page.get_by_label("What is taken back")).to_contain_text("To be deleted 120 invoices")
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text("Taken back: 120 invoices deleted")).to_be_visible()
    assert Invoice.objects.count() == before


def test_without_a_worker_the_page_says_so_and_goes_on_once_one_is_there(
    page: Page,
    portal: str,
    finance_admin: User,
    start_worker: Callable[..., WorkerProcess],
    monkeypatch: pytest.MonkeyPatch,
    complaints: list[str],
) -> None:
    sign_in(page, portal, finance_admin)
    with monkeypatch.context() as without_a_broker:
        without_a_broker.setattr(intake, "wake", lambda run_id, state: None)
        give(page, portal, SEPTEMBER)
        expect(page.get_by_text("No worker is running.")).to_be_visible()
    start_worker()
    in_hand.sweep()
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible(timeout=30_000)


@pytest.fixture
def every_state(finance_admin: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the import's pages, each showing all that it may."""
    monkeypatch.setattr(intake, "wake", lambda run_id, state: None)
    import_file(AUGUST)
    rows = [of_customer(1), of_customer(2), of_customer(3, Quantity="x", TaxAmount="x")]
    done = import_file(write(tmp_path, *rows, name="done.csv"), user=finance_admin)
    uploaded(connected(finance_admin), finance_admin, Invoice.objects.get(number="Invoice_2"), to=Posting.Status.POSTED)
    differing = import_file(write(tmp_path, of_customer(2), of_customer(2), name="again.csv"), user=finance_admin)
    refused = import_file(write(tmp_path, *rows, name="refused.csv"), user=finance_admin, all_or_nothing=True)
    kept = tmp_path / "ready.csv"
    kept.write_bytes(SEPTEMBER.read_bytes())
    ready = intake.receive(kept, "ready.csv", finance_admin)
    in_hand.inspect(ready.pk)
    held = tmp_path / "held.csv"
    held.write_bytes(csv_bytes(a_row(), of_customer(7, Quantity="x")))
    ready_with_held_back = intake.receive(held, "held.csv", finance_admin)
    in_hand.inspect(ready_with_held_back.pk)
    waiting = ImportRun.objects.create(
        file_name="waiting.csv", size=400_000_000, state="waiting", stored_as="w", bytes_read=1_000_000, lines=2_500
    )
    assert HeldBackInvoice.objects.exists()
    runs = (done, differing, refused, ready, ready_with_held_back, waiting)
    undo = reverse("import_undo", args=[done.pk])
    return [reverse("import_invoices"), reverse("held_back"), undo, *(run.get_absolute_url() for run in runs)]


def look(page: Page, portal: str, addresses: list[str]) -> None:
    for address in addresses:
        page.goto(f"{portal}{address}")
        for summary in page.locator("main summary").all():
            summary.click()
        is_accessible(page)
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide, address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible(
    page: Page, portal: str, system_admin: User, every_state: list[str], scheme: Any, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(page, portal, system_admin)
    look(page, portal, [*every_state, reverse("import_settings")])
    # What is said only once it was tried.
    page.goto(f"{portal}{every_state[2]}")
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_role("button", name="Take back the rest")).to_be_visible()
    is_accessible(page)
