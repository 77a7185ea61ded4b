"""The pages of matching in a browser, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from c3portal.models import User
from c3portal.tests.browser import is_accessible, sign_in
from invoices.importing import in_hand, intake
from invoices.matching.tests.tables import as_csv, documented_lines, dressed
from invoices.matching.tests.test_proposal import FRENCH
from invoices.models import ImportProfile, ImportRun

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_file_is_matched_by_looking_it_over_and_pressing_confirm(
    portal: str, page: Page, finance_admin: User, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "wake", lambda run_id, state: None)
    path = tmp_path / "factures.tsv"
    rows = documented_lines()
    rows[0] |= {"Category": "Réservation", "UnitPriceOfProduct": "10000.01"}
    path.write_bytes(as_csv(dressed(FRENCH, rows), "\t"))
    run = intake.receive(path, path.name, finance_admin)
    in_hand.inspect(run.pk)
    sign_in(page, portal, finance_admin)
    page.goto(f"{portal}{reverse('import_run', args=[run.pk])}")
    expect(page.get_by_role("heading", name="Match columns")).to_be_visible()
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            is_accessible(page)
            assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("correct what is marked")
    page.locator("#id_period").select_option("new")
    page.get_by_label("BillingId of the new period").fill("20260518")
    page.get_by_label("From", exact=True).fill("2026-04-16")
    page.get_by_label("To", exact=True).fill("2026-05-15")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("10 % or 0.1 %")
    page.get_by_label("A rate of 0.1 is").select_option("yes")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("contradict one another")
    expect(page.get_by_role("region", name="Amounts")).to_contain_text("fails in 1 of 82 rows, first row 2")
    is_accessible(page)
    page.get_by_label("Accept as it is").check()
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{portal}{reverse('import_run', args=[run.pk])}")

    assert ImportRun.objects.get().state == ImportRun.State.WAITING
    profile = ImportProfile.objects.get()
    for address in (reverse("column_profiles"), reverse("column_profile", args=[profile.pk]), reverse("kind_rules")):
        page.goto(f"{portal}{address}")
        is_accessible(page)
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
