"""The pages, as a person with a browser uses them."""

import datetime as dt
import re

import pytest
import requests

from c3_sandbox.testing import C3SandboxControl
from c3_sandbox.tests.conftest import Caller


class Reader:
    """A person with a browser."""

    def __init__(self, url: str) -> None:
        self.url, self.session = url, requests.Session()

    def open(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=10)

    def send(self, page: str, action: str = "", **form: str) -> requests.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.open(page).text)
        assert token
        sent = form | {"csrfmiddlewaretoken": token[1]}
        return self.session.post(self.url + (action or page), data=sent, timeout=10)


@pytest.fixture
def reader(control: C3SandboxControl) -> Reader:
    return Reader(control.url)


@pytest.mark.parametrize(
    "path", ["/", "/periods/24/", "/customers/", "/customers/ERP1000/", "/faults/", "/api-access/"]
)
def test_every_page_opens_under_a_strict_policy(reader: Reader, path: str) -> None:
    page = reader.open(path)

    assert page.status_code == 200
    assert "Nothing here is real" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "style=" not in page.text


def test_the_periods_are_listed_with_counts_and_totals(reader: Reader, control: C3SandboxControl) -> None:
    newest = control.periods()[0]

    row = re.sub(r"<[^>]+>|\s+", " ", reader.open("/").text.partition("20261018")[2].partition("</tr>")[0])

    total = sum(float(total) for number, total in newest["totals"].items() if number.endswith("AUD"))
    assert f"{total:,.2f} AUD" in row
    assert f" {newest['lines']} " in row
    assert "16 Sep 2026 – 15 Oct 2026" in row


def test_the_next_period_is_generated_by_a_button(reader: Reader, c3: Caller) -> None:
    made = reader.send("/", "/periods/next")

    assert "Billing period 20261118" in made.text
    assert "The period is generated." in made.text
    assert c3.periods()[0]["BillingId"] == "20261118"


@pytest.mark.parametrize("keep", [True, False])
def test_a_period_is_generated_again_by_a_button(reader: Reader, c3: Caller, keep: bool) -> None:
    made = reader.send("/periods/24/", "/periods/24/again", **({"keep_listed": "on"} if keep else {}))

    assert "Billing period 20261019" in made.text
    assert "20261018" not in made.text
    listed = [period["BillingId"] for period in c3.periods()]
    assert (listed[0], "20261018" in listed) == ("20261019", keep)
    home = reader.open("/").text
    assert ("Replaced" in home, "Generated again" in home) == (not keep, True)


def test_amounts_are_changed_by_a_button(reader: Reader, control: C3SandboxControl) -> None:
    before = control.periods()[0]["totals"]

    page = reader.send("/periods/24/", "/periods/24/change")

    after = control.periods()[0]["totals"]
    assert "Some amounts are changed" in page.text
    assert before.keys() == after.keys()
    (changed,) = [number for number in before if before[number] != after[number]]
    assert f"{float(after[changed]):,.2f}" in page.text


def test_a_period_ahead_of_its_day_and_one_beyond_the_nine_say_so(reader: Reader, control: C3SandboxControl) -> None:
    november = dt.datetime(2026, 11, 17, tzinfo=dt.UTC)
    control.shift_clock((november - dt.datetime.now(dt.UTC)).total_seconds())
    assert "In the future" not in reader.open("/").text
    control.generate()
    home = reader.open("/").text
    assert (home.count("In the future"), home.count("Beyond the nine")) == (1, 0)

    for _ in range(7):
        control.generate()
    home = reader.open("/").text
    assert (home.count("In the future"), home.count("Beyond the nine")) == (8, 2)


@pytest.mark.parametrize("on_invoices", [True, False])
def test_a_customer_is_renamed_on_its_page(reader: Reader, c3: Caller, on_invoices: bool) -> None:
    ticked = {"on_invoices": "on"} if on_invoices else {}

    page = reader.send("/customers/ERP1000/", name="Ski House Group", **ticked)

    assert "The customer is renamed." in page.text
    assert "<h1>Ski House Group</h1>" in page.text
    assert (c3.lines()[0]["CustomerName"] == "Ski House Group") is on_invoices
    assert "This field is required" in reader.send("/customers/ERP1000/", name=" ").text


def test_customers_are_searched_and_paged(reader: Reader, control: C3SandboxControl) -> None:
    control.reset(customers=60, periods=1)

    assert "Page 1 of 2" in reader.open("/customers/").text
    assert "ERP1059" in reader.open("/customers/?page=2").text
    found = reader.open("/customers/?q=accounts42@").text
    assert "ERP1042" in found
    assert "ERP1041" not in found
    assert "Nothing matches" in reader.open("/customers/?q=nobody").text


def test_the_way_in_is_shown_to_copy(reader: Reader, control: C3SandboxControl) -> None:
    shown = reader.open("/api-access/")

    copied = re.findall(r'<code class="key"[^>]*>([^<]+)<', shown.text)
    credentials = control.credentials()
    names = ("directory_id", "client_id", "client_secret", "scope", "resource")
    assert copied == [control.url, *(credentials[name] for name in names)]
    assert "no-store" in shown.headers["Cache-Control"]


def test_readings_are_chosen_on_the_page(reader: Reader, c3: Caller) -> None:
    refused = reader.send("/api-access/", token_seconds="0", multiply="1")
    saved = reader.send("/api-access/", period_in_lines="on", token_seconds="60", multiply="2")

    assert "greater than or equal to 1" in refused.text
    assert "The readings are saved." in saved.text
    assert c3.sign_in().json()["expires_in"] == "60"
    assert len({line["InvoiceNumber"] for line in c3.lines() if line["BillingId"] == "20261018"}) == 10
    reader.send("/api-access/", token_seconds="60", multiply="1")
    assert "BillingId" not in c3.lines()[0]


def test_tokens_are_ended_on_the_page(reader: Reader, c3: Caller) -> None:
    c3.periods()

    assert "All tokens have ended." in reader.send("/api-access/", "/api-access/end-tokens").text
    assert c3.call("GET", "billingperiods").status_code == 401


def test_a_fault_is_ordered_and_lifted_on_the_page(reader: Reader, c3: Caller) -> None:
    c3.periods()
    order = {"name": "503", "call": "periods", "times": "2", "nth": "1", "seconds": ""}
    page = reader.send("/faults/", **order)

    assert "The fault is ordered." in page.text
    assert c3.call("GET", "billingperiods").status_code == 503
    assert "503, unavailable" in reader.open("/faults/").text
    action = re.search(r'action="(/faults/\d+/cancel)"', reader.open("/faults/").text)
    assert action
    assert "The fault is lifted." in reader.send("/faults/", action[1]).text
    assert c3.call("GET", "billingperiods").status_code == 200
    assert "Select a valid choice" in reader.send("/faults/", **(order | {"name": "none"})).text


def test_the_latest_calls_are_shown_with_the_ids_that_c3_gave_them(reader: Reader, c3: Caller) -> None:
    answer = c3.call("GET", "billingperiods").json()

    page = reader.open("/faults/").text

    assert answer["RequestCorrelationID"] in page
    assert "GET /api/billingperiods" in page


def test_a_lost_reader_finds_back(reader: Reader) -> None:
    for path in ("/nowhere", "/periods/999/", "/customers/nobody/", "/static/../settings.py"):
        assert reader.open(path).status_code == 404
    assert "Go to the billing periods" in reader.open("/nowhere").text
    assert reader.open("/static/sandbox.css").headers["Content-Type"] == "text/css"
    assert requests.post(f"{reader.url}/periods/next", timeout=10).status_code == 403
