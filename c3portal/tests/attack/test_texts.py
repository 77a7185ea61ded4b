"""Whatever stands in whichever text of whichever table: no page, file, header or log line does what it says."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import logging
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from logging.config import DictConfigurator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3_integration.models import C3Fetch, C3Settings
from c3portal.audit import record as audit
from c3portal.http.tests.test_csv_response import content_of, is_harmless
from c3portal.http.tests.test_odd_requests import QUERY
from c3portal.http.tests.test_permissions import ROWS, Row
from c3portal.models import Delivery, Heartbeat, Lease, LiveProcess, Notice, NoticeChoice, User, roles
from c3portal.models.notices import Kind
from c3portal.telemetry import log_config, tracing
from c3portal.tests.attack.breadth import WHOLE, part
from c3portal.tests.attack.forms import Forms
from c3portal.tests.attack.markup import suspicions
from c3portal.tests.attack.texts import ALIKE, TEXTS, fill, text_fields
from invoices.models import (
    AccountOverride,
    AppliedCredit,
    AttentionCheck,
    BillingPeriod,
    ChangeCall,
    ChangeRequest,
    Customer,
    CustomerOverride,
    DocumentChange,
    DocumentEvent,
    DuplicateDecision,
    HeldBackInvoice,
    ImportFinding,
    ImportProfile,
    ImportRun,
    Invoice,
    InvoiceLine,
    KindRule,
    LaterLine,
    LaterVersion,
    ListChoices,
    OthersInXero,
    PastDocument,
    Payment,
    PeriodClosing,
    Posting,
    SubscriptionOrder,
    TaxOverride,
    TrialDraft,
    Twin,
    XeroEvent,
)
from invoices.posting import sent_documents
from invoices.tests import makers
from xero_integration.models import (
    Account,
    BrandingTheme,
    CallBudget,
    CallCount,
    Contact,
    ContactLink,
    Currency,
    TrackingCategory,
    UnlinkedContact,
    XeroConnection,
)

pytestmark = pytest.mark.attack
ClientOf = Callable[..., Client]
# What no page and no file need show.
NOT_SHOWN = {
    **dict.fromkeys(["c3portal.Notice.data", "c3portal.Notice.key"], "for machines"),
    **dict.fromkeys(
        [
            "invoices.DuplicateDecision.invoice_billed_hash",
            "invoices.DuplicateDecision.other_billed_hash",
            "invoices.ImportRun.sha256",
            "invoices.Invoice.billed_hash",
            "invoices.Invoice.charges_hash",
            "invoices.Invoice.keyless_hash",
            "invoices.Invoice.named_hash",
            "invoices.Invoice.source_hash",
        ],
        "sums of the portal's own",
    ),
    **dict.fromkeys(
        ["c3_integration.C3Fetch.only_period", "c3_integration.C3Fetch.period"], "shown while a fetch is in progress"
    ),
    "invoices.TrialDraft.xero_status": "says whether it is deleted, which the page says in its own words",
    "invoices.DuplicateDecision.reason": "shown where two invoices look the same, which these texts are not",
    "invoices.ImportRun.correlation_id": "shown on the page of the fetch that brought it",
    "invoices.ImportRun.options": "chosen from what the file has, for the worker",
    **dict.fromkeys(
        ["invoices.ImportProfile.columns", "invoices.ImportProfile.formats"],
        "shown as far as they are among the choices of the profile's page",
    ),
    **dict.fromkeys(
        ["c3portal.Lease.holder", "c3portal.Lease.rival", "c3portal.LiveProcess.host", "c3portal.LiveProcess.boot"],
        "names of processes, for the log",
    ),
    **dict.fromkeys(
        ["invoices.Submission.correlation_id", "invoices.Submission.problem", "invoices.Submission.trace_id"],
        "for the log",
    ),
    **dict.fromkeys(
        [
            "invoices.ChangeCall.body_sha256",
            "invoices.ChangeCall.correlation_id",
            "invoices.ChangeCall.problem",
            "invoices.ChangeCall.trace_id",
            "invoices.ChangeRequest.reason",
            "invoices.ChangeRequest.trace_id",
            "invoices.DocumentChange.xero_id",
            "invoices.PastDocument.xero_id",
            "invoices.Upload.trace_id",
        ],
        "for the log",
    ),
    **dict.fromkeys(
        ["invoices.XeroEvent.category", "invoices.XeroEvent.resource_id", "invoices.XeroEvent.tenant_id"],
        "until it is read",
    ),
    **dict.fromkeys(
        [f"invoices.LaterLine.{name}" for name in ("name", "sku", "source", "tax_name")],
        "shown beside what was sent, where Xero would take it",
    ),
    "invoices.SentDocument.xero_id": "tells whether it is the document that is in Xero now",
    **dict.fromkeys(
        ["invoices.Invoice.reason", "invoices.InvoiceLine.tax_type"], "of corrections, of which there is none here"
    ),
    "invoices.DocumentEvent.status": "its sentences say it",
    "invoices.Posting.online_url": "shown where it leads to Xero, which these texts do not",
    "xero_integration.XeroConnection.organisation_class": "says how many mails a day may be sent",
    "invoices.Posting.number": "the number of the next document, shown before it is posted",
    "invoices.Posting.sent_facts": "compared with what Xero has, and what differs is shown",
    "xero_integration.XeroConnection.pause_problem": "decides which notice is sent, and is never shown",
    **dict.fromkeys(
        [
            "invoices.CustomerOverride.theme_name",
            "invoices.HeldBackInvoice.customer_key",
            "xero_integration.CallCount.endpoint",
            "xero_integration.CallCount.result",
            "xero_integration.Account.tax_type",
            "xero_integration.Contact.contact_number",
            "xero_integration.Contact.merged_into",
            "xero_integration.Contact.name_key",
            "xero_integration.ContactLink.contact_name",
            "xero_integration.Currency.name",
            "xero_integration.TaxRate.components",
            "xero_integration.TrackingCategory.category_id",
            "xero_integration.TrackingCategory.name",
            "xero_integration.TrackingCategory.options",
            "xero_integration.UnlinkedContact.contact_id",
            "xero_integration.UnlinkedContact.customer_key",
            "xero_integration.XeroConnection.organisation_status",
            "xero_integration.XeroConnection.time_zone",
        ],
        "compared with something and not shown, or shown only where it differs from what is shown here",
    ),
    **dict.fromkeys(
        [
            "xero_integration.TokenSet.scopes",
            "xero_integration.TokenSet.xero_user_id",
            "xero_integration.XeroConnection.connection_id",
            "xero_integration.XeroConnection.tenant_id",
        ],
        "for Xero",
    ),
}
# The first two say that no broker runs, and no document can be made of such texts.
NOT_THERE = {"health_ready", "health_web", "payload_json"}
METRICS = {"Authorization": "Bearer a-token-of-the-tests"}


@pytest.fixture
def everything(open_for_attack: list[int], things: dict[str, Any], people: dict[str, User]) -> dict[str, Any]:
    """A portal with a row in every table, behind the things that the addresses name."""
    connection, admin = XeroConnection.objects.get(), people[roles.SYSTEM_ADMIN]
    XeroConnection.objects.update(paused_until=timezone.now() + dt.timedelta(hours=1), pause_reason="x")
    _offer(connection)
    posted, rejected = makers.invoices(BillingPeriod.objects.get(), 2, "MORE")
    upload = makers.uploaded(connection, admin, posted, to=Posting.Status.POSTED)
    makers.uploaded(connection, admin, rejected, to=Posting.Status.REJECTED)
    ignored = makers.an_invoice(BillingPeriod.objects.get(), "IGNORED")
    Invoice.objects.filter(pk=ignored.pk).update(ignored_by=admin, ignored_at=timezone.now(), ignored_because="x")
    Payment.objects.create(posting=upload.postings.get(), payment_id="p", paid_on=posted.due_on, amount=Decimal(5))
    Twin.objects.create(posting=upload.postings.get(), xero_id="x", number="x", status="x", total=Decimal(5))
    _read_back(upload.postings.get())
    AttentionCheck.objects.create(period=posted.period, connection=connection)
    PeriodClosing.objects.create(period=posted.period, closed_by=admin, reason="x", checksum="x")
    OthersInXero.objects.create(period=posted.period, connection=connection)
    TrialDraft.objects.create(connection=connection, number="x", expected=Decimal(1), state="posted", message="x")
    _override(posted.customer)
    ImportFinding.objects.create(run=ImportRun.objects.get(), row=2, reason="x")
    refused = ImportRun.objects.create(file_name="x", size=1, state=ImportRun.State.REFUSED, reason="x")
    ImportFinding.objects.create(run=refused, row=2, invoice_number="x", reason="x")
    ImportRun.objects.create(file_name="x", size=1, state=ImportRun.State.IMPORTED, notes=["x"])
    _imported(posted, rejected)
    for user in people.values():
        Delivery.objects.create(notice=Notice.objects.get(), user=user, status=Delivery.Status.FAILED)
        ListChoices.objects.create(user=user)
        NoticeChoice.objects.create(user=user, kind=Kind.UPLOAD_FINISHED, wanted=True)
    for action in audit.Action.values:
        audit.record("x", action, "x", before={"x": "x"})
    now = timezone.now()
    C3Settings.objects.create(pk=1, **dict.fromkeys(("api_url", "client_id", "client_secret", "resource"), "x"))
    C3Fetch.objects.update(state=C3Fetch.State.FAILED, problem=C3Fetch.Problem.REFUSED, finished_at=now)
    Lease.objects.create(name="x", holder="x", rival="x", until=now)
    LiveProcess.objects.create(kind=LiveProcess.Kind.values[0], host="x", pid=1, started_at=now, seen_at=now)
    for process in Heartbeat.Process.values:
        Heartbeat.objects.get_or_create(process=process, defaults={"seen_at": timezone.now()})
    asked = {"/invoices/changes/": ChangeRequest.objects.latest("pk").pk}
    found = {"/invoices/<pk>/": posted.pk, "/invoices/logs/": upload.pk, "/contacts/": posted.customer.pk}
    # The one whose contact is linked, so that what differs between both is shown.
    found["/customers/"] = Customer.objects.order_by("pk")[0].pk
    return {**things, **asked, **found}


def _read_back(posting: Posting) -> None:
    """Leave what became of a document in Xero, and what was asked of it."""
    Posting.objects.filter(pk=posting.pk).update(edits_accepted_at=timezone.now(), edits_accepted_because="x")
    Posting.objects.filter(pk=posting.pk).update(
        sent_to_contact=True, mailed_at=timezone.now(), mailed_to="x", attempt=1
    )
    DocumentEvent.objects.create(posting=posting, source=DocumentEvent.Source.XERO, facts=["x"], who="x")
    AppliedCredit.objects.create(
        posting=posting, kind=AppliedCredit.Kind.CREDIT_NOTE, xero_id="x", number="x", amount=Decimal(5)
    )
    XeroEvent.objects.create(tenant_id="x", category="x", resource_id="x")
    PastDocument.objects.create(posting=posting, xero_id="x", number="x", status="x", why="x")
    SubscriptionOrder.objects.create(customer=posting.invoice.customer, subscription="x", purchase_order="x")
    sent_documents.keep([(posting, {"Contact": {"ContactID": "x"}, "LineItems": []})])
    version = LaterVersion.objects.create(pk=uuid.uuid4(), invoice=posting.invoice, facts={"total": "1.00"})
    amounts = dict.fromkeys(("quantity", "unit_price", "subtotal", "tax_percentage", "tax", "total"), Decimal(1))
    LaterLine.objects.create(version=version, position=1, kind="license", sku="x", name="x", tax_name="x", **amounts)
    asked = ChangeRequest.objects.create(connection=posting.connection, reason="x")
    kind, until = DocumentChange.Kind.values[0], timezone.now()
    call = ChangeCall.objects.create(connection=posting.connection, kind=kind, lease_until=until)
    DocumentChange.objects.create(
        request=asked,
        posting=posting,
        connection=posting.connection,
        document_type=posting.document_type,
        xero_id="x",
        kind=kind,
        status=DocumentChange.Status.REFUSED,
        call=call,
        message="x",
    )


def _imported(invoice: Invoice, other: Invoice) -> None:
    """Leave what imports leave: a profile, a rule for a kind, an invoice held back, and a decision."""
    run = ImportRun.objects.latest("pk")
    ImportProfile.objects.create(name="x", header=["x"], columns={"InvoiceNumber": "x"})
    KindRule.objects.create(category="x", kind=InvoiceLine.Kind.LICENSE)
    ImportFinding.objects.create(run=run, kind=ImportFinding.Kind.HELD_BACK, row=2, invoice_number="x", reason="x")
    HeldBackInvoice.objects.create(run=run, number="x", customer_name="x", currency="AUD", billing_id="x")
    DuplicateDecision.objects.create(invoice=invoice, other=other, decision="post", reason="x")


def _offer(connection: XeroConnection) -> None:
    """Give the organisation one of each thing that organisations offer."""
    Account.objects.create(connection=connection, code="200", name="x", type="REVENUE", status="ACTIVE")
    BrandingTheme.objects.create(connection=connection, theme_id="t", name="x")
    Currency.objects.create(connection=connection, code="AUD", name="x")
    TrackingCategory.objects.create(connection=connection, category_id="c", name="x", status="ACTIVE")
    for index, customer in enumerate(Customer.objects.all()):
        Contact.objects.create(connection=connection, contact_id=f"c{index}", name=customer.name, status="ACTIVE")
    first, *_ = Customer.objects.order_by("pk")
    ContactLink.objects.create(
        connection=connection, customer_key=first.tenant_id, contact_id="c0", contact_name="x", matched_by="hand"
    )
    UnlinkedContact.objects.create(connection=connection, customer_key="x", contact_id="x")
    CallBudget.objects.get_or_create(connection=connection)
    CallCount.objects.create(connection=connection, endpoint="x", result="x", bucket=1)


def _override(customer: Customer) -> None:
    AccountOverride.objects.create(sku="x", account_code="200")
    AccountOverride.objects.create(customer=customer, kind="license", account_code="200")
    CustomerOverride.objects.create(customer=customer, theme_id="t", due_days=5)
    TaxOverride.objects.create(tax_name="x", percentage=Decimal(10), tax_type="OUTPUT")


def visited(things: dict[str, Any], kind: str) -> list[tuple[Row, str]]:
    """Return every page and file, each file as the different kinds of it that there are."""
    period = quote(BillingPeriod.objects.get().billing_id, safe="")
    found = []
    for row in ROWS:
        # A workbook is no text: what its cells hold is proved beside its maker.
        if row.get and row.name != "download_xlsx":
            for file in ("invoices", "lines", "payments") if row.name == "download" else ("",):
                given = {**things, "/invoices/download/": file}
                path = reverse_of(row, given, kind)
                found.append((row, f"{path}?period={period}" if "invoice" in path else path))
            if row.name == "import_run":
                runs = ImportRun.objects.values_list("pk", flat=True)
                found += [(row, reverse_of(row, {**things, "/invoices/import/": run}, kind)) for run in runs]
    return found


def reverse_of(row: Row, things: dict[str, Any], kind: str) -> str:
    names = re.findall(r"<(\w+)>", row.address)
    found = [thing for beginning, thing in things.items() if row.address.startswith(beginning)]
    thing = found[-1] if found else None
    one = thing.get(kind, 0) if isinstance(thing, dict) else thing
    return reverse(row.name, kwargs=dict.fromkeys(names, one))


def text_of(answer: HttpResponseBase) -> str:
    return content_of(answer).decode("utf-8-sig", "surrogatepass")


# What the sums of the template syntax come to: too long to stand in a token of a page by chance.
RUN = "8428921613"


def wrong_with(answer: HttpResponseBase) -> list[str]:
    """Return what an answer does that a text in it told it to."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return [f"{answer.status_code} {getattr(answer, 'exc_info', ('',))[:2]}"]
    text, kind = text_of(answer), answer.headers.get("Content-Type", "")
    found = [f"header {name}: {value!r}" for name, value in answer.items() if re.search(r"[\x00-\x1f\x7f]", value)]
    found += [f"cookie {name}" for name in answer.cookies if "attack" in name]
    if kind.startswith("text/html"):
        found += suspicions(text)
        found += ["a template's syntax was run"] * (RUN in text)
    elif kind.startswith("text/csv"):
        found += [f"formula {cell[:60]!r}" for cell in cells_of(text) if not is_harmless(cell)]
    elif kind.startswith("text/plain"):
        found += [f"line {line[:60]!r}" for line in text.split("\n") if not re.match(r"(#|[a-z]|$)", line)]
    elif "json" in kind:
        for line in text.removesuffix("\n").split("\n") if "jsonl" in kind else [text]:
            assert not line or json.loads(line)
    return found


def cells_of(text: str) -> set[str]:
    """Return the cells of a CSV file as spreadsheets of all countries take them, whatever separates lists there."""
    csv.field_size_limit(2**31 - 1)
    return {
        cell
        for separator in ",;\t"
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for cell in row
    }


KINDS = [*roles.ALL, "without a role", "nobody"] if WHOLE else [roles.SYSTEM_ADMIN]


@pytest.mark.parametrize("kind", TEXTS)
def test_no_text_does_what_it_says(everything: dict[str, Any], client_of: ClientOf, kind: str) -> None:
    fill(kind)
    wrong = []
    for who in KINDS:
        pages = visited(everything, who)
        for row, path in part(pages, list(TEXTS).index(kind), len(pages) // 3):
            answer = client_of(who).get(path, headers=METRICS)
            wrong += [f"{row.name} as {who}: {each}" for each in wrong_with(answer)]
            if who in row.get and row.name not in NOT_THERE:
                assert answer.status_code not in (403, 404, 405), f"{row.name} as {who}: not looked at"
    assert not wrong, "\n".join(wrong)


@pytest.mark.both_databases
def test_every_text_of_every_table_is_looked_at(everything: dict[str, Any], client_of: ClientOf) -> None:
    """Nothing of the above would be proved of a text that no page and no file shows."""
    numbered = fill("plain")
    seen = " ".join(
        unquote(text_of(client_of(roles.SYSTEM_ADMIN).get(path))) for _, path in visited(everything, roles.SYSTEM_ADMIN)
    )
    number_of = {name: number for number, name in numbered.items()}
    not_shown = {name for name, number in number_of.items() if f"attack{number_of[ALIKE.get(name, name)]}x" not in seen}
    not_shown -= {name for name, _, field in text_fields() if (field.max_length or 10) < 10}
    unexplained = sorted(not_shown - NOT_SHOWN.keys())
    assert not unexplained, f"Shown nowhere; have `everything` show it, or say why in NOT_SHOWN: {unexplained}"


# What is asked for and typed, and comes back


def test_nothing_that_is_asked_for_becomes_markup(everything: dict[str, Any], client_of: ClientOf) -> None:
    wrong = []
    for turn, row in enumerate(row for row in ROWS if row.get):
        path = reverse_of(row, everything, roles.SYSTEM_ADMIN)
        for text in part(("elements", "attributes", "ends", "templates", "addresses", "headers"), turn):
            query = "&".join(f"{name}={quote(TEXTS[text], safe='')}" for name in sorted(QUERY - {"period", "state"}))
            answer = client_of(roles.SYSTEM_ADMIN).get(f"{path}?{query}")
            wrong += [f"{row.name}, {text}: {each}" for each in wrong_with(answer)]
    assert not wrong, "\n".join(wrong)


def test_nothing_that_is_typed_becomes_markup(forms: Forms, everything: dict[str, Any], client_of: ClientOf) -> None:
    wrong = []
    for turn, row in enumerate(row for row in ROWS if row.post):
        for text in part(("elements", "attributes", "ends", "templates", "headers"), turn):
            with transaction.atomic():
                typed = dict.fromkeys(forms[row.name], TEXTS[text])
                path = reverse_of(row, everything, roles.SYSTEM_ADMIN)
                answer = client_of(roles.SYSTEM_ADMIN).post(path, typed, follow=row.name != "openid_connect_login")
                transaction.set_rollback(True)
            if row.name != "openid_connect_login":
                wrong += [f"{row.name}, {text}: {each}" for each in wrong_with(answer)]
    assert not wrong, "\n".join(wrong)


# The log


class Lines(logging.Handler):
    """Keeps what the log would say, as the production's handler with this format writes it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setFormatter(DictConfigurator({"version": 1}).configure_formatter(dict(log_config.FORMATS[name])))
        self.addFilter(tracing.TraceFilter())
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.exc_info:
            self.messages.append(self.format(record))


FORGED = "%0a2026-11-26 00:00:00,000 ERROR c3portal [-]: attack%0d%1b[2J"


def test_nothing_that_is_sent_forges_a_line_of_the_log(
    everything: dict[str, Any], client_of: ClientOf, system_admin: User
) -> None:
    fill("log lines")
    logging.disable(logging.NOTSET)
    written = [Lines(shape) for shape in log_config.FORMATS]
    for lines in written:
        logging.getLogger().addHandler(lines)
    try:
        _fill_the_log(client_of, everything)
    finally:
        for lines in written:
            logging.getLogger().removeHandler(lines)
    for lines in written:
        assert len(lines.messages) > 20
        assert [line for line in lines.messages if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)] == []


def _fill_the_log(client_of: ClientOf, things: dict[str, Any]) -> None:
    headers = {"X-Request-ID": "attack\u0085forged", "User-Agent": "attack\tforged", "X-Forwarded-For": "attack"}
    for who in ("nobody", roles.SYSTEM_ADMIN):
        for _, path in visited(things, who):
            client_of(who).get(path, headers=headers)
            client_of(who).generic("PUT", path)
        for path in (f"/{FORGED}", f"/settings/{FORGED}/", f"/accounts/oidc/{FORGED}/login/callback/?error={FORGED}"):
            client_of(who).get(path, headers=headers)
            client_of(who).post(path, {"a": unquote(FORGED)}, headers=headers)
    client_of("nobody").post(reverse("account_login"), {"login": f"a{unquote(FORGED)}@b.example", "password": "x"})
