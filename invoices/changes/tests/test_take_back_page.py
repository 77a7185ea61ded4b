"""The page that says what will happen to each document, asks, and shows what became of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.models import DocumentChange, Invoice, PastDocument, Posting, Upload, UploadDraft
from invoices.preflight import upload_drafts
from invoices.readback.documents import MISSING
from invoices.tests import makers
from invoices.tests.makers import Status
from xero_integration.models import XeroSettings


def an_upload(user: User) -> Upload:
    period = makers.a_period()
    invoices = makers.invoices(period, 3)
    return makers.uploaded(makers.connected(), user, *invoices, to=Status.POSTED)


def test_it_says_what_will_happen_and_asks_before_anything_is_done(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    upload = an_upload(finance_admin)
    Posting.objects.filter(invoice__number="INV-003").update(xero_status="PAID")
    client.force_login(finance_admin)

    page = client.get(reverse("upload_take_back", args=[upload.pk]))

    assert [(each.fate.value, each.count) for each in page.context["shares"]] == [("deleted", 2), ("settled", 1)]
    assert "Left: paid or credited" in page.content.decode()
    assert not DocumentChange.objects.exists()
    assert woken == []


def test_pressing_asks_xero_once_and_leaves_its_record(client: Client, finance_admin: User, woken: list[int]) -> None:
    upload = an_upload(finance_admin)
    client.force_login(finance_admin)
    address = reverse("upload_take_back", args=[upload.pk])

    client.post(address, {"reason": "Wrong account"})
    page = client.post(address, {"reason": "Wrong account"}, follow=True)

    assert DocumentChange.objects.count() == 3
    assert woken == [upload.connection_id]
    entry = AuditEntry.objects.get(action="withdraw")
    assert (entry.after["To be taken back"], entry.after["Reason"]) == (3, "Wrong account")
    assert "Nothing is left to take back" in page.content.decode()
    assert len(page.context["asked"]) == 3
    assert {each.request.upload for each in page.context["asked"]} == {upload}


def test_one_invoice_is_taken_back_alone(client: Client, finance_admin: User, woken: list[int]) -> None:
    an_upload(finance_admin)
    client.force_login(finance_admin)
    invoice = Invoice.objects.get(number="INV-002")
    client.post(reverse("invoice_take_back", args=[invoice.pk]))
    assert DocumentChange.objects.get().posting.invoice == invoice
    assert reverse("invoice_take_back", args=[invoice.pk]) in client.get(invoice.get_absolute_url()).content.decode()


def test_who_may_only_look_cannot_take_back(client: Client, finance_admin: User, system_reader: User) -> None:
    upload = an_upload(finance_admin)
    client.force_login(system_reader)
    assert client.post(reverse("upload_take_back", args=[upload.pk])).status_code == 403
    assert not DocumentChange.objects.exists()


def test_a_selection_of_the_list_is_taken_back_and_its_progress_is_shown(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    upload = an_upload(finance_admin)
    client.force_login(finance_admin)
    first, second = Invoice.objects.filter(number__in=["INV-001", "INV-002"]).order_by("number")
    form = {"period": first.period.billing_id, "invoice": [str(first.pk), str(second.pk)]}
    address = reverse("selected_take_back")

    page = client.post(address, form)
    assert [(each.fate.value, each.count) for each in page.context["shares"]] == [("deleted", 2)]
    assert not DocumentChange.objects.exists()
    listed = client.get(reverse("invoice_list")).content.decode()
    assert address in listed
    (tick,) = re.findall(rf'<input[^>]*value="{first.pk}"[^>]*>', listed)
    assert 'name="invoice"' in tick
    assert 'aria-label="Select INV-001"' in tick
    assert "disabled" not in tick

    shown = client.post(address, form | {"confirmed": "1", "reason": "Wrong account"}, follow=True)
    assert shown.context["counts"] == [("Queued", 2)]
    assert woken == [upload.connection_id]
    refused = DocumentChange.objects.get(posting__invoice=first)
    DocumentChange.objects.filter(pk=refused.pk).update(status="refused", message="A payment is there.")
    html = client.get(shown.request["PATH_INFO"]).content.decode()
    assert "A payment is there." in html
    assert "Rejected by Xero" in html


def test_what_waits_is_withdrawn_on_the_page(client: Client, finance_admin: User, system_reader: User) -> None:
    upload = an_upload(finance_admin)
    client.force_login(finance_admin)
    shown = client.post(reverse("upload_take_back", args=[upload.pk]), {}, follow=True)
    asked = shown.context["asked"]
    page = client.post(reverse("change_withdraw", args=[asked.pk]), follow=True)
    assert page.context["counts"] == [("Withdrawn", 3)]
    assert "3 documents stay" in page.content.decode()
    assert AuditEntry.objects.filter(action="withdraw", after__Changes=3).count() == 1
    client.force_login(system_reader)
    assert client.get(reverse("change_request", args=[asked.pk])).status_code == 200


def test_what_was_found_voided_leads_to_the_preflight_under_its_next_number(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    upload = an_upload(finance_admin)
    gone = Posting.objects.get(invoice__number="INV-002")
    facts = {"xero_status": "VOIDED", "edits": {"status": {"sent": "", "now": "VOIDED"}}}
    Posting.objects.filter(pk=gone.pk).update(**facts)
    XeroSettings.objects.update(license_account_code="1", azure_account_code="1", custom_account_code="1")
    client.force_login(finance_admin)
    form = {"period": gone.invoice.period.billing_id, "page": str(gone.invoice_id)}
    for page in (gone.invoice.get_absolute_url(), upload.get_absolute_url(), reverse("invoice_list")):
        assert reverse("post_again") in client.get(page).content.decode()

    answer = client.post(reverse("post_again"), form)

    draft = UploadDraft.objects.get()
    assert answer.headers["Location"] == draft.get_absolute_url()
    assert [each.number for each in upload_drafts.invoices_of(draft)] == ["INV-002"]
    gone.refresh_from_db()
    assert (gone.status, gone.number_in_xero) == ("undone", "INV-002-R1")
    assert PastDocument.objects.get().why == "Found deleted, voided or not shown any more in Xero, to be posted again."
    assert "Post again…" in client.get(gone.invoice.get_absolute_url()).content.decode()
    client.post(reverse("post_again"), form)
    assert PastDocument.objects.count() == 1


@pytest.mark.parametrize("facts", [{"xero_status": "VOIDED"}, {"xero_status": "DELETED"}, {"edits": MISSING}], ids=str)
def test_of_what_is_no_more_in_xero_nothing_is_asked(
    client: Client, finance_admin: User, facts: dict[str, Any]
) -> None:
    upload = an_upload(finance_admin)
    Posting.objects.update(xero_status="AUTHORISED")
    gone = Posting.objects.get(invoice__number="INV-002")
    client.force_login(finance_admin)
    ways, of_one = ("take_back", "send"), ("take_back", "send", "credit")
    page = client.get(gone.invoice.get_absolute_url()).content.decode()
    assert all(reverse(f"invoice_{each}", args=[gone.invoice_id]) in page for each in of_one)

    Posting.objects.filter(pk=gone.pk).update(**facts)
    page = client.get(gone.invoice.get_absolute_url()).content.decode()
    assert not any(reverse(f"invoice_{each}", args=[gone.invoice_id]) in page for each in of_one)
    assert any(words in page for words in ("Gone from Xero", "Voided in Xero", "Deleted in Xero"))
    whole = client.get(upload.get_absolute_url()).content.decode()
    assert all(reverse(f"upload_{each}", args=[upload.pk]) in whole for each in ways)
    Posting.objects.update(**facts)
    whole = client.get(upload.get_absolute_url()).content.decode()
    assert not any(reverse(f"upload_{each}", args=[upload.pk]) in whole for each in ways)
    assert "Post 3 again" in " ".join(whole.split())


def test_what_is_live_in_xero_is_not_posted_again(client: Client, finance_admin: User) -> None:
    upload = an_upload(finance_admin)
    XeroSettings.objects.update(license_account_code="1", azure_account_code="1", custom_account_code="1")
    client.force_login(finance_admin)
    page = client.post(reverse("post_again"), {"upload": upload.pk}, follow=True)
    assert "Take them back there first" in page.content.decode()
    assert not UploadDraft.objects.exists()


def test_nothing_is_voided_that_the_page_said_would_be_deleted(
    client: Client, finance_admin: User, woken: list[int]
) -> None:
    upload = an_upload(finance_admin)
    client.force_login(finance_admin)
    address = reverse("upload_take_back", args=[upload.pk])
    shown = client.get(address).context["shown"]
    assert f'name="shown" value="{shown}"' in client.get(address).content.decode()
    # Somebody approves one meanwhile.
    Posting.objects.filter(invoice__number="INV-002").update(xero_status="AUTHORISED")

    page = client.post(address, {"shown": shown})
    assert "Nothing was asked of Xero" in page.content.decode()
    assert (DocumentChange.objects.count(), woken) == (0, [])

    client.post(address, {"shown": page.context["shown"]})
    assert DocumentChange.objects.count() == 3


def test_corrections_that_would_stay_are_named(client: Client, finance_admin: User) -> None:
    upload = an_upload(finance_admin)
    invoices = {each.number: each for each in Invoice.objects.all()}
    Invoice.objects.filter(number="INV-003").update(corrects=invoices["INV-001"])
    client.force_login(finance_admin)
    alone = client.get(reverse("invoice_take_back", args=[invoices["INV-001"].pk]))
    assert alone.context["corrections"] == [invoices["INV-003"]]
    assert "1 correction of these stays in Xero" in " ".join(alone.content.decode().replace("<b>", "").split())
    assert client.get(reverse("upload_take_back", args=[upload.pk])).context["corrections"] == []
