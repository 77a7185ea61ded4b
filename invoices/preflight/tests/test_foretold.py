"""What Xero would refuse, the preflight says beforehand: rule by rule, on a whole period, and to the cent."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from invoices.conftest import MakeInvoice, Work
from invoices.documents import builder
from invoices.documents.builder import Prepared
from invoices.importing.importer import import_file
from invoices.models import (
    AccountOverride,
    BillingPeriod,
    Customer,
    CustomerOverride,
    Invoice,
    InvoiceLine,
    Posting,
    TaxOverride,
)
from invoices.posting import queueing
from invoices.preflight.preflight import Inspected, Inspection, Verdict, inspect
from invoices.tests.c3_files import of_customer, write
from xero_integration import connections
from xero_integration.client.errors import XeroRejected
from xero_integration.client.gateway import Answer
from xero_integration.models import ContactLink, XeroConnection, XeroSettings
from xero_integration.payloads import Document, to_cents
from xero_integration.xero_models import documents_body
from xero_sandbox.seed_data import EXPENSE_SIDE

Trouble = Callable[[Any, Invoice], object]


def preflight_of(connection: XeroConnection, *, status: str = "AUTHORISED") -> Inspection:
    """Return what the preflight says of all invoices, with the organisation and its contacts read anew."""
    connections.read_reference(connection)
    XeroConnection.objects.update(contacts_read_at=None)
    return inspect(Invoice.objects.all(), connection, invoice_status=status)


def settings(**changes: Any) -> None:
    XeroSettings.objects.update(**changes)


def by_hand(sandbox: Any, number: str, **more: Any) -> None:
    """Write an invoice in Xero that is none of ours."""
    line = {"Description": "Consulting", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200", "TaxType": "OUTPUT"}
    element = {"InvoiceNumber": number, "Contact": {"Name": "Adventure Works"}, "LineItems": [line], **more}
    sandbox.write_document(element)


def archive_contact(sandbox: Any, invoice: Invoice) -> None:
    """The customer's contact is known, and archived since."""
    (made,) = sandbox.put_contacts([{"name": invoice.customer.name}])
    ContactLink.objects.create(
        connection=XeroConnection.objects.get(),
        customer_key=invoice.customer.tenant_id,
        contact_id=made["contact_id"],
        contact_name=made["name"],
        matched_by=ContactLink.MatchedBy.NAME,
    )
    sandbox.put_contacts([{"contact_id": made["contact_id"], "status": "ARCHIVED"}])


def number_archived(sandbox: Any, invoice: Invoice) -> None:
    """A contact with the customer's number is there, but archived."""
    sandbox.put_contacts([{"name": "Old", "number": invoice.customer.tenant_id, "status": "ARCHIVED"}])


def change(invoice: Invoice, **facts: Any) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(**facts)


def change_line(invoice: Invoice, **facts: Any) -> None:
    InvoiceLine.objects.filter(invoice=invoice).update(**facts)


def worth(invoice: Invoice, amount: str) -> None:
    """Its only line is worth `amount` without tax."""
    subtotal, tax = Decimal(amount), Decimal(amount) / 10
    change(invoice, subtotal=subtotal, tax=tax, total=subtotal + tax)
    change_line(invoice, subtotal=subtotal, unit_price=subtotal, tax=tax, total=subtotal + tax)


def own_theme(invoice: Invoice) -> None:
    CustomerOverride.objects.create(customer=invoice.customer, theme_id=str(uuid.uuid4()))


def mapped_to(tax_type: str) -> None:
    TaxOverride.objects.create(country="", tax_name="GST", percentage=10, tax_type=tax_type)


RULES: dict[str, tuple[Trouble, str, str]] = {
    "an archived account": (lambda box, _: box.put_account("4010", status="ARCHIVED"), "account", "is archived"),
    "an account that takes no sales": (lambda box, _: box.put_account("4010", type="EXPENSE"), "account", "of type"),
    "an account that is not there": (lambda _, __: settings(license_account_code="9999"), "account", "no account 9999"),
    "no account at all": (lambda _, __: settings(license_account_code=""), "account", "No account code is set"),
    "a tax that ended": (lambda box, _: box.put_tax_rate("OUTPUT", status="DELETED"), "tax", "no active tax rate"),
    "a tax that is not for sales": (
        lambda box, _: box.put_tax_rate("OUTPUT", applies_to=EXPENSE_SIDE),
        "tax",
        "no active tax rate",
    ),
    "a tax that nobody mapped": (lambda _, each: change_line(each, tax_percentage=7), "tax", "no active tax rate"),
    "a mapped tax that is gone": (lambda _, __: mapped_to("GONE"), "tax", "no longer has"),
    "a mapped tax of another rate": (lambda _, __: mapped_to("EXEMPTOUTPUT"), "tax", "is 0 % in Xero"),
    "a theme that was deleted": (lambda box, _: box.put_theme("Cloud services", delete=True), "theme", "no longer"),
    "a customer's theme that is not there": (lambda _, each: own_theme(each), "theme", "no longer there"),
    "an archived contact": (archive_contact, "contact", "archived"),
    "an archived contact with the number": (number_archived, "contact", "archived"),
    "a currency that is switched off": (lambda box, _: box.put_currency("AUD", enabled=False), "currency", "AUD"),
    "a period that is locked": (
        lambda box, _: box.change_organisation(period_lock_date="2026-09-30"),
        "locked",
        "30 September 2026",
    ),
    "a year that is locked": (
        lambda box, _: box.change_organisation(year_lock_date="2026-09-18"),
        "locked",
        "18 September 2026",
    ),
    "a number that is taken": (lambda box, each: by_hand(box, each.xero_number), "taken", "another document"),
    "a number of letters that Xero does not take": (
        lambda _, each: change(each, xero_number="Rechnung_ü"),
        "number",
        "plain characters",
    ),
    "an amount of a line beyond all": (lambda _, each: worth(each, "10000000000"), "amount", "9,999,999,999.99"),
    "a total beyond all": (lambda _, each: worth(each, "9500000000"), "amount", "9,999,999,999.99"),
    "no lines": (lambda _, each: each.lines.all().delete(), "lines", "no lines"),
    "a total that is below zero in Xero alone": (
        lambda _, each: change_line(each, subtotal=-100, unit_price=-100, tax=-10, total=-110),
        "total",
        "another total",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_what_would_be_refused_is_said_beforehand(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, rule: str
) -> None:
    trouble, code, words = RULES[rule]
    invoice = make_invoice()
    (sound,) = preflight_of(connected).rows
    assert (sound.verdict, sound.problems) == (Verdict.READY, ())

    trouble(sandbox, invoice)
    (found,) = preflight_of(connected).rows
    assert found.verdict == Verdict.BLOCKED
    (problem,) = (each for each in found.problems if each.code == code)
    assert words in problem.words
    if found.prepared:
        assert refusal(connected, sandbox, found, found.prepared), "Xero takes it, so the preflight is too strict."


def refusal(connection: XeroConnection, sandbox: Any, found: Inspected, prepared: Prepared) -> list[Any]:
    """Return what Xero says of a document that is sent in spite of the preflight; a problem of its contact shows when
    that is asked for already."""
    contact_id = prepared.document.contact_id
    if not contact_id:
        name = {"name": f"{found.invoice.customer.name} again", "number": found.invoice.customer.tenant_id}
        if any(problem.code == "contact" for problem in found.problems):
            return ["Xero keeps numbers of contacts unique."]
        (made,) = sandbox.put_contacts([name])
        contact_id = made["contact_id"]
    document = builder.replace(prepared.document, contact_id=contact_id)
    (row,) = send(connection, document).rows("Invoices")
    return row.get("ValidationErrors") or []


def send(connection: XeroConnection, *several: Document) -> Answer:
    endpoint = "CreditNotes" if several[0].is_credit_note else "Invoices"
    return connections.call(
        connection, lambda gateway: gateway.create_documents(endpoint, documents_body(several), str(uuid.uuid4()))
    )


@pytest.mark.parametrize("number", ["", "x" * 256, "a\nb", '"', '\\" "'])
def test_a_number_of_a_wrong_length_or_form_is_said_beforehand(
    connected: XeroConnection, make_invoice: MakeInvoice, number: str
) -> None:
    make_invoice()
    xero = builder.read_context(connected)
    invoice = Invoice.objects.select_related("customer", "period").get()
    invoice.xero_number = number
    prepared = builder.build(invoice, "DRAFT", "", xero)
    assert [each.code for each in prepared.problems] == ["number"]


@pytest.mark.parametrize(("lines", "verdict"), [(600, "ready"), (800, "warning"), (900, "blocked")])
def test_a_document_that_is_too_large_for_any_call_is_said_beforehand(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, lines: int, verdict: str
) -> None:
    """Of about 4,000 bytes a line; the stand-in takes 3.5 MB."""
    invoice = make_invoice(amount="1.00")
    change_line(invoice, name="x" * 4000, quantity=1, unit_price=1, subtotal=1, tax=Decimal("0.10"))
    InvoiceLine.objects.bulk_create(copies(invoice.lines.get(), lines - 1))
    change(invoice, subtotal=lines, tax=Decimal(lines) / 10, total=lines * Decimal("1.1"))
    (found,) = preflight_of(connected).rows
    assert (found.verdict, [each.code for each in found.problems]) == (verdict, ["size"] if lines > 600 else [])
    (made,) = sandbox.put_contacts([{"name": "Anyone"}])
    assert found.prepared
    document = builder.replace(found.prepared.document, contact_id=made["contact_id"])
    if verdict == "blocked":
        assert found.problems[0].detail.startswith("900 lines, 3.")
        with pytest.raises(XeroRejected):
            send(connected, document)
    else:
        assert send(connected, document).rows("Invoices")[0]["Total"] == found.invoice.total


def copies(line: InvoiceLine, count: int) -> list[InvoiceLine]:
    facts = {each.attname: getattr(line, each.attname) for each in InvoiceLine._meta.concrete_fields}
    return [InvoiceLine(**facts | {"id": None, "position": line.position + n + 1}) for n in range(count)]


def test_a_negative_total_goes_as_a_credit_note_and_is_not_refused(
    connected: XeroConnection, make_invoice: MakeInvoice, work: Work
) -> None:
    make_invoice(amount="-50.00")
    found = preflight_of(connected)
    assert [row.verdict for row in found.rows] == [Verdict.READY]
    assert found.rows[0].prepared is not None
    assert found.rows[0].prepared.document.is_credit_note
    press(connected, found.postable(), "AUTHORISED")
    work()
    assert Posting.objects.get().status == Posting.Status.POSTED


def test_what_lies_in_a_locked_period_is_taken_as_a_draft(
    connected: XeroConnection, sandbox: Any, make_invoice: MakeInvoice, work: Work
) -> None:
    make_invoice()
    sandbox.change_organisation(period_lock_date="2026-09-30")
    preflight_of(connected)
    found = inspect(Invoice.objects.all(), connected, invoice_status="AUTHORISED", locked_as_drafts=True)
    assert [row.verdict for row in found.rows] == [Verdict.READY]
    press(connected, found.postable(), "AUTHORISED", locked_as_drafts=True)
    work()
    assert [each["status"] for each in sandbox.documents()] == ["DRAFT"]


def press(connection: XeroConnection, invoices: list[Invoice], status: str, **more: Any) -> None:
    chosen = Invoice.objects.filter(pk__in=[each.pk for each in invoices])
    queueing.enqueue(chosen, connection=connection, user=None, invoice_status=status, **more)


# A whole period


def plant(sandbox: Any, connection: XeroConnection) -> dict[str, set[str]]:
    """Plant every class of trouble in the September invoices; return the numbers of each."""
    in_aud = Invoice.objects.filter(currency="AUD", total__gt=0).order_by("customer__tenant_id", "number")
    one_each = {each.customer_id: each for each in in_aud.select_related("customer")}
    spare = iter(one_each.values())
    planted: dict[str, set[str]] = {
        "currency": set(Invoice.objects.filter(currency="USD").values_list("number", flat=True))
    }
    sandbox.put_currency("USD", enabled=False)

    def customer(trouble: str) -> Customer:
        found = next(spare).customer
        planted[trouble] = set(found.invoices.values_list("number", flat=True))
        return found

    def invoice(trouble: str) -> Invoice:
        found = next(spare)
        planted[trouble] = {found.number}
        return found

    for trouble, code in {"archived": "4090", "expense": "400", "unknown": "9999"}.items():
        AccountOverride.objects.create(customer=customer(trouble), account_code=code)
    CustomerOverride.objects.create(customer=customer("theme"), theme_id=str(uuid.uuid4()))
    CustomerOverride.objects.create(customer=customer("locked"), invoice_status="AUTHORISED")
    sandbox.change_organisation(period_lock_date="2026-09-30")
    change_line(invoice("tax"), tax_name="Levy", tax_percentage=Decimal("12.5"))
    contact = {"name": "Gone", "number": customer("contact").tenant_id, "status": "ARCHIVED"}
    sandbox.put_contacts([contact])
    by_hand(sandbox, invoice("taken").xero_number)
    dearer = invoice("total")
    change(dearer, total=dearer.total + 5)
    invoice("lines").lines.all().delete()
    return planted


@pytest.fixture
def september(sample: BillingPeriod) -> BillingPeriod:
    """The September period, in which everything but what a test plants is in order."""
    return sample


def test_not_one_refusal_comes_that_was_not_foretold(
    connected: XeroConnection, sandbox: Any, september: BillingPeriod, work: Work
) -> None:
    planted = plant(sandbox, connected)
    found = preflight_of(connected, status="DRAFT")
    foretold = {row.invoice.number for row in found.of(Verdict.BLOCKED)}
    assert foretold == set().union(*planted.values())
    assert len(found.rows) == 120
    assert {each.problem.code for each in found.groups()} == {
        *("currency", "account", "theme", "locked", "tax", "contact", "taken", "total", "lines")
    }

    press(connected, found.postable(), "DRAFT")
    work()
    assert set(Posting.objects.values_list("status", flat=True)) == {Posting.Status.POSTED}
    assert Posting.objects.count() == 120 - len(foretold)
    assert not Posting.objects.exclude(total_difference=0).exists()

    press(connected, [row.invoice for row in found.rows], "DRAFT")
    work()
    refused = Posting.objects.filter(status=Posting.Status.REJECTED).values_list("invoice__number", flat=True)
    assert set(refused) == foretold
    assert sandbox.violations() == []


def test_the_preflight_of_a_clean_period_has_nothing_to_say(
    connected: XeroConnection, september: BillingPeriod
) -> None:
    found = preflight_of(connected, status="DRAFT")
    assert len(found.of(Verdict.READY)) == 120
    assert found.groups() == []
    assert set(found.totals(Verdict.READY)) == {"AUD", "NZD", "USD"}


# To the cent

MONEY = st.decimals(Decimal("-5000"), Decimal("50000"), places=2)
LONG = st.decimals(Decimal(0), Decimal(2000), places=10)
TAXES = st.sampled_from([("GST", "10"), ("GST Free", "0")])
count = itertools.count()


@st.composite
def a_line(draw: st.DrawFn) -> dict[str, str]:
    """A line as C3 has it: licences, prorated credits, Azure usage with ten decimals, free trials."""
    name, percentage = draw(TAXES)
    if draw(st.booleans()):
        quantity, price = draw(LONG), draw(LONG)
        subtotal, category = quantity * price / 100, "Usage"
    else:
        quantity, subtotal, category = Decimal(draw(st.integers(1, 400))), draw(MONEY), draw(KINDS)
        price = (subtotal / quantity).quantize(Decimal("0.00000001"))
    subtotal = subtotal.quantize(Decimal("0.000001"))
    tax = to_cents(to_cents(subtotal) * Decimal(percentage) / 100)
    total = to_cents(subtotal) + tax
    return {
        "Category": category,
        "Quantity": f"{quantity:f}",
        "UnitPriceOfProduct": f"{price:f}",
        "SubTotal": f"{subtotal:f}",
        "TaxName": name,
        "TaxPercentage": percentage,
        "TaxAmount": f"{tax:f}",
        "Total": f"{total:f}",
    }


KINDS = st.sampled_from(["License", "Custom", "OneTime"])
INVOICES = st.lists(st.lists(a_line(), min_size=1, max_size=6), min_size=1, max_size=12)


@given(invoices=INVOICES, currency=st.sampled_from(["AUD", "NZD", "USD"]))
@hypothesis_settings(max_examples=20, suppress_health_check=[*HealthCheck], deadline=None)
def test_the_proof_is_what_xero_answers_to_the_cent(
    connected: XeroConnection, sandbox: Any, tmp_path: Path, invoices: list[list[dict[str, str]]], currency: str
) -> None:
    """Several invoices at a time, so that an example takes two calls."""
    rows = [
        of_customer(number, **line, CurrencyCode=currency, CustomerCountry="AU")
        for lines in invoices
        for number in [next(count)]
        for line in lines
    ]
    run = import_file(write(tmp_path, *rows, name=f"{uuid.uuid4()}.csv"))
    assert run.state == run.State.IMPORTED, list(run.findings.values_list("reason", flat=True))
    numbers = {row["InvoiceNumber"] for row in rows}
    found = inspect(
        Invoice.objects.filter(number__in=numbers), connected, invoice_status="DRAFT", look_up_in_xero=False
    )
    (contact,) = sandbox.put_contacts([{"name": f"Customer {next(count)}"}])
    prepared = [row.prepared for row in found.rows if row.prepared]
    assert len(prepared) == len(numbers)
    for is_credit_note, key in ((False, "Invoices"), (True, "CreditNotes")):
        alike = [each for each in prepared if each.document.is_credit_note == is_credit_note]
        if alike:
            sent = [builder.replace(each.document, contact_id=contact["contact_id"]) for each in alike]
            answered = [row["Total"] for row in send(connected, *sent).rows(key)]
            assert answered == [each.proof.in_xero for each in alike]
            assert all(each.proof.is_equal for each in alike)
