"""The pages for people, the control calls, and the sandbox's independence of the portal."""

import ast
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

import xero_sandbox
from xero_sandbox.testing import SandboxControl, SandboxFailed, SandboxProcess
from xero_sandbox.tests.conftest import CALLBACK, Caller

FORM = {"name": "Portal", "company_url": "https://contoso.example", "redirect_uris": CALLBACK}


class Reader:
    """A person with a browser."""

    def __init__(self, url: str) -> None:
        self.url, self.session = url, requests.Session()

    def open(self, path: str) -> requests.Response:
        return self.session.get(self.url + path)

    def send(self, page: str, action: str = "", **form: str) -> requests.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.open(page).text)
        assert token
        return self.session.post(self.url + (action or page), data=form | {"csrfmiddlewaretoken": token[1]})


@pytest.fixture
def reader(control: SandboxControl) -> Reader:
    return Reader(control.url)


def test_every_page_of_an_organisation_opens(reader: Reader, xero: Caller) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1", Reference="October", Url="https://portal.example/1")
    note = xero.put("CreditNotes", xero.credit_note()).json()["CreditNotes"][0]
    places = ["", "invoices/", "credit-notes/", "contacts/", "accounts/", "themes/", "tax-rates/", "settings/"]

    for path in ["/", "/apps/", "/faults/", *(f"/organisations/!sbAU1/{place}" for place in places)]:
        page = reader.open(path)
        assert page.status_code == 200, path
        assert "Nothing here is real" in page.text

    invoice = reader.open(f"/documents/{made['InvoiceID']}/").text
    assert all(words in invoice for words in ("N-1", "October", "Microsoft 365", "110.00", "portal.example"))
    assert "Credit note" in reader.open(f"/documents/{note['CreditNoteID']}/").text


def test_invoices_are_searched_and_paged(reader: Reader, xero: Caller) -> None:
    xero.put("Invoices", *[xero.invoice(InvoiceNumber=f"N-{number:03}") for number in range(60)])

    assert "Page 1 of 2" in reader.open("/organisations/!sbAU1/invoices/").text
    assert "N-000" in reader.open("/organisations/!sbAU1/invoices/?page=2").text
    found = reader.open("/organisations/!sbAU1/invoices/?q=N-042&status=AUTHORISED").text
    assert "N-042" in found
    assert "N-041" not in found


def test_deep_links_lead_to_the_document(reader: Reader, xero: Caller) -> None:
    made = xero.put_invoice()
    note = xero.put("CreditNotes", xero.credit_note()).json()["CreditNotes"][0]

    def follow(path: str, code: str = "!sbAU1") -> requests.Response:
        query = urlencode({"shortcode": code, "redirecturl": path})
        return reader.open(f"/organisationlogin/default.aspx?{query}")

    invoice_path = f"/AccountsReceivable/View.aspx?InvoiceID={made['InvoiceID']}"
    note_path = f"/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={note['CreditNoteID']}"
    assert made["InvoiceNumber"] in follow(invoice_path).text
    assert note["CreditNoteNumber"] in follow(note_path).text
    assert made["InvoiceNumber"] in reader.open(invoice_path).text
    assert follow(invoice_path, "!sbNZ2").status_code == 404
    assert follow("/AccountsReceivable/View.aspx?InvoiceID=nonsense").status_code == 404


def test_a_payment_is_recorded_on_the_page(reader: Reader, xero: Caller) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1")
    page = f"/documents/{made['InvoiceID']}/"

    too_much = reader.send(page, page + "payment", amount="110.01")
    words = reader.send(page, page + "payment", amount="much")
    paid = reader.send(page, page + "payment", amount="110.00")

    assert "at most 110.00" in too_much.text
    assert "must be a number" in words.text
    assert "The payment is recorded" in paid.text
    assert xero.get("Invoices/N-1").json()["Invoices"][0]["Status"] == "PAID"
    assert "Void" not in paid.text


def test_a_document_is_voided_on_the_page(reader: Reader, xero: Caller) -> None:
    page = f"/documents/{xero.put_invoice(InvoiceNumber='N-1')['InvoiceID']}/"

    reader.send(page, page + "void")

    assert xero.get("Invoices/N-1").json()["Invoices"][0]["Status"] == "VOIDED"


def test_a_document_is_approved_paid_in_part_and_its_payment_removed_on_its_page(
    reader: Reader, xero: Caller, control: SandboxControl
) -> None:
    page = f"/documents/{xero.put_invoice(InvoiceNumber='N-1', Status='DRAFT')['InvoiceID']}/"

    approved = reader.send(page, page + "approve")
    part = reader.send(page, page + "payment", amount="10.00")
    removed = reader.send(page, page + "unpay")

    assert "The document is approved" in approved.text
    assert "100.00" in part.text
    assert "Payment removed" in removed.text, "the history tells"
    (read,) = xero.get("Invoices/N-1").json()["Invoices"]
    assert (read["Status"], read["AmountDue"]) == ("AUTHORISED", 110)
    assert control.violations() == []


def test_an_incomplete_draft_is_not_approved_on_its_page_either(reader: Reader, xero: Caller) -> None:
    page = f"/documents/{xero.put_invoice(Status='DRAFT', DueDate=None)['InvoiceID']}/"

    assert "Due Date cannot be empty" in reader.send(page, page + "approve").text


def test_credit_is_allocated_and_taken_back_on_the_page(reader: Reader, xero: Caller) -> None:
    xero.put_invoice(InvoiceNumber="N-1")
    note = xero.put("CreditNotes", xero.credit_note(Date="2026-10-31")).json()["CreditNotes"][0]
    page = f"/documents/{note['CreditNoteID']}/"

    unknown = reader.send(page, page + "allocation", invoice="N-2", amount="10")
    done = reader.send(page, page + "allocation", invoice="N-1", amount="10")

    assert "There is no invoice with this number" in unknown.text
    assert "The credit is allocated" in done.text
    assert xero.get("Invoices/N-1").json()["Invoices"][0]["AmountCredited"] == 10
    assert "Less credit from" in reader.open(f"/documents/{_id_of(xero, 'N-1')}/").text
    reader.send(page, page + "unallocate")
    assert xero.get("Invoices/N-1").json()["Invoices"][0]["AmountDue"] == 110


def _id_of(xero: Caller, number: str) -> str:
    return xero.get(f"Invoices/{number}").json()["Invoices"][0]["InvoiceID"]  # type: ignore[no-any-return]


def test_a_document_is_edited_on_its_page(reader: Reader, xero: Caller, control: SandboxControl) -> None:
    made = xero.put_invoice(InvoiceNumber="N-1", Reference="October")
    page = f"/documents/{made['InvoiceID']}/edit"
    other = control.put_contacts([{"name": "Litware"}])[0]["contact_id"]
    facts = {"contact": other, "Date": "2026-10-30", "DueDate": "2026-12-01", "Reference": "PO 7"}
    line = {"Description": "Other", "Quantity": "2", "UnitAmount": "25", "AccountCode": "4010"}

    refused = reader.send(page, **(facts | line | {"AccountCode": "9999"}))
    saved = reader.send(page, **(facts | line))

    assert "is not a valid code" in refused.text
    assert "The changes are saved" in saved.text
    (read,) = xero.get("Invoices/N-1").json()["Invoices"]
    assert (read["Total"], read["Reference"], read["Contact"]["Name"]) == (55, "PO 7", "Litware")
    assert read["LineItems"][0]["LineItemID"] == made["LineItems"][0]["LineItemID"]


def test_an_organisations_settings_are_changed_on_their_page(reader: Reader, xero: Caller) -> None:
    page = "/organisations/!sbAU1/settings/"

    wrong = reader.send(page, mails_a_day="many")
    saved = reader.send(page, mails_a_day="2", period_lock_date="2026-06-30", is_demo="on")

    assert "Enter a whole number" in wrong.text
    assert "The settings are saved" in saved.text
    organisation = xero.get("Organisation").json()["Organisations"][0]
    assert organisation["IsDemoCompany"] is True
    assert organisation["PeriodLockDate"].startswith("/Date(")


def test_faults_are_ordered_and_lifted_on_a_page(reader: Reader, xero: Caller, control: SandboxControl) -> None:
    wrong = reader.send("/faults/", name="503_text", nth="1", path="(")
    ordered = reader.send("/faults/", name="503_text", nth="1", path="^Accounts", times="5")

    assert "cannot be read as a regular expression" in wrong.text
    assert "The fault is ordered" in ordered.text
    assert xero.get("Accounts").status_code == 503
    assert control.faults()[0]["fired"] == 1
    lifted = reader.send("/faults/", "/faults/lift", id=str(control.faults()[0]["id"]))
    assert "No fault is ordered" in lifted.text
    assert xero.get("Accounts").ok


def test_an_organisation_is_disconnected_on_its_page(reader: Reader, xero: Caller) -> None:
    page = "/organisations/!sbAU1/"
    action = re.search(r'action="(/disconnect/[^"]+)"', reader.open(page).text)
    assert action

    assert "The app is disconnected" in reader.send(page, action[1]).text
    assert xero.get("Organisation").status_code == 403


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redirect_uris": "http://127.0.0.1:8000/cb"}, "http://127.0.0.1 is not allowed. Use http://localhost"),
        ({"redirect_uris": "http://portal.example/cb"}, "use https, or http://localhost"),
        ({"redirect_uris": "https://*.portal.example/cb"}, "wildcards are not allowed"),
        ({"redirect_uris": "/cb"}, "give an absolute address"),
        ({"redirect_uris": "\n".join(f"https://x.example/{n}" for n in range(51))}, "at most 50 redirect URIs"),
        ({"redirect_uris": ""}, "This field is required"),
        ({"company_url": "contoso"}, "web address in full"),
        ({"company_url": ""}, "This field is required"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_an_app_is_refused_in_words(reader: Reader, changes: dict[str, str], words: str) -> None:
    page = reader.send("/apps/", **(FORM | changes))

    assert page.status_code == 200
    assert words in page.text


def test_an_app_is_made_and_its_secret_shown_once(reader: Reader) -> None:
    made = reader.send("/apps/", **FORM)
    path = "/apps/" + made.url.split("/apps/")[1]
    shown = reader.send(path, path + "secret")
    client_id, secret = re.findall(r'<code class="key"[^>]*>([^<]+)<', shown.text)

    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = requests.post(f"{reader.url}/connect/token", data=form, auth=(client_id, secret))

    assert answer.json() == {"error": "invalid_grant"}, "the secret is right, only the token is not"
    assert "no-store" in shown.headers["Cache-Control"]
    assert secret not in reader.open(path).text


def test_two_secrets_live_and_a_third_ends_the_oldest(control: SandboxControl) -> None:
    secrets = [control.ensure_app("Portal", [CALLBACK]) for _ in range(3)]

    def error(app: dict[str, str]) -> str:
        form = {"grant_type": "refresh_token", "refresh_token": "x"}
        answer = requests.post(f"{control.url}/connect/token", data=form, auth=(app["client_id"], app["client_secret"]))
        return answer.json()["error"]

    assert len({app["client_id"] for app in secrets}) == 1
    assert [error(app) for app in secrets] == ["invalid_client", "invalid_grant", "invalid_grant"]


def test_redirect_uris_are_edited_on_the_page(reader: Reader, app: dict[str, str], control: SandboxControl) -> None:
    saved = reader.send(f"/apps/{app['client_id']}/", redirect_uris="https://portal.example/cb")

    assert "The redirect URIs are saved" in saved.text
    assert "https://portal.example/cb" in reader.open("/apps/").text


def test_pages_have_a_strict_policy_and_a_way_out_when_lost(reader: Reader) -> None:
    policy = reader.open("/").headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "style=" not in reader.open("/").text
    assert reader.open("/static/sandbox.css").headers["Content-Type"] == "text/css"
    assert reader.open("/organisations/nowhere/").status_code == 404
    assert reader.open("/static/../settings.py").status_code == 404


def test_a_reset_keeps_the_organisations_ids_and_apps_if_asked(control: SandboxControl, xero: Caller) -> None:
    xero.put_invoice()
    control.shift_clock(60)
    before = [one["tenant_id"] for one in control.organisations()]

    after = control.reset(keep_apps=True)

    assert [one["tenant_id"] for one in after] == before
    assert xero.get("Invoices").json()["Invoices"] == []
    assert control.state()["clock_shift_seconds"] == 0
    control.reset()
    assert xero.get("Invoices").status_code == 401


def test_more_organisations_can_be_made(control: SandboxControl, app: dict[str, str]) -> None:
    made = control.make_organisations(2)

    assert len(control.organisations()) == 4
    tokens = control.tokens(app["client_id"], [made[1]["tenant_id"]])
    assert [one["tenantId"] for one in tokens["connections"]] == [made[1]["tenant_id"]]


def test_reference_data_can_be_changed_by_machine(control: SandboxControl, xero: Caller) -> None:
    control.put_theme("Cloud services", new_name="Renamed")
    control.put_theme("Azure usage", delete=True)
    control.put_tax_rate("OUTPUT", rate="12.5", name="GST raised")
    control.put_account("4099", name="New revenue", tax_type="OUTPUT")

    themes = [one["Name"] for one in xero.get("BrandingThemes").json()["BrandingThemes"]]
    rates = {one["TaxType"]: one["EffectiveRate"] for one in xero.get("TaxRates").json()["TaxRates"]}
    assert themes == ["Standard", "Renamed"]
    assert rates["OUTPUT"] == 12.5
    assert "4099" in [one["Code"] for one in xero.get("Accounts").json()["Accounts"]]


def test_control_calls_want_json_and_say_what_is_wrong(control: SandboxControl) -> None:
    assert requests.post(f"{control.url}/sandbox/reset", data="{}").status_code == 400
    assert requests.get(f"{control.url}/sandbox/reset").status_code == 405
    with pytest.raises(SandboxFailed, match="no organisation 'nowhere'"):
        control.change_organisation("nowhere", name="x")
    with pytest.raises(SandboxFailed, match="no limit 'hour'"):
        control.set_limits(hour=1)
    answer = requests.get(f"{control.url}/sandbox/state", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_a_sandbox_keeps_its_books_when_started_again(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path) as first:
        control = SandboxControl(first.url)
        contact = control.put_contacts([{"name": "Litware"}])[0]["contact_id"]
        control.write_document({"Contact": {"ContactID": contact}, "InvoiceNumber": "KEPT"})
    with SandboxProcess(tmp_path) as second:
        assert [one["number"] for one in SandboxControl(second.url).documents()] == ["KEPT"]


def test_it_imports_nothing_of_the_portal() -> None:
    package = Path(xero_sandbox.__file__).parent
    imported = {
        name.split(".")[0]
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _names(node)
    }

    assert "django" in imported
    assert not imported & {"c3portal", "xero_integration", "invoices", "bench"}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
