"""Settings → Imports: kept, and recorded in words."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry
from invoices.models import BillResellers, ImportSettings

pytestmark = pytest.mark.django_db
CHOSEN = {"all_or_nothing": "on", "bill_resellers": "customer", "time_zone": "Australia/Sydney"}


def test_what_is_chosen_is_kept_and_recorded(admin: Client) -> None:
    assert admin.post(reverse("import_settings"), CHOSEN).status_code == 302
    kept = ImportSettings.load()
    assert (kept.all_or_nothing, kept.bill_resellers, kept.time_zone) == (True, "customer", "Australia/Sydney")
    assert kept.updated_by is not None
    entry = AuditEntry.objects.get(action="settings")
    assert entry.subject == "Settings → Imports"
    assert entry.before == {
        "All or nothing": False,
        "Invoices to a reseller go to": BillResellers.RESELLER.label,
        "Billing time zone": "",
    }
    assert entry.after == {
        "All or nothing": True,
        "Invoices to a reseller go to": BillResellers.CUSTOMER.label,
        "Billing time zone": "Australia/Sydney",
    }


def test_saving_what_is_there_records_nothing(admin: Client) -> None:
    admin.post(reverse("import_settings"), {"bill_resellers": "reseller", "time_zone": ""})
    assert not AuditEntry.objects.filter(action="settings").exists()


@pytest.mark.parametrize("wrong", [{"time_zone": "Mars/Olympus"}, {"bill_resellers": "nobody"}, {"bill_resellers": ""}])
def test_what_cannot_be_is_refused(admin: Client, wrong: dict[str, str]) -> None:
    answer = admin.post(reverse("import_settings"), CHOSEN | wrong)
    assert answer.status_code == 200
    assert "Not saved" in answer.content.decode()
    assert ImportSettings.load().time_zone == ""


def test_a_form_that_somebody_overtook_says_so(admin: Client) -> None:
    version = admin.get(reverse("import_settings")).context["version"]
    admin.post(reverse("import_settings"), CHOSEN)
    answer = admin.post(reverse("import_settings"), {**CHOSEN, "time_zone": "Europe/Berlin", "version": version})
    assert "changed meanwhile by admin@contoso.example" in answer.content.decode()
    assert ImportSettings.load().time_zone == "Australia/Sydney"
