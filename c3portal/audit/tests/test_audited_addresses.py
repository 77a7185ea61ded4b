"""Every address that changes something leaves an entry in the audit record: who, what, before and after."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from c3portal.audit import record as audit
from c3portal.audit.record import Action
from c3portal.database import clock
from c3portal.http.tests.test_permissions import ROWS
from c3portal.models import AuditEntry, User
from invoices.contacts.link_statuses import link_statuses
from invoices.models import (
    AccountOverride,
    Customer,
    HeldBackInvoice,
    ImportRun,
    Invoice,
    InvoiceLine,
    Posting,
    Upload,
    UploadDraft,
)
from invoices.tests import makers
from invoices.tests.pages import post_ready
from operations.demo import SAMPLE_DATA
from xero_integration import connections
from xero_integration.models import ContactLink, TokenSet, XeroConnection, XeroSettings
from xero_integration.tests.consent_walk import AUSTRALIA, NEW_ZEALAND, give_consent
from xero_sandbox.testing import SandboxControl

# What a form sent to each address leaves, or why nothing.
AUDITED: dict[str, Action | str] = {
    "settings_general": Action.SETTINGS,
    "import_settings": Action.SETTINGS,
    "settings_c3": Action.SETTINGS,
    "settings_c3_test": Action.OPERATION,
    "fetch_from_c3": Action.IMPORT,
    "kind_rules": Action.MAPPING,
    "column_profile": Action.MAPPING,
    "match_columns": Action.MAPPING,
    "account_overrides": Action.MAPPING,
    "tax_overrides": Action.MAPPING,
    "customer_overrides": Action.MAPPING,
    "order_overrides": Action.MAPPING,
    "xero_connect": "leaves for Xero; coming back with a consent is what changes something (home)",
    "choose_organisation": Action.CONNECTION,
    "xero_disconnect": Action.CONNECTION,
    "xero_refresh": Action.OPERATION,
    "xero_try_now": Action.CONNECTION,
    "customer_own": Action.MAPPING,
    "contacts_do": Action.CONTACT,
    "choose_contact": Action.CONTACT,
    "answer_contact": Action.CONTACT,
    "read_contacts": Action.OPERATION,
    "import_invoices": Action.IMPORT,
    "import_start": Action.IMPORT,
    "import_match": "asks for the columns of a file again; confirming them is what changes something",
    "import_discard": Action.IMPORT,
    "import_undo": Action.IMPORT,
    "held_back_close": Action.IMPORT,
    "test_draft_post": Action.OPERATION,
    "test_draft_delete": Action.OPERATION,
    "period_close": Action.OPERATION,
    "period_reopen": Action.OPERATION,
    "period_others": Action.OPERATION,
    "attention_check": "looks for what blocks invoices; it changes nothing about them",
    "attention_post": "keeps a selection for the preflight page; posting it is what changes something",
    "attention_account": Action.MAPPING,
    "download_selected": Action.DOWNLOAD,
    "list_columns": "how someone looks at the list, for themselves alone",
    "save_view": "a filter that someone keeps for themselves alone",
    "delete_view": "a filter that someone kept for themselves alone",
    "upload_to_xero": "keeps a selection for the preflight page; posting it is what changes something",
    "preflight_drafts": "a choice on the preflight page, which the entry of the upload names",
    "preflight_post": Action.UPLOAD,
    "upload_again": "keeps what was refused for the preflight page; posting it is what changes something",
    "upload_check": Action.OPERATION,
    "upload_withdraw": Action.WITHDRAW,
    "upload_take_back": Action.WITHDRAW,
    "invoice_take_back": Action.WITHDRAW,
    "selected_take_back": Action.WITHDRAW,
    "post_again": Action.WITHDRAW,
    "change_withdraw": Action.WITHDRAW,
    "upload_approve": Action.UPLOAD,
    "upload_send": Action.UPLOAD,
    "invoice_approve": Action.UPLOAD,
    "invoice_send": Action.UPLOAD,
    "selected_approve": Action.UPLOAD,
    "selected_send": Action.UPLOAD,
    "update_changed": Action.UPLOAD,
    "invoice_changed": Action.UPLOAD,
    "invoice_credit": Action.UPLOAD,
    "credit_again": Action.OPERATION,
    "preflight_decide": Action.IGNORE,
    "preflight_order": Action.MAPPING,
    "preflight_link": Action.UPLOAD,
    "decide_invoice": Action.IGNORE,
    "ignore_invoices": Action.IGNORE,
    "take_up_invoices": Action.IGNORE,
    "refresh_from_xero": Action.OPERATION,
    "accept_change": Action.OPERATION,
    "webhook_key": Action.SETTINGS,
    "xero_webhook": "names documents to be read; what is read of them is kept as the history of each",
}
# Proved beside their pages.
AUDITED |= dict.fromkeys(
    ["user_new", "user_role", "user_invite", "user_deactivate", "user_activate", "user_second_factor", "invitation"],
    Action.USER,
)
AUDITED |= dict.fromkeys(
    ["notice_choices", "webhooks", "webhook", "webhook_test", "webhook_switch", "webhook_roll", "webhook_delete"],
    Action.NOTICE,
)
AUDITED |= {
    "delivery_again": Action.NOTICE,
    "notices_seen": "says what one has read oneself",
    "own_account": Action.USER,
    "account_login": Action.SIGN_IN,
    "account_logout": Action.SIGN_IN,
    "account_change_password": Action.SIGN_IN,
    "account_set_password": Action.SIGN_IN,
    "account_reset_password_from_key": Action.SIGN_IN,
    "account_reset_password": "sends a link by mail; the new password is what changes something",
    "account_reauthenticate": "asks once more who it is",
    "openid_connect_login": "leaves for the company's sign-in; coming back is what signs in",
    "mfa_authenticate": Action.SIGN_IN,
    "mfa_login_webauthn": Action.SIGN_IN,
    "mfa_reauthenticate": "asks once more who it is",
    "mfa_reauthenticate_webauthn": "asks once more who it is",
    "mfa_activate_totp": Action.SIGN_IN,
    "mfa_deactivate_totp": Action.SIGN_IN,
    "mfa_add_webauthn": Action.SIGN_IN,
    "mfa_edit_webauthn": "gives a passkey another name, for its owner alone",
    "mfa_remove_webauthn": Action.SIGN_IN,
    "mfa_generate_recovery_codes": Action.SIGN_IN,
    "usersessions_list": Action.SIGN_IN,
}
pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def invoices(connected: XeroConnection) -> list[Invoice]:
    """Three invoices that can be posted, of a customer each, with a SKU and with a tax that can be mapped."""
    made = makers.invoices(makers.a_period(), 3)
    InvoiceLine.objects.update(sku="CFQ7TTC0LF8Q:0001")
    Customer.objects.update(country="AU")
    AuditEntry.objects.all()._raw_delete("default")  # connecting left entries of its own
    return made


def only(action: Action) -> AuditEntry:
    """Return the one entry of this kind, which names the person and where they came from."""
    (entry,) = AuditEntry.objects.filter(action=action)
    assert (entry.actor, entry.address) == ("admin@contoso.example", "127.0.0.1")
    assert entry.actor_id == User.objects.get(email=entry.actor).pk
    return entry


def test_every_address_that_takes_a_form_says_what_it_leaves_in_the_audit_record() -> None:
    takes = {row.name for row in ROWS if row.post}
    assert takes - AUDITED.keys() == set(), "AUDITED does not say what a form sent there leaves in the audit record"
    assert AUDITED.keys() - takes == set(), "AUDITED names what takes no form"


# Settings and mapping


def general(**changes: str) -> dict[str, str]:
    row = XeroSettings.load()
    names = "client_id theme_name invoice_status license_account_code azure_account_code custom_account_code"
    kept = {name: str(getattr(row, name)) for name in names.split()}
    return {**kept, "difference_policy": "block", "difference_limit": "0.05", **changes}


def test_saving_the_settings_leaves_what_changed_by_label_and_nothing_of_the_secret(admin: Client, db: None) -> None:
    admin.post("/settings/general/", general(client_id="A1B2C3D4E5F6", client_secret="canary one", theme_name="Blue"))
    entry = only(Action.SETTINGS)
    assert entry.before == {"Client ID": "", "Client Secret": "", "Theme": ""}
    assert entry.after == {"Client ID": "A1B2C3D4E5F6", "Client Secret": "••••", "Theme": "Blue"}

    admin.post("/settings/general/", general(client_secret="canary two", invoice_status="AUTHORISED"))
    last = AuditEntry.objects.latest("pk")
    assert last.before == {"Client Secret": "••••", "Invoices are created in Xero as": "Draft"}
    assert last.after == {"Client Secret": "•••• (another)", "Invoices are created in Xero as": "Approved"}

    admin.post("/settings/general/", general(client_secret="canary two"))
    admin.post("/settings/general/", general(client_id="no"))
    assert AuditEntry.objects.count() == 2


def key_of(client: Client, page: str) -> str:
    return str(client.get(page).context["table"].paginated_rows[0].record.key)


def test_an_override_leaves_before_and_after_and_so_does_its_revert(admin: Client, invoices: list[Invoice]) -> None:
    page = reverse("account_overrides")
    key = key_of(admin, page)
    admin.post(page, {"action": "override", "row": key, "account_code": "4030"})
    admin.post(page, {"action": "override", "row": key, "account_code": "4020"})
    admin.post(page, {"revert": key})
    found = AuditEntry.objects.filter(action=Action.MAPPING).order_by("pk")
    sku = "SKU CFQ7TTC0LF8Q:0001"
    assert [(each.before, each.after) for each in found] == [
        ({}, {sku: "4030"}),
        ({sku: "4030"}, {sku: "4020"}),
        ({sku: "4020"}, {}),
    ]
    assert [each.subject for each in found] == [
        "Settings → Accounts: 1 overridden",
        "Settings → Accounts: 1 overridden",
        "Settings → Accounts: 1 reverted",
    ]


def test_a_mapped_tax_and_a_customer_of_its_own_leave_theirs(admin: Client, invoices: list[Invoice]) -> None:
    for page, chosen in (("tax_overrides", {"tax_type": "OUTPUT"}), ("customer_overrides", {"due_days": "30"})):
        key = key_of(admin, reverse(page))
        admin.post(reverse(page), {"action": "override", "row": key, **chosen})
    tax, customer = AuditEntry.objects.filter(action=Action.MAPPING).order_by("pk")
    assert tax.after == {"AU GST 10 %": "OUTPUT"}
    assert list(customer.after.values()) == ["due after 30 days"]


def test_what_is_a_customers_own_leaves_it_before_and_after(admin: Client, invoices: list[Invoice]) -> None:
    customer = invoices[0].customer
    address = reverse("customer_own", args=[customer.pk])
    admin.post(address, {"due_days": "30", "account_code": "4030"})
    admin.post(address, {"due_days": "14"})
    known = f"{customer.name} ({customer.tenant_id})"
    entry = AuditEntry.objects.filter(action=Action.MAPPING).latest("pk")
    assert entry.subject == f"Customers: {known}"
    assert entry.before == {f"Customer {known}": "due after 30 days", f"Every line, customer {known}": "4030"}
    assert entry.after == {f"Customer {known}": "due after 14 days"}


def test_a_subscriptions_po_number_leaves_its_own(admin: Client, invoices: list[Invoice]) -> None:
    customer = invoices[0].customer
    chosen = {"rule-customer": customer.tenant_id, "rule-subscription": "s-1", "rule-purchase_order": "PO-1"}
    admin.post(reverse("order_overrides"), {"action": "rule", **chosen})
    entry = AuditEntry.objects.get(action=Action.MAPPING)
    assert entry.after == {f"Subscription s-1, customer {customer.name} ({customer.tenant_id})": "PO-1"}


def test_a_file_of_overrides_leaves_one_entry_with_all_that_it_changed(admin: Client, invoices: list[Invoice]) -> None:
    text = "TenantID,Kind,SKU,Match,AccountCode\n,,ONE,exact,4030\n,,TWO,begins,4020\n"
    file = SimpleUploadedFile("overrides.csv", text.encode())
    admin.post(reverse("account_overrides"), {"action": "file", "file": file})
    entry = only(Action.MAPPING)
    assert entry.subject == "Settings → Accounts: 2 taken from a file"
    assert entry.after == {"SKU ONE": "4030", "SKUs that begin with TWO": "4020"}


def test_a_change_that_cannot_be_recorded_is_not_made(
    admin: Client, invoices: list[Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError("no more room")

    key = key_of(admin, reverse("account_overrides"))
    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(IntegrityError):
        admin.post(reverse("account_overrides"), {"action": "override", "row": key, "account_code": "4030"})
    assert not AccountOverride.objects.exists()


# The connection


def test_connecting_choosing_and_disconnecting_leave_their_entries(
    sandbox: SandboxControl, admin: Client, settings: Any
) -> None:
    app = sandbox.ensure_app("C3 portal", [f"{settings.PORTAL_URL}/"])
    XeroSettings.objects.create(pk=1, client_id=app["client_id"], client_secret=app["client_secret"])
    give_consent(admin)
    consent, choice = AuditEntry.objects.filter(action=Action.CONNECTION).order_by("pk")
    assert (consent.subject, consent.before) == (f"Connected to {AUSTRALIA}", {})
    assert consent.after == {AUSTRALIA: "Connected"}
    assert (choice.before, choice.after) == ({}, {"Organisation": AUSTRALIA})

    admin.post(reverse("xero_disconnect"))
    last = AuditEntry.objects.latest("pk")
    assert (last.action, last.subject) == (Action.CONNECTION, f"Disconnected {AUSTRALIA}")
    assert (last.before, last.after) == ({"Status": "Connected"}, {"Status": "Disconnected"})
    assert {each.actor for each in AuditEntry.objects.all()} == {"admin@contoso.example"}


def test_choosing_another_organisation_names_the_one_before(admin: Client, invoices: list[Invoice]) -> None:
    other = XeroConnection.objects.create(
        tenant_id="t", connection_id="c", name=NEW_ZEALAND, token_set=TokenSet.objects.get()
    )
    admin.post(reverse("choose_organisation"), {"connection": other.pk})
    entry = AuditEntry.objects.filter(action=Action.CONNECTION).earliest("pk")
    assert (entry.before, entry.after) == ({"Organisation": AUSTRALIA}, {"Organisation": NEW_ZEALAND})


def test_trying_before_a_pause_is_over_ends_it_and_names_it(admin: Client, connected: XeroConnection) -> None:
    until = clock.now() + dt.timedelta(days=20_000)
    XeroConnection.objects.update(paused_until=until, pause_reason="Xero's daily limit is reached")
    assert "Try now" in admin.get(reverse("invoice_list")).content.decode()
    admin.post(reverse("xero_try_now"))
    entry = AuditEntry.objects.latest("pk")
    assert entry.action == Action.CONNECTION
    assert entry.before == {
        "Paused until": f"{until:%Y-%m-%d %H:%M:%S} UTC",
        "Reason": "Xero's daily limit is reached",
    }
    assert XeroConnection.objects.get().paused_until is None
    admin.post(reverse("xero_try_now"))
    assert AuditEntry.objects.latest("pk") == entry


def test_a_connection_that_ended_by_itself_is_told_as_the_portals_own_entry(connected: XeroConnection) -> None:
    connections.needs_reconnecting(connected, connected.token_set, "Xero no longer accepts it.")
    connections.needs_reconnecting(connected, connected.token_set, "Told twice.")
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.address) == ("The portal", None)
    assert entry.after == {"Status": "Needs reconnecting", "Reason": "Xero no longer accepts it."}
    assert AuditEntry.objects.filter(subject__contains="needs reconnecting").count() == 1


def test_reading_again_leaves_a_line_and_the_renamed_theme_its_own(admin: Client, invoices: list[Invoice]) -> None:
    XeroSettings.objects.update(theme_name="cloud services", theme_id="")
    admin.post(reverse("xero_refresh"))
    assert only(Action.OPERATION).subject == f"What {AUSTRALIA} offers was refreshed"
    assert only(Action.SETTINGS).after["Theme"] == "Cloud services"


# Contacts


def test_linking_creating_and_unlinking_contacts_name_customer_and_contact(
    admin: Client, invoices: list[Invoice], connected: XeroConnection
) -> None:
    admin.post(reverse("read_contacts"))
    assert only(Action.OPERATION).subject.startswith(f"The contacts of {AUSTRALIA} were refreshed")
    one = invoices[0].customer
    admin.post(reverse("contacts_do"), {"action": "create", "customer": one.pk})
    link = ContactLink.objects.get(customer_key=one.tenant_id)
    known, contact = f"{one.name} ({one.tenant_id})", f"{link.contact_name} ({link.contact_id})"
    created = only(Action.CONTACT)
    assert (created.before, created.after) == ({known: ""}, {known: contact})

    admin.post(reverse("contacts_do"), {"action": "unlink", "customer": one.pk, "sure": "1"})
    unlinked = AuditEntry.objects.latest("pk")
    assert (unlinked.before, unlinked.after) == ({known: contact}, {known: ""})

    admin.post(reverse("choose_contact", args=[one.pk]), {"contact": link.contact_id})
    chosen = AuditEntry.objects.latest("pk")
    assert (chosen.subject, chosen.after) == (f"Contacts of {AUSTRALIA} chosen by hand", {known: contact})
    assert {each.state for each in link_statuses(connected) if each.customer == one} == {"linked"}


# Invoices


def test_an_import_leaves_its_file_and_what_came_of_it(admin: Client, imports_at_once: None) -> None:
    (path,) = SAMPLE_DATA.glob("*20260918.csv")
    for name, content in ((path.name, path.read_bytes()), ("bad.csv", b"%PDF-1.7"), ("idle.csv", path.read_bytes())):
        admin.post(reverse("import_invoices"), {"file": SimpleUploadedFile(name, content)})
    run, idle = ImportRun.objects.filter(state=ImportRun.State.READY).order_by("pk")
    admin.post(reverse("import_start", args=[run.pk]))
    admin.post(reverse("import_discard", args=[idle.pk]))
    admin.post(reverse("import_undo", args=[run.pk]))
    entries = list(AuditEntry.objects.filter(action=Action.IMPORT).order_by("pk"))
    assert [each.subject for each in entries] == [
        f"{path.name} was received",
        "bad.csv was received",
        "Import of bad.csv",
        "idle.csv was received",
        f"Import of {path.name} began",
        f"Import of {path.name}",
        "Import of idle.csv was discarded",
        f"Import of {path.name} undone",
    ]
    assert entries[2].after["Result"] == "Refused"
    assert entries[5].after["Result"] == "Imported"
    assert "120 new" in entries[5].after["Summary"]
    assert {each.actor for each in entries} == {"admin@contoso.example"}
    # Where from, of what a person did; the others a worker wrote.
    workers = {each.subject for each in entries if each.address is None}
    assert workers == {"Import of bad.csv", f"Import of {path.name}"}


def test_closing_what_was_held_back_leaves_its_number_and_the_reason(admin: Client, db: None) -> None:
    run = ImportRun.objects.create(file_name="september.csv", size=1, state=ImportRun.State.IMPORTED)
    held = HeldBackInvoice.objects.create(run=run, number="INV-1", billing_id="20260918")
    address = reverse("held_back_close", args=[held.pk])
    admin.post(address, {"reason": "Billed by hand"})
    admin.post(address, {"reason": "Once more"})
    entry = only(Action.IMPORT)
    assert entry.subject == "Held back invoice closed: INV-1"
    assert entry.after == {"Reason": "Billed by hand", "Billing period": "20260918", "Import": run.pk}


def test_an_upload_leaves_how_many_which_period_as_what_and_the_sums(
    admin: Client, invoices: list[Invoice], connected: XeroConnection
) -> None:
    Invoice.objects.filter(pk=invoices[2].pk).update(currency="NZD")
    period = invoices[0].period
    admin.post(reverse("upload_to_xero"), {"period": period.billing_id, "all": "1", "invoice_status": "AUTHORISED"})
    draft = UploadDraft.objects.get()
    admin.post(reverse("preflight_drafts", args=[draft.pk]))
    assert not AuditEntry.objects.exists()
    admin.post(reverse("preflight_post", args=[draft.pk]), {"organisation": connected.pk})
    entry, upload = only(Action.UPLOAD), Upload.objects.get()
    assert entry.subject == f"3 uploaded to {AUSTRALIA}"
    assert entry.after == {
        "Organisation": AUSTRALIA,
        "Billing period": str(period),
        "Invoices": 3,
        "Create in Xero as": "Approved",
        "Upload": upload.pk,
        "Total in AUD": "AUD 220.00",
        "Total in NZD": "NZD 110.00",
        "In a locked period": "as drafts",
    }

    admin.post(reverse("upload_withdraw", args=[upload.pk]))
    admin.post(reverse("upload_withdraw", args=[upload.pk]))
    assert only(Action.WITHDRAW).after == {"Organisation": AUSTRALIA, "Invoices": 3, "Upload": upload.pk}


def test_uploading_refused_ones_again_leaves_an_upload(admin: Client, invoices: list[Invoice], connected: Any) -> None:
    upload = makers.uploaded(connected, None, *invoices, to=Posting.Status.REJECTED)
    page = admin.post(reverse("upload_again", args=[upload.pk]), follow=True)
    assert not AuditEntry.objects.filter(action=Action.UPLOAD).exists()
    post_ready(admin, page)
    assert only(Action.UPLOAD).after["Invoices"] == 3


def test_looking_in_xero_leaves_what_was_found(admin: Client, invoices: list[Invoice], connected: Any) -> None:
    upload = makers.uploaded(connected, None, *invoices, to=Posting.Status.UNCERTAIN)
    admin.post(reverse("upload_check", args=[upload.pk]))
    entry = only(Action.OPERATION)
    assert entry.after["Upload"] == upload.pk
    assert entry.after["Settled"] + entry.after["Not seen there yet"] == 3


def test_ignoring_and_taking_up_leave_the_numbers_and_the_reason(admin: Client, invoices: list[Invoice]) -> None:
    first, second = invoices[:2]
    period = first.period.billing_id
    ticked = {"period": period, "invoice": [str(first.pk), str(second.pk)], "reason": "Billed elsewhere"}
    admin.post(reverse("ignore_invoices"), ticked)
    entry = only(Action.IGNORE)
    assert entry.after == {"Reason": "Billed elsewhere", "Invoices": [first.number, second.number]}

    admin.post(reverse("take_up_invoices"), {"period": period, "only": str(first.pk)})
    assert AuditEntry.objects.latest("pk").before == {first.number: "Billed elsewhere"}
    admin.post(reverse("take_up_invoices"), {"period": period, "only": str(first.pk)})
    assert AuditEntry.objects.filter(action=Action.IGNORE).count() == 2


def test_deciding_about_a_duplicate_leaves_the_numbers_and_the_reason(admin: Client, invoices: list[Invoice]) -> None:
    first, second = invoices[:2]
    Invoice.objects.filter(pk__in=[first.pk, second.pk]).update(billed_hash="the same")
    address = reverse("decide_invoice", args=[second.pk])
    other = {f"other-{second.pk}": str(first.pk)}
    admin.post(address, {"decision": "post", "reason": "Ordered twice", **other})
    entry = only(Action.IGNORE)
    assert entry.subject == "Post anyway: 1 invoice"
    assert entry.after == {"Reason": "Ordered twice", second.number: f"looks like {first.number}"}
    admin.post(address, {"revert": "1"})
    assert AuditEntry.objects.latest("pk").before == {first.number: "Post it anyway"}

    form = {"period": first.period.billing_id, "all": "1", "invoice_status": "DRAFT"}
    admin.post(reverse("upload_to_xero"), form)
    draft = UploadDraft.objects.get()
    decided = {"exclude": str(second.pk), "reason": "Billed twice", **other}
    admin.post(reverse("preflight_decide", args=[draft.pk]), decided)
    assert AuditEntry.objects.latest("pk").after == {"Reason": "Billed twice", "Invoices": [second.number]}


def test_refreshing_and_accepting_leave_a_line_each(
    admin: Client, connected: XeroConnection, finance_admin: User, invoices: list[Invoice]
) -> None:
    makers.uploaded(connected, finance_admin, invoices[0], to=Posting.Status.POSTED)
    invoice = str(invoices[0].pk)
    admin.post(reverse("refresh_from_xero"), {"page": invoice})
    assert only(Action.OPERATION).subject == f"Refreshed from {AUSTRALIA}: 0 documents, 1 with news"
    seen = {"total": {"sent": "110.00", "now": "121.00"}}
    Posting.objects.update(edits=seen)
    form = {"reason": "Agreed by phone", "seen": json.dumps(seen)}
    admin.post(reverse("accept_change", args=[invoice]), form)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.before, entry.after) == ({"Total": "110.00"}, {"Reason": "Agreed by phone", "Total": "121.00"})


# Commands


def test_commands_act_in_their_own_name(db: None, settings: Any) -> None:
    settings.PORTAL_ADMIN_EMAIL, settings.PORTAL_ADMIN_PASSWORD = "First@contoso.example", "a password of the tests"
    call_command("ensure_admin", stdout=io.StringIO())
    call_command("ensure_admin", stdout=io.StringIO())
    (path,) = SAMPLE_DATA.glob("*20260918.csv")
    call_command("import_invoices", str(path), stdout=io.StringIO())
    made, imported = AuditEntry.objects.order_by("pk")
    assert (made.actor, made.after) == (
        "manage.py ensure_admin",
        {"Email": "first@contoso.example", "Role": "System Admin"},
    )
    assert (imported.actor, imported.action) == ("manage.py import_invoices", Action.IMPORT)
