"""Settings → Accounts, Taxes, Customers: what is overridden applies, what is reverted follows the default again."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices import tasks
from invoices.conftest import MakeInvoice
from invoices.documents import mapping
from invoices.models import AccountOverride, Customer, CustomerOverride, Invoice, InvoiceLine, TaxOverride
from invoices.tests.makers import queries_of
from xero_integration import connections
from xero_integration.models import XeroConnection, XeroSettings

ACCOUNTS, TAXES, CUSTOMERS = "/settings/accounts/", "/settings/taxes/", "/settings/customers/"
ALL = (ACCOUNTS, TAXES, CUSTOMERS)


@pytest.fixture
def fabrikam(db: None) -> Customer:
    return Customer.objects.create(tenant_id="tenant-fabrikam", name="Fabrikam", country="NZ")


@pytest.fixture
def lines(connected: XeroConnection, make_invoice: MakeInvoice, fabrikam: Customer) -> dict[str, Invoice]:
    """An invoice each of a licence, of Azure usage and of a tax that the organisation has no rate for."""
    made = {
        "license": make_invoice("Invoice_L", customer=fabrikam),
        "azure": make_invoice("Invoice_A"),
        "odd": make_invoice("Invoice_T", customer=fabrikam, tax_name="", tax_percentage="0"),
    }
    made["license"].lines.update(sku="CFQ7TTC0LF8Q:0001")
    made["azure"].lines.update(sku="DZH318Z0BPS6:0001", kind=InvoiceLine.Kind.AZURE, name="Azure plan")
    made["odd"].lines.update(sku="CFQ7TTC0LCHC:0002")
    return made


def rows(client: Client, page: str) -> dict[str, Any]:
    """Return the rows that a page shows, by title."""
    return {row.record.title: row.record for row in client.get(page).context["table"].paginated_rows}


def override(client: Client, page: str, *titles: str, query: str = "", **chosen: str) -> Any:
    keys = [row.key for title, row in rows(client, page).items() if title in titles]
    assert len(keys) == len(titles)
    return client.post(page + query, {"action": "override", "row": keys, **chosen}, follow=True)


def revert(client: Client, page: str, title: str) -> Any:
    return client.post(page, {"revert": rows(client, page)[title].key}, follow=True)


def upload(client: Client, page: str, text: str) -> Any:
    file = SimpleUploadedFile("overrides.csv", text.encode(), content_type="text/csv")
    return client.post(page, {"action": "file", "file": file}, follow=True)


def download(client: Client, page: str) -> list[dict[str, str]]:
    content = b"".join(client.get(page.rstrip("/") + ".csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def as_text(rows: list[dict[str, str]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


# Accounts


def test_each_sku_of_the_imported_lines_shows_where_it_goes_and_why(finance: Client, lines: Any) -> None:
    row = rows(finance, ACCOUNTS)["DZH318Z0BPS6:0001"]
    assert (row.default, row.applies) == ("4020 Azure consumption revenue", "4020 Azure consumption revenue")
    assert row.because == mapping.set_in_settings("Azure Usage based SKUs")
    assert row.detail == "Azure plan · Azure Usage based SKUs"


def test_skus_are_counted_where_they_are_shown_and_sorted_by_how_many_lines_they_have(
    finance: Client, lines: Any
) -> None:
    lines_of = Counter(InvoiceLine.objects.order_by().values_list("sku", flat=True))
    InvoiceLine.objects.filter(sku="").delete()
    one = InvoiceLine.objects.get(sku="DZH318Z0BPS6:0001")
    for position in (900, 901, 902):
        one.pk, one.position, one.name = None, position, "Azure plan, renamed"
        one.save(force_insert=True)
    for address in (ACCOUNTS, f"{ACCOUNTS}?sort=-count"):
        table = finance.get(address).context["table"]
        shown = {row.record.title: row.get_cell("count") for row in table.paginated_rows}
        assert shown == {sku: f"{n + 3 * (sku == one.sku):,}" for sku, n in lines_of.items() if sku}
    first = next(iter(table.paginated_rows)).record
    # Under the name that its newest line has.
    assert (first.title, first.detail) == (one.sku, "Azure plan, renamed · Azure Usage based SKUs")


def test_an_account_is_overridden_and_reverted(finance: Client, finance_admin: User, lines: Any) -> None:
    page = override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", account_code="4030")
    assert "1 override was kept." in page.content.decode()
    row = rows(finance, ACCOUNTS)["CFQ7TTC0LF8Q:0001"]
    assert (row.applies.split()[0], row.default.split()[0], row.is_overridden) == ("4030", "4010", True)
    assert AccountOverride.objects.get().updated_by == finance_admin
    revert(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001")
    assert rows(finance, ACCOUNTS)["CFQ7TTC0LF8Q:0001"].applies.startswith("4010")
    assert not AccountOverride.objects.exists()


def test_several_are_overridden_at_once_and_again_in_place_of_before(finance: Client, lines: Any) -> None:
    for code in ("4030", "4020"):
        override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", "CFQ7TTC0LCHC:0002", account_code=code)
    assert set(AccountOverride.objects.values_list("account_code", flat=True)) == {"4020"}
    assert AccountOverride.objects.count() == 2


def test_all_of_a_filter_are_overridden_and_nothing_beside_it(finance: Client, lines: Any) -> None:
    finance.post(f"{ACCOUNTS}?q=CFQ7", {"action": "override", "all": "1", "account_code": "4030"})
    assert set(AccountOverride.objects.values_list("sku", flat=True)) == {"CFQ7TTC0LF8Q:0001", "CFQ7TTC0LCHC:0002"}


@pytest.mark.parametrize(
    ("code", "words"),
    [("999", "has no account 999"), ("4090", "is archived"), ("400", "is of type EXPENSE"), ("", "Choose the account")],
)
def test_an_account_that_takes_no_sales_is_refused_in_words(finance: Client, lines: Any, code: str, words: str) -> None:
    page = override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", account_code=code)
    assert words in page.content.decode()
    assert not AccountOverride.objects.exists()


def test_a_customers_rule_and_a_beginning_are_added_shown_and_reverted(finance: Client, lines: Any) -> None:
    of_customer = {"rule-customer": "tenant-fabrikam", "rule-kind": "license", "rule-account_code": "4030"}
    of_beginning = {"rule-sku": "CFQ7", "rule-is_prefix": "on", "rule-account_code": "4020"}
    for rule in (of_customer, of_beginning):
        assert finance.post(ACCOUNTS, {"action": "rule", **rule}).status_code == 302
    shown = rows(finance, ACCOUNTS)
    assert shown["License based SKUs"].detail == "Customer Fabrikam"
    assert shown["CFQ7TTC0LF8Q:0001"].because == "the SKU's beginning CFQ7 overrides License based SKUs"
    revert(finance, ACCOUNTS, "License based SKUs")
    revert(finance, ACCOUNTS, "SKUs that begin with CFQ7")
    assert not AccountOverride.objects.exists()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "Name a SKU or a customer"),
        ({"rule-kind": "azure"}, "Name a SKU or a customer"),
        ({"rule-sku": "CFQ7", "rule-kind": "azure"}, "not both"),
    ],
)
def test_a_rule_that_names_nothing_or_too_much_is_refused(
    finance: Client, lines: Any, rule: dict[str, str], words: str
) -> None:
    page = finance.post(ACCOUNTS, {"action": "rule", "rule-account_code": "4030", **rule})
    assert words in page.content.decode()
    assert not AccountOverride.objects.exists()


def test_what_is_unmapped_is_found_by_the_filter(finance: Client, lines: Any) -> None:
    XeroSettings.objects.update(azure_account_code="")
    assert list(rows(finance, f"{ACCOUNTS}?show=unmapped")) == ["DZH318Z0BPS6:0001"]
    assert list(rows(finance, f"{TAXES}?show=unmapped")) == ["Tax without a name 0 %"]
    override(finance, ACCOUNTS, "DZH318Z0BPS6:0001", account_code="4020")
    assert list(rows(finance, f"{ACCOUNTS}?show=unmapped")) == []
    assert list(rows(finance, f"{ACCOUNTS}?show=overridden")) == ["DZH318Z0BPS6:0001"]


# Taxes


def test_every_tax_of_the_lines_is_listed_with_its_suggestion(finance: Client, lines: Any) -> None:
    shown = rows(finance, TAXES)
    assert set(shown) == {"GST 10 %", "Tax without a name 0 %"}
    assert shown["GST 10 %"].applies == "GST on Income (10 %)"
    assert "several tax rates of 0 %" in shown["Tax without a name 0 %"].problem


def test_a_tax_is_found_by_the_words_in_which_a_problem_names_it(finance: Client, lines: Any) -> None:
    problem = rows(finance, TAXES)["Tax without a name 0 %"].problem
    assert "0 % in NZ" in problem
    assert list(rows(finance, f"{TAXES}?q=0 % in NZ".replace("%", "%25"))) == ["Tax without a name 0 %"]


def test_the_same_rate_written_otherwise_is_the_same_tax(finance: Client, lines: Any) -> None:
    lines["license"].lines.update(tax_percentage=Decimal("10.000"))
    Customer.objects.update(country="AU")
    assert rows(finance, TAXES)["GST 10 %"].count == 2


def test_a_tax_is_mapped_and_reverted(finance: Client, lines: Any) -> None:
    override(finance, TAXES, "Tax without a name 0 %", tax_type="EXEMPTEXPORT")
    row = rows(finance, TAXES)["Tax without a name 0 %"]
    assert (row.applies, row.problem) == ("GST Free Exports (0 %)", "")
    assert TaxOverride.objects.get().country == "NZ"
    revert(finance, TAXES, "Tax without a name 0 %")
    assert rows(finance, TAXES)["Tax without a name 0 %"].problem


def test_a_tax_is_mapped_for_any_country(finance: Client, lines: Any) -> None:
    override(finance, TAXES, "Tax without a name 0 %", tax_type="EXEMPTEXPORT", any_country="on")
    assert TaxOverride.objects.get().country == ""
    assert "in any country" in rows(finance, f"{TAXES}?q=NZ")["Tax without a name 0 %"].because


@pytest.mark.parametrize(
    ("tax_type", "words"),
    [
        ("OUTPUT", "that is 10 % in Xero, and the totals would differ"),
        ("INPUT", "has no active tax type INPUT for sales"),
        ("NONSENSE", "has no active tax type NONSENSE for sales"),
    ],
)
def test_a_tax_rate_of_another_percentage_or_not_for_sales_is_refused(
    finance: Client, lines: Any, tax_type: str, words: str
) -> None:
    page = override(finance, TAXES, "Tax without a name 0 %", tax_type=tax_type)
    assert words in page.content.decode()
    assert not TaxOverride.objects.exists()


# Customers


def test_a_customers_theme_status_and_due_days_are_overridden_and_reverted(
    finance: Client, lines: Any, connected: XeroConnection
) -> None:
    theme = connected.brandingthemes.get(name="Azure usage")
    override(finance, CUSTOMERS, "Fabrikam", theme_id=theme.theme_id, invoice_status="SUBMITTED")
    override(finance, CUSTOMERS, "Fabrikam", due_days="30")
    row = rows(finance, CUSTOMERS)["Fabrikam"]
    assert row.applies == "Azure usage · Awaiting approval · due after 30 days"
    assert row.default == "Cloud services · Draft · due as invoiced"
    assert CustomerOverride.objects.get().theme_name == "Azure usage"
    revert(finance, CUSTOMERS, "Fabrikam")
    assert not CustomerOverride.objects.exists()


def test_where_a_customers_invoices_to_a_reseller_go_is_overridden_and_in_the_file(finance: Client, lines: Any) -> None:
    override(finance, CUSTOMERS, "Fabrikam", bill_resellers="customer")
    applies = rows(finance, CUSTOMERS)["Fabrikam"].applies
    assert applies.endswith("invoices to a reseller: the customer's contact")
    entry = AuditEntry.objects.latest("pk")
    assert "invoices to a reseller: the customer's contact" in str(entry.after)
    (row,) = (row for row in download(finance, CUSTOMERS) if row["TenantID"] == "tenant-fabrikam")
    assert row["BillResellers"] == "customer"
    upload(finance, CUSTOMERS, as_text([row | {"BillResellers": "reseller"}]))
    assert CustomerOverride.objects.get().bill_resellers == "reseller"
    upload(finance, CUSTOMERS, "TenantID,Theme,Status,DueDays\ntenant-fabrikam,,,30\n")
    assert (CustomerOverride.objects.get().bill_resellers, CustomerOverride.objects.get().due_days) == ("reseller", 30)
    upload(finance, CUSTOMERS, as_text([row | {"BillResellers": ""}]))
    assert not CustomerOverride.objects.exists()
    answer = upload(finance, CUSTOMERS, as_text([row | {"BillResellers": "nobody"}]))
    assert [(each.row, each.field) for each in answer.context["findings"]] == [(2, "BillResellers")]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, "Choose a theme, a status or due days"),
        ({"theme_id": "gone"}, "is no longer there"),
        ({"due_days": "-1"}, "greater than or equal to 0"),
        ({"invoice_status": "PAID"}, "Select a valid choice"),
    ],
)
def test_what_a_customer_cannot_have_is_refused(
    finance: Client, lines: Any, chosen: dict[str, str], words: str
) -> None:
    assert words in override(finance, CUSTOMERS, "Fabrikam", **chosen).content.decode()
    assert not CustomerOverride.objects.exists()


# Files


def test_a_customers_po_number_and_that_it_is_required_are_kept_shown_and_in_the_file(
    finance: Client, lines: Any
) -> None:
    override(finance, CUSTOMERS, "Fabrikam", purchase_order="PO-4711", requires_purchase_order="yes")
    override(finance, CUSTOMERS, "Fabrikam", due_days="30")
    assert rows(finance, CUSTOMERS)["Fabrikam"].applies.endswith("PO number PO-4711 · requires a PO number")
    assert "PO number PO-4711 · requires a PO number" in str(AuditEntry.objects.latest("pk").after)
    (row,) = (row for row in download(finance, CUSTOMERS) if row["TenantID"] == "tenant-fabrikam")
    assert (row["PurchaseOrderNumber"], row["PurchaseOrderRequired"]) == ("PO-4711", "yes")
    override(finance, CUSTOMERS, "Fabrikam", requires_purchase_order="no")
    kept = CustomerOverride.objects.get()
    assert (kept.purchase_order, kept.requires_purchase_order, kept.due_days) == ("PO-4711", False, 30)
    upload(finance, CUSTOMERS, "TenantID,Theme,Status,DueDays\ntenant-fabrikam,,,31\n")
    assert CustomerOverride.objects.get().purchase_order == "PO-4711"
    upload(finance, CUSTOMERS, as_text([row | {"DueDays": "", "PurchaseOrderNumber": ""}]))
    kept = CustomerOverride.objects.get()
    assert (kept.purchase_order, kept.requires_purchase_order) == ("", True)
    wrong = [row | {"PurchaseOrderRequired": "maybe"}, row | {"TenantID": "tenant-x", "PurchaseOrderNumber": "P" * 256}]
    answer = upload(finance, CUSTOMERS, as_text(wrong))
    assert [each.field for each in answer.context["findings"]] == ["PurchaseOrderRequired", "TenantID"]


def test_what_is_downloaded_can_be_taken_over_again_and_changes_nothing(finance: Client, lines: Any) -> None:
    override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", account_code="4030")
    override(finance, TAXES, "Tax without a name 0 %", tax_type="EXEMPTEXPORT")
    override(finance, CUSTOMERS, "Fabrikam", due_days="30")
    for page, model in zip(ALL, (AccountOverride, TaxOverride, CustomerOverride), strict=True):
        before = download(finance, page)
        kept = list(
            model.objects.values_list(*(f.name for f in model._meta.fields if f.name not in ("id", "updated_at")))
        )
        assert "kept." in upload(finance, page, as_text(before)).content.decode()
        assert download(finance, page) == before
        assert kept == list(
            model.objects.values_list(*(f.name for f in model._meta.fields if f.name not in ("id", "updated_at")))
        )


def test_a_file_overrides_reverts_and_leaves_the_rest(finance: Client, lines: Any) -> None:
    override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", account_code="4030")
    override(finance, ACCOUNTS, "DZH318Z0BPS6:0001", account_code="4030")
    header = "TenantID,Kind,SKU,Match,AccountCode\n"
    upload(finance, ACCOUNTS, header + ",,CFQ7TTC0LF8Q:0001,exact,\n,,CFQ7,begins,4020\ntenant-fabrikam,,,,4010\n")
    kept = AccountOverride.objects.values_list("customer__name", "sku", "is_prefix", "account_code")
    assert set(kept) == {
        (None, "DZH318Z0BPS6:0001", False, "4030"),
        (None, "CFQ7", True, "4020"),
        ("Fabrikam", "", False, "4010"),
    }


def test_a_sku_billed_as_two_kinds_has_one_row_in_the_file(finance: Client, lines: Any) -> None:
    lines["azure"].lines.update(sku="CFQ7TTC0LF8Q:0001")
    assert len(finance.get(f"{ACCOUNTS}?q=CFQ7TTC0LF8Q").context["table"].paginated_rows) == 2
    assert [row["SKU"] for row in download(finance, ACCOUNTS)].count("CFQ7TTC0LF8Q:0001") == 1


@pytest.mark.parametrize(
    ("page", "text", "found"),
    [
        (
            ACCOUNTS,
            "TenantID,Kind,SKU,Match,AccountCode\n,,A,exact,4010\nnobody,,A,,4010\n,,A,like,4010\n,wine,A,,4010\n"
            ",,,,4010\n,,B,,999\n",
            [(3, "TenantID"), (4, "Match"), (5, "Kind"), (6, "SKU"), (7, "AccountCode")],
        ),
        (
            TAXES,
            "Country,TaxName,Percentage,TaxType\nAUS,GST,10,OUTPUT\n,GST,ten,OUTPUT\n,GST,5,OUTPUT\n,GST,10,INPUT\n"
            ",GST,NaN,OUTPUT\n",
            [(2, "Country"), (3, "Percentage"), (4, "TaxType"), (5, "TaxType"), (6, "Percentage")],
        ),
        (
            CUSTOMERS,
            "TenantID,Theme,Status,DueDays\nnobody,,,\ntenant-fabrikam,Gone,,\ntenant-fabrikam,,PAID,\n"
            "tenant-fabrikam,,,-1\ntenant-fabrikam,azure USAGE,DRAFT,0\n",
            [(2, "TenantID"), (3, "Theme"), (4, "Status"), (5, "DueDays")],
        ),
        (
            ACCOUNTS,
            "TenantID,Kind,SKU,Match,AccountCode\n,,A,exact,4010\n,,A,,4010\n,,A,,\n,,A,begins,4020\n",
            [(4, "AccountCode")],
        ),
        (ACCOUNTS, "SKU,AccountCode\n", [(1, "TenantID")]),
        (ACCOUNTS, "", None),
        (TAXES, 'Country,TaxName,Percentage,TaxType\n"AU,GST', [(1, "")]),
    ],
)
def test_a_file_with_a_bad_row_changes_nothing_and_every_bad_row_is_named(
    finance: Client, lines: Any, page: str, text: str, found: list[tuple[int, str]] | None
) -> None:
    answer = upload(finance, page, text)
    if found is not None:
        assert [(each.row, each.field) for each in answer.context["findings"]] == found
    assert "The file is empty" in answer.content.decode() or found is not None
    for model in (AccountOverride, TaxOverride, CustomerOverride):
        assert not model.objects.exists()


def test_no_text_of_a_download_becomes_a_formula(finance: Client, lines: Any) -> None:
    lines["license"].lines.update(sku="=1+1")
    override(finance, ACCOUNTS, "=1+1", account_code="4030")
    (row,) = (row for row in download(finance, ACCOUNTS) if "1+1" in row["SKU"])
    assert row["SKU"] == "'=1+1"
    upload(finance, ACCOUNTS, as_text([row]))
    assert AccountOverride.objects.get().sku == "=1+1"


# Coming back, and who may


def test_after_overriding_the_reader_is_back_where_they_came_from(finance: Client, lines: Any) -> None:
    answer = override(
        finance, TAXES, "Tax without a name 0 %", query="?next=/invoices/logs/%3Fa%3D1", tax_type="EXEMPTEXPORT"
    )
    assert answer.redirect_chain == [("/invoices/logs/?a=1", 302)]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(finance: Client, lines: Any, address: str) -> None:
    assert address not in finance.get(TAXES, {"next": address}).content.decode()
    answer = override(finance, TAXES, "Tax without a name 0 %", query=f"?next={address}", tax_type="EXEMPTEXPORT")
    assert answer.redirect_chain == [(TAXES, 302)]


@pytest.mark.parametrize("page", ALL)
def test_a_reader_looks_and_changes_nothing(
    client_for: Callable[[User], Client], system_reader: User, lines: Any, page: str
) -> None:
    reader = client_for(system_reader)
    text = reader.get(page).content.decode()
    assert 'name="action"' not in text
    assert "Revert" not in text
    assert reader.post(page, {"action": "override", "all": "1", "account_code": "4030"}).status_code == 403
    assert not AccountOverride.objects.exists()


@pytest.mark.parametrize("page", ALL)
def test_without_a_connection_the_page_says_so(finance: Client, page: str) -> None:
    assert "No organisation is connected" in finance.get(page).content.decode()
    assert finance.post(page, {"action": "override", "all": "1"}).status_code == 200
    assert finance.get(page.rstrip("/") + ".csv").status_code == 404


@pytest.mark.parametrize("page", ALL)
def test_many_rows_take_as_many_queries_as_few(
    finance: Client, lines: Any, make_invoices: Callable[[int], list[Invoice]], page: str
) -> None:
    before = queries_of(finance, page)
    for index, invoice in enumerate(make_invoices(30)):
        invoice.lines.update(sku=f"SKU-{index:02}", tax_name=f"Tax {index}")
        AccountOverride.objects.create(customer=invoice.customer, account_code="4010")
        CustomerOverride.objects.create(customer=invoice.customer, due_days=index)
    assert queries_of(finance, page) == before


# Drift


def test_what_changed_in_xero_is_told_with_where_it_is_used(
    finance: Client, sandbox: Any, connected: XeroConnection, lines: Any
) -> None:
    theme = connected.brandingthemes.get(name="Azure usage")
    override(finance, ACCOUNTS, "CFQ7TTC0LF8Q:0001", account_code="4030")
    override(finance, CUSTOMERS, "Fabrikam", theme_id=theme.theme_id)
    assert "What changed in Xero" not in finance.get(ACCOUNTS).content.decode()
    sandbox.put_account("4030", status="ARCHIVED")
    sandbox.put_theme("Azure usage", new_name="Azure")
    sandbox.put_theme("Cloud services", delete=True)
    connections.read_reference(connected)
    text = markup(finance.get(CUSTOMERS).content.decode())
    assert "The theme “Azure usage” is now called “Azure” in Xero" in text
    assert "has no theme “Cloud services”" in text
    place = '<a href="/settings/accounts/?show=unmapped">SKU CFQ7TTC0LF8Q:0001</a>'
    assert f"Used in: Settings → General, Custom offer SKUs; {place}." in text
    assert "/settings/general/" not in text


def test_a_mapped_tax_rate_that_changed_is_told(
    finance: Client, sandbox: Any, connected: XeroConnection, lines: Any
) -> None:
    override(finance, TAXES, "GST 10 %", tax_type="OUTPUT")
    sandbox.put_tax_rate("OUTPUT", rate="12.5")
    connections.read_reference(connected)
    text = markup(finance.get(TAXES).content.decode())
    assert "10 % (GST)" in text
    assert "is mapped to GST on Income, which is 12.5 % in Xero" in text
    assert list(rows(finance, f"{TAXES}?show=unmapped")) == ["GST 10 %", "Tax without a name 0 %"]


def test_the_schedule_reads_every_connected_organisation_again(
    sandbox: Any, connected: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.read_reference, "delay", tasks.read_reference)
    sandbox.put_account("4050", name="New licences")
    tasks.refresh_reference()
    assert connected.accounts.filter(code="4050").exists()
    sandbox.put_account("4060", name="Newer licences")
    XeroConnection.objects.update(status=XeroConnection.Status.NEEDS_RECONNECTING)
    tasks.refresh_reference()
    assert not connected.accounts.filter(code="4060").exists()


def test_what_cannot_be_read_now_is_left_for_the_next_time(sandbox: Any, connected: XeroConnection) -> None:
    sandbox.place_fault("503_text", path="Accounts")
    tasks.read_reference(connected.pk)
    assert connected.accounts.filter(code="4010").exists()
