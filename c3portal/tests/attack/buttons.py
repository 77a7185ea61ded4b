"""Every button of the portal, ready to be pressed by several at once, and what is left when it was pressed once."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth import HASH_SESSION_KEY
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3_integration.models import C3Settings
from c3portal.audit.tests.test_audited_addresses import general, key_of
from c3portal.http.tests.test_permissions import _second_factor
from c3portal.models import Delivery, Notice, User, Webhook, roles
from c3portal.users import administration
from invoices.changes import asking
from invoices.corrections.creating import CorrectingLine, create
from invoices.importing import intake
from invoices.importing.importer import import_file
from invoices.matching.meanings import REQUIRED
from invoices.models import (
    AccountOverride,
    HeldBackInvoice,
    ImportProfile,
    ImportRun,
    Invoice,
    PeriodClosing,
    Posting,
    TrialDraft,
    Upload,
    UploadDraft,
)
from invoices.tests import makers
from invoices.tests.c3_files import a_row, csv_bytes
from xero_integration.models import Contact, XeroConnection, XeroSettings
from xero_integration.testing import consent
from xero_integration.tests.consent_walk import NEW_ZEALAND
from xero_sandbox.testing import SandboxControl

NEW = "another password of the tests"
NEW_PASSWORD = {"password1": NEW, "password2": NEW}
ROWS_FILE = b"TenantID,Kind,SKU,Match,AccountCode\n,,ONE,exact,4030\n"


@dataclass
class World:
    """A portal that is connected to the sandbox, with three invoices, a System Admin who presses and someone else."""

    connection: XeroConnection
    admin: User
    other: User
    invoices: list[Invoice]
    client: Client
    sandbox: SandboxControl


@dataclass(frozen=True)
class Button:
    """How to get ready (it returns what comes after the address, and the form), and how many entries of the audit
    record pressing it leaves: once, however many press at the same moment. `each` says why every press counts."""

    ready: Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]
    entries: int = 1
    each: str = ""


def plain(*args: Any, **form: Any) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda world: (args, form)


def _settings(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    page = world.client.get(reverse("settings_general"))
    hidden = {field.html_name: field.value() for field in page.context["form"] if field.is_hidden}
    return (), {**general(theme_name="Cloud services", invoice_status="SUBMITTED"), **hidden}


def _override(name: str, **chosen: str) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda world: ((), {"action": "override", "row": key_of(world.client, reverse(name)), **chosen})


def _order_of_a_subscription(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    chosen = {"customer": world.invoices[0].customer.tenant_id, "subscription": "s-1", "purchase_order": "PO-1"}
    return (), {"action": "rule"} | {f"rule-{name}": value for name, value in chosen.items()}


def _other_organisation(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    other = consent(world.sandbox, XeroSettings.load().client_id, NEW_ZEALAND)
    return (), {"connection": other.pk}


def _paused(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(hours=1), pause_reason="x")
    return (), {}


def _uploaded(to: str) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda world: ((makers.uploaded(world.connection, world.admin, *world.invoices, to=to).pk,), {})


def _posted_one(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    makers.uploaded(world.connection, world.admin, world.invoices[0], to=Posting.Status.POSTED)
    return (world.invoices[0].pk,), {"reason": "A wrong account"}


def _approved(world: World) -> Upload:
    upload = makers.uploaded(world.connection, world.admin, *world.invoices, to=Posting.Status.POSTED)
    Contact.objects.create(connection=world.connection, contact_id="a-contact", name="x", email="x@example.com")
    facts = {"contact": "a-contact"}
    Posting.objects.filter(upload=upload).update(xero_status="AUTHORISED", sent_facts=facts, sent_to_contact=False)
    return upload


def _selected_in_xero(world: World, *, approved: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    (_approved if approved else _uploaded(Posting.Status.POSTED))(world)
    return _selection(confirmed="1")(world)


def _differing(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    makers.uploaded(world.connection, world.admin, *world.invoices, to=Posting.Status.POSTED)
    makers.account_changed_since()
    form = {"period": world.invoices[0].period.billing_id, "compare": "settings"}
    page = world.client.get(reverse("update_changed"), form)
    return (), {**form, "seen": page.context["seen"], "reason": "A wrong account"}


def _one_that_differs(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    _differing(world)
    page = world.client.get(reverse("invoice_changed", args=[world.invoices[0].pk]))
    return (world.invoices[0].pk,), {"seen": page.context["seen"], "reason": "A wrong account"}


def _gone_in_xero(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    upload = makers.uploaded(world.connection, world.admin, *world.invoices, to=Posting.Status.POSTED)
    Posting.objects.filter(upload=upload).update(xero_status="VOIDED")
    return (), {"upload": str(upload.pk)}


def _asked_in_xero(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    makers.uploaded(world.connection, world.admin, *world.invoices, to=Posting.Status.POSTED)
    asked = asking.undo(Posting.objects.all(), connection=world.connection, user=world.admin)
    assert asked.request is not None
    return (asked.request.pk,), {}


def _draft(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    form = {"period": world.invoices[0].period.billing_id, "all": "1", "invoice_status": "DRAFT"}
    world.client.post(reverse("upload_to_xero"), form)
    draft = UploadDraft.objects.get()
    page = world.client.get(draft.get_absolute_url())
    kept = {"organisation": page.context["organisation"].pk, "taken": "", "known_notes": ""}
    return (draft.pk,), {name: str(value) for name, value in kept.items()}


def _selection(**more: str) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    def ready(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
        ids = [str(invoice.pk) for invoice in world.invoices]
        return (), {"period": world.invoices[0].period.billing_id, "invoice": ids, **more}

    return ready


def _ignored(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    Invoice.objects.update(ignored_because="x")
    return (), {"period": world.invoices[0].period.billing_id, "only": str(world.invoices[0].pk)}


def _in_xero(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    makers.uploaded(world.connection, world.admin, *world.invoices, to=Posting.Status.POSTED)
    return (), {"period": world.invoices[0].period.billing_id}


def _changed_in_xero(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    _in_xero(world)
    seen = {"total": {"sent": "110.00", "now": "121.00"}}
    Posting.objects.update(edits=seen)
    return (world.invoices[0].pk,), {"reason": "Agreed by phone", "seen": json.dumps(seen)}


def _undecided(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    Invoice.objects.update(billed_hash="the same")
    first, second = world.invoices[:2]
    return (second.pk,), {"decision": "post", "reason": "Ordered twice", f"other-{second.pk}": str(first.pk)}


def _alike(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    _, form = _undecided(world)
    (pk,), _ = _draft(world)
    (group,) = world.client.get(reverse("preflight", args=[pk])).context["groups"]
    return (pk,), {**form, "group": group["problem"].subject, "count": group["count"], "shown": group["shown"]}


def _without_order(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    draft, _ = _draft(world)
    return draft, {"customer": world.invoices[0].customer.tenant_id, "purchase_order": "PO-4711"}


def _posted_by_hand(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    world.sandbox.write_document(_element(world))
    draft, _ = _draft(world)
    return draft, {"all": "1"}


def _element(world: World) -> dict[str, Any]:
    """Return the first invoice as somebody would write it into Xero by hand."""
    invoice = world.invoices[0]
    contact = {"name": invoice.customer.name, "number": invoice.customer.tenant_id}
    return {
        "InvoiceNumber": invoice.xero_number,
        "Contact": {"ContactID": world.sandbox.put_contacts([contact])[0]["contact_id"]},
        "CurrencyCode": invoice.currency,
        "LineItems": [
            {
                "Description": "A",
                "Quantity": 1,
                "UnitAmount": str(each.subtotal),
                "AccountCode": "4010",
                "TaxType": "OUTPUT",
            }
            for each in invoice.lines.all()
        ],
    }


def _approved_in_xero(world: World) -> Invoice:
    """Return the first invoice, approved in Xero."""
    written = world.sandbox.write_document(_element(world) | {"Status": "AUTHORISED", "DueDate": "2026-12-24"})
    makers.uploaded(world.connection, world.admin, world.invoices[0], to=Posting.Status.POSTED)
    in_xero = {"xero_id": written["InvoiceID"], "xero_status": "AUTHORISED", "amount_due": 110}
    Posting.objects.update(**in_xero, read_at=timezone.now())
    return Invoice.objects.get(pk=world.invoices[0].pk)


def _creditable(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    invoice = _approved_in_xero(world)
    form = {"what": "all", "reason": "One too many", "invoice_status": "DRAFT"}
    return (invoice.pk,), form | {"confirm": "1", "total": "-110.00", "number": f"{invoice.number}-CN1"}


def _credited(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    line = CorrectingLine("A", Decimal(-1), Decimal(10), Decimal(-10), "4010", "OUTPUT", Decimal(10))
    note = create(_approved_in_xero(world), [line], reason="One too many", contact_id="")
    makers.uploaded(world.connection, world.admin, note, to=Posting.Status.POSTED)
    Posting.objects.filter(invoice=note).update(xero_status="AUTHORISED")
    return (note.pk,), {}


def _someone(**state: Any) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    def ready(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
        User.objects.filter(pk=world.other.pk).update(**state)
        return (world.other.pk,), {}

    return ready


def _with_second_factor(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    _second_factor(world.other)
    return (world.other.pk,), {}


def _invited(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (administration.invite(None, "new@contoso.example", "New", roles.SYSTEM_READER).pk,), {}


def _webhook(**form: Any) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda world: ((Webhook.objects.create(url="https://hooks.invalid/").pk,), form)


def _delivery(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    notice = Notice.objects.create(key="x", kind="test", subject="x")
    webhook = Webhook.objects.create(url="https://hooks.invalid/")
    return (Delivery.objects.create(notice=notice, webhook=webhook, status=Delivery.Status.FAILED).pk,), {}


def _reset_link(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (user_pk_to_url_str(world.admin), default_token_generator.make_token(world.admin)), NEW_PASSWORD


def _own_app(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    _second_factor(world.admin)
    return (), {}


def _own_passkey(**form: Any) -> Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]:
    return lambda world: ((_second_factor(world.admin),), form)


def _contacts_read(then: Callable[[World], tuple[tuple[Any, ...], dict[str, Any]]]) -> Any:
    def ready(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
        world.client.post(reverse("read_contacts"))
        return then(world)

    return ready


def _a_contact(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    contact = world.connection.contacts.filter(status="ACTIVE").order_by("pk")[0]
    return (world.invoices[0].customer.pk,), {"contact": contact.contact_id}


def _set_up_with_c3(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    named = ("api_url", "client_id", "client_secret", "resource")
    C3Settings.objects.create(pk=1, fetch_enabled=False, **dict.fromkeys(named, "x"))
    return (), {}


def _sample(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from operations.demo import SAMPLE_DATA

    (path,) = SAMPLE_DATA.glob("*20260818.csv")
    return (), {"file": SimpleUploadedFile(path.name, path.read_bytes())}


def _ready_to_import(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    path = intake.path_of("ready.import")
    path.write_bytes(b"x")
    run = ImportRun.objects.create(
        file_name="lines.csv", size=1, state=ImportRun.State.READY, stored_as=path.name, user=world.admin
    )
    return (run.pk,), {}


def _columns_to_match(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    path = intake.path_of("columns.import")
    path.write_bytes(csv_bytes(a_row()).replace(b"SubTotal", b"Net amount"))
    run = ImportRun.objects.create(
        file_name="lines.csv", size=1, state=ImportRun.State.COLUMNS, stored_as=path.name, user=world.admin
    )
    form = world.client.get(reverse("match_columns", args=[run.pk])).context["form"]
    return (run.pk,), {"action": "confirm"} | {each.html_name: each.value() or "" for each in form}


def _a_profile(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    columns = {name: name for name in REQUIRED}
    profile = ImportProfile.objects.create(name="Shop", header=list(REQUIRED), columns=columns)
    form = world.client.get(reverse("column_profile", args=[profile.pk])).context["form"]
    return (profile.pk,), {each.html_name: each.value() or "" for each in form} | {"name": "Market"}


def _imported(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from operations.demo import SAMPLE_DATA

    (path,) = SAMPLE_DATA.glob("*20260818.csv")
    return (import_file(path).pk,), {}


def _held_back(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    run = ImportRun.objects.create(file_name="lines.csv", size=1, state=ImportRun.State.IMPORTED)
    return (HeldBackInvoice.objects.create(run=run, number="x").pk,), {"reason": "Billed by hand"}


def _without_password(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    world.admin.set_unusable_password()
    User.objects.filter(pk=world.admin.pk).update(password=world.admin.password)
    session = world.client.session
    session[HASH_SESSION_KEY] = world.admin.get_session_auth_hash()
    session.save()
    return (), NEW_PASSWORD


def _another_account(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    AccountOverride.objects.create(sku="ONE", account_code="4999")
    period = world.invoices[0].period.billing_id
    return (), {"period": period, "cause": "a" * 13, "instead_of": "4999", "account": "4030"}


def _period(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (world.invoices[0].period.pk,), {"reason": "x"}


def _closed(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    PeriodClosing.objects.create(period=world.invoices[0].period)
    return _period(world)


TRIES = "tries what is saved, which may be done as often as one likes; each try is in the record"


def _tried(world: World) -> tuple[tuple[Any, ...], dict[str, Any]]:
    world.client.post(reverse("test_draft_post"))
    assert TrialDraft.objects.get().state == TrialDraft.State.POSTED
    return (), {}


READS = "reads from Xero, which may be done as often as one likes; each read is in the record"
PRESSED = "each press is meant: the answer shows what it made"
LEAVES = "leaves the portal or the account, which changes nothing of anyone else's"

BUTTONS = {
    "settings_general": Button(_settings),
    "settings_c3": Button(plain(client_id="another", fetch_hour="7")),
    "settings_c3_test": Button(plain(), each=TRIES),
    "fetch_from_c3": Button(_set_up_with_c3),
    "import_settings": Button(plain(bill_resellers="customer", time_zone="Australia/Sydney")),
    "column_profile": Button(_a_profile),
    "match_columns": Button(_columns_to_match),
    "kind_rules": Button(plain(category="Reservation", kind="license")),
    "account_overrides": Button(_override("account_overrides", account_code="4030")),
    "tax_overrides": Button(_override("tax_overrides", tax_type="OUTPUT")),
    "customer_overrides": Button(_override("customer_overrides", due_days="30")),
    "order_overrides": Button(_order_of_a_subscription),
    "xero_connect": Button(plain(), 0),
    "choose_organisation": Button(_other_organisation, 2),  # where uploads go, and the theme by its id there
    "xero_disconnect": Button(plain()),
    "xero_try_now": Button(_paused),
    "xero_refresh": Button(plain(), each=READS),
    "customer_own": Button(lambda world: ((world.invoices[0].customer.pk,), {"due_days": "30"})),
    "read_contacts": Button(plain(), each=READS),
    "contacts_do": Button(
        _contacts_read(lambda world: ((), {"action": "create", "customer": world.invoices[0].customer.pk}))
    ),
    "choose_contact": Button(_contacts_read(_a_contact)),
    "answer_contact": Button(_contacts_read(_a_contact)),
    "import_invoices": Button(_sample, each="each file that is sent is in the record, with what came of it"),
    "import_start": Button(_ready_to_import),
    "import_match": Button(_ready_to_import, 0),
    "import_discard": Button(_ready_to_import),
    "import_undo": Button(_imported),
    "held_back_close": Button(_held_back),
    "attention_check": Button(plain(), 0),
    "attention_post": Button(lambda world: ((), {**_another_account(world)[1]}), 0),
    "attention_account": Button(_another_account),
    "test_draft_post": Button(plain(), 2),  # that it was asked for, and what became of it
    "test_draft_delete": Button(_tried),
    "period_close": Button(_period),
    "period_reopen": Button(_closed),
    "period_others": Button(_period, each=READS),
    "list_columns": Button(plain(column="issued_on"), 0),
    "save_view": Button(_selection(state="not_uploaded", name="Mine"), 0),
    "delete_view": Button(plain(name="Mine"), 0),
    "download_selected": Button(_selection(**{"as": "csv"}), each="each file that is taken is in the record"),
    "upload_to_xero": Button(_selection(invoice_status="DRAFT"), 0),
    "preflight_drafts": Button(_draft, 0),
    "preflight_post": Button(_draft),
    "upload_again": Button(_uploaded(Posting.Status.REJECTED), 0),
    "upload_check": Button(_uploaded(Posting.Status.UNCERTAIN), each=READS),
    "upload_take_back": Button(_uploaded(Posting.Status.POSTED)),
    "invoice_take_back": Button(_posted_one),
    "selected_take_back": Button(lambda world: _selected_in_xero(world, approved=False)),
    "post_again": Button(_gone_in_xero),
    "change_withdraw": Button(_asked_in_xero),
    "upload_approve": Button(_uploaded(Posting.Status.POSTED)),
    "upload_send": Button(lambda world: ((_approved(world).pk,), {})),
    "invoice_approve": Button(_posted_one),
    "invoice_send": Button(lambda world: ((_approved(world).postings.all()[0].invoice_id,), {})),
    "selected_approve": Button(lambda world: _selected_in_xero(world, approved=False)),
    "selected_send": Button(lambda world: _selected_in_xero(world, approved=True)),
    "update_changed": Button(_differing),
    "invoice_changed": Button(_one_that_differs),
    "invoice_credit": Button(_creditable),
    "credit_again": Button(_credited),
    "upload_withdraw": Button(_uploaded(Posting.Status.QUEUED)),
    "preflight_decide": Button(_alike),
    "preflight_link": Button(_posted_by_hand),
    "preflight_order": Button(_without_order),
    "decide_invoice": Button(_undecided),
    "ignore_invoices": Button(_selection(reason="Billed elsewhere")),
    "take_up_invoices": Button(_ignored),
    "refresh_from_xero": Button(_in_xero, each=READS),
    "accept_change": Button(_changed_in_xero),
    "webhook_key": Button(plain(webhook_key="the key of the tests")),
    "user_new": Button(plain(email="new@contoso.example", name="New", role=roles.SYSTEM_READER)),
    "user_role": Button(lambda world: ((world.other.pk,), {"role": roles.SYSTEM_READER})),
    "user_invite": Button(_invited, each=PRESSED),
    "user_deactivate": Button(_someone(is_active=True)),
    "user_activate": Button(_someone(is_active=False)),
    "user_second_factor": Button(_with_second_factor),
    "notices_seen": Button(plain(upto="1"), 0),
    "notice_choices": Button(plain(kinds=["mapping_drift"])),
    "webhooks": Button(plain(url="https://hooks.invalid/"), each=PRESSED),
    "webhook": Button(_webhook(kinds=["mapping_drift"])),
    "webhook_test": Button(_webhook(), each=PRESSED),
    "webhook_switch": Button(_webhook(on="0")),
    "webhook_roll": Button(_webhook(), each=PRESSED),
    "webhook_delete": Button(_webhook()),
    "delivery_again": Button(_delivery, each=PRESSED),
    "own_account": Button(plain(name="Another name", time_zone="Europe/Berlin")),
    "account_change_password": Button(plain(oldpassword="a password of the tests", **NEW_PASSWORD)),
    "account_set_password": Button(_without_password),
    "account_reset_password_from_key": Button(_reset_link),
    "account_logout": Button(plain(), each=LEAVES),
    "mfa_deactivate_totp": Button(_own_app),
    "mfa_remove_webauthn": Button(_own_passkey()),
    "mfa_edit_webauthn": Button(_own_passkey(name="Another name"), 0),
    "mfa_generate_recovery_codes": Button(_own_app, each=PRESSED),
    "usersessions_list": Button(plain(), each=LEAVES),
}
# Proved beside their pages, since what is sent there is made by a device or works only once by itself.
ELSEWHERE = {
    "xero_webhook": "invoices/readback/tests/test_webhook.py",
    "invitation": "c3portal/users/tests/test_invitations.py",
    "account_login": "c3portal/users/sign_in/tests/test_sign_in.py",
    "account_reset_password": "c3portal/users/sign_in/tests/test_sign_in.py",
    "account_reauthenticate": "c3portal/users/sign_in/tests/test_sign_in.py",
    "openid_connect_login": "c3portal/users/sign_in/tests/test_oidc.py",
    "mfa_authenticate": "c3portal/users/sign_in/tests/test_mfa.py",
    "mfa_reauthenticate": "c3portal/users/sign_in/tests/test_mfa.py",
    "mfa_activate_totp": "c3portal/users/sign_in/tests/test_mfa.py",
    "mfa_add_webauthn": "c3portal/users/sign_in/tests/test_passkeys_browser.py",
    "mfa_login_webauthn": "c3portal/users/sign_in/tests/test_passkeys_browser.py",
    "mfa_reauthenticate_webauthn": "c3portal/users/sign_in/tests/test_passkeys_browser.py",
}
