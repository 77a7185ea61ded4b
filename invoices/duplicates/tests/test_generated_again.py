"""A billing period that C3 generates again is not posted twice, unless someone says so: from the file to Xero."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from invoices.conftest import Upload, Work
from invoices.duplicates import comparison
from invoices.duplicates.comparison import Likeness
from invoices.duplicates.tests.conftest import MakeBilled
from invoices.importing.importer import import_file
from invoices.importing.preview import preview_file
from invoices.models import BillingPeriod, Customer, DuplicateDecision, Invoice, Posting
from invoices.tests.c3_files import SEPTEMBER, of_customer, write
from invoices.tests.pages import post_ready, press
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.usefixtures("woken")
CHARGED = {"ChargeStartDate": "BillingPeriodStartDate", "ChargeEndDate": "BillingPeriodEndDate"}
AGAIN = {"BillingId": "20260919", "InvoiceGeneratedDate": "2026-09-19T00:00:00"}


def lines(count: int, **changes: str) -> list[dict[str, str]]:
    """Return two lines for each invoice of so many customers."""
    more = {"ProductSKUId": "CFQ7TTC0LF8Q:0001", "SubTotal": "10.00", "TaxAmount": "1.00", "Total": "11.00"}
    more |= {"Quantity": "1", "UnitPriceOfProduct": "10.00"}
    return [of_customer(each, **(extra | changes)) for each in range(1, count + 1) for extra in ({}, more)]


def generated_again(rows: list[dict[str, str]], **changes: str) -> list[dict[str, str]]:
    """Return the lines as C3 writes them the next day: new numbers, new BillingId, the same charges."""
    return [row | {"InvoiceNumber": f"{row['InvoiceNumber']}_again"} | AGAIN | changes for row in rows]


def in_xero(sandbox: Any) -> list[str]:
    return sorted(document["number"] for document in sandbox.documents())


def likes() -> dict[str, Likeness]:
    found = comparison.lookalikes(Invoice.objects.all())
    return {Invoice.objects.get(pk=pk).number: each.likeness for pk, each in found.items()}


@pytest.fixture
def posted(connected: XeroConnection, upload: Upload, work: Work, tmp_path: Path) -> list[dict[str, str]]:
    """Lines of three invoices that are in Xero."""
    rows = lines(3)
    import_file(write(tmp_path, *rows))
    upload()
    work()
    assert Posting.objects.filter(status=Posting.Status.POSTED).count() == 3
    return rows


def test_none_of_it_is_posted_before_someone_decides(
    posted: list[dict[str, str]], sandbox: Any, upload: Upload, work: Work, tmp_path: Path
) -> None:
    import_file(write(tmp_path, *generated_again(posted)))
    assert likes() == {f"Invoice_{each}_again": Likeness.SAME for each in (1, 2, 3)}
    queued = upload()
    work()
    assert (queued.queued, queued.undecided) == (0, 3)
    assert in_xero(sandbox) == ["Invoice_1", "Invoice_2", "Invoice_3"]


def test_with_post_anyway_each_is_posted_once(
    posted: list[dict[str, str]], sandbox: Any, upload: Upload, work: Work, tmp_path: Path, finance: Client
) -> None:
    import_file(write(tmp_path, *generated_again(posted)))
    period = BillingPeriod.objects.get(billing_id="20260919")
    page = press(finance, period, all="1")
    (group,) = page.context["groups"]
    assert group["problem"].words == "The same lines and total as an invoice of billing 20260918, which is in Xero."
    assert "The same lines and total as Invoice_1, which is in Xero." in page.content.decode()
    assert "No invoice is ready." in re.sub(r"\s+", " ", page.content.decode())
    decided = {"group": group["problem"].subject, "count": group["count"], "decision": "post"} | {
        "shown": group["shown"]
    }
    address = reverse("preflight_decide", args=[page.context["draft"].pk])

    unsaid = finance.post(address, decided, follow=True)
    assert "Say why" in unsaid.content.decode()
    assert not DuplicateDecision.objects.exists()

    page = finance.post(address, {**decided, "reason": "Ordered twice"}, follow=True)
    assert page.context["groups"] == []
    post_ready(finance, page)
    work()
    assert upload().queued == 0
    work()
    assert len(in_xero(sandbox)) == len(set(in_xero(sandbox))) == 6


def test_a_group_is_decided_about_beside_what_the_page_showed_and_nothing_later(
    posted: list[dict[str, str]], upload: Upload, tmp_path: Path, finance: Client
) -> None:
    import_file(write(tmp_path, *generated_again(posted)))
    page = press(finance, BillingPeriod.objects.get(billing_id="20260919"), all="1")
    (group,) = page.context["groups"]
    late = [{**row, "InvoiceNumber": f"{row['InvoiceNumber']}_late"} for row in generated_again(posted)]
    import_file(write(tmp_path, *(row | {"BillingId": "20260917"} for row in late)))
    form = {"group": group["problem"].subject, "count": "3", "decision": "post", "reason": "Ordered twice"}
    address = reverse("preflight_decide", args=[page.context["draft"].pk])
    nothing = finance.post(address, form | {"shown": "what another page showed"}, follow=True)
    assert "Nothing was decided" in nothing.content.decode()
    assert not DuplicateDecision.objects.exists()
    answer = finance.post(address, form | {"shown": group.get("shown", "")}, follow=True)
    assert {each.other.number for each in DuplicateDecision.objects.all()} == {"Invoice_1", "Invoice_2", "Invoice_3"}
    assert "another one is like it too" in answer.content.decode()
    assert upload().queued == 0


def test_with_do_not_post_the_whole_group_is_ignored(
    posted: list[dict[str, str]], sandbox: Any, work: Work, tmp_path: Path, finance: Client
) -> None:
    import_file(
        write(
            tmp_path,
            *generated_again(posted),
            *lines(1, TenantID="new", InvoiceNumber="New", CustomerName="Woodgrove", **AGAIN),
        )
    )
    page = press(finance, BillingPeriod.objects.get(billing_id="20260919"), all="1")
    (group,) = page.context["groups"]
    address = reverse("preflight_decide", args=[page.context["draft"].pk])
    form = {"group": group["problem"].subject, "count": "3", "decision": "exclude", "reason": "Generated twice"}
    form["shown"] = group["shown"]
    page = finance.post(address, form, follow=True)
    post_ready(finance, page)
    work()
    assert in_xero(sandbox) == ["Invoice_1", "Invoice_2", "Invoice_3", "New"]
    assert set(Invoice.objects.exclude(ignored_because="").values_list("ignored_because", flat=True)) == {
        "Generated twice"
    }


def test_a_group_that_changed_since_it_was_shown_is_not_decided_about(
    posted: list[dict[str, str]], tmp_path: Path, finance: Client
) -> None:
    import_file(write(tmp_path, *generated_again(posted)))
    page = press(finance, BillingPeriod.objects.get(billing_id="20260919"), all="1")
    (group,) = page.context["groups"]
    form = {"group": group["problem"].subject, "count": "2", "decision": "post", "reason": "All right"}
    form["shown"] = group["shown"]
    finance.post(reverse("preflight_decide", args=[page.context["draft"].pk]), form)
    assert not DuplicateDecision.objects.exists()


def test_a_customer_renamed_in_between_is_the_same_customer(posted: list[dict[str, str]], tmp_path: Path) -> None:
    import_file(write(tmp_path, *generated_again(posted, CustomerName="Tailspin Travel Pty Ltd")))
    assert Customer.objects.filter(name="Tailspin Travel Pty Ltd").count() == 3
    assert likes() == {f"Invoice_{each}_again": Likeness.SAME for each in (1, 2, 3)}


def test_the_order_of_the_lines_does_not_count(posted: list[dict[str, str]], tmp_path: Path) -> None:
    import_file(write(tmp_path, *reversed(generated_again(posted))))
    assert likes() == {f"Invoice_{each}_again": Likeness.SAME for each in (1, 2, 3)}


def test_what_was_generated_again_with_another_amount_is_nearly_the_same(
    posted: list[dict[str, str]], upload: Upload, tmp_path: Path
) -> None:
    again = generated_again(posted)
    again[0] |= {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}
    import_file(write(tmp_path, *again))
    assert likes() == {
        "Invoice_1_again": Likeness.NEAR,
        "Invoice_2_again": Likeness.SAME,
        "Invoice_3_again": Likeness.SAME,
    }
    assert upload().queued == 0


def test_the_import_and_its_dry_run_name_what_is_nearly_the_same_with_both_totals(
    posted: list[dict[str, str]], tmp_path: Path
) -> None:
    again = generated_again(posted[:2])
    again[0] |= {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}
    usage = [{**row, "InvoiceNumber": "Usage", "ProductSKUId": "DZH318Z0BPS6:0001"} for row in posted[:2]]
    credit = {"Quantity": "-1", "SubTotal": "-9.00", "TaxAmount": "-0.90", "Total": "-9.90"}
    note = posted[0] | credit | {"InvoiceNumber": "Credit"}
    path = write(tmp_path, *again, *usage, note)
    for notes in (preview_file(path).notes, import_file(path).notes):
        (told,) = [each for each in notes if "same customer, dates and currency" in each]
        assert "another total or other lines: 1 (Invoice_1_again (AUD 119.90) and Invoice_1 (AUD 110.00), which" in told
    assert not [each for each in import_file(path).notes if "same customer, dates" in each]


def test_the_import_names_what_a_namesake_without_a_tenant_id_is_billed_already(tmp_path: Path, db: None) -> None:
    import_file(write(tmp_path, *lines(1, TenantID="", ERPCustomerID="")))
    path = write(tmp_path, *generated_again(lines(1)))
    for notes in (preview_file(path).notes, import_file(path).notes):
        (told,) = [each for each in notes if "one has no tenant id" in each]
        assert "Invoice_1_again (AUD 110.00) and Invoice_1 (AUD 110.00)" in told


def test_the_same_billing_again_with_new_numbers_and_some_amounts_changed_waits(
    posted: list[dict[str, str]], upload: Upload, tmp_path: Path
) -> None:
    again = [row | {"InvoiceNumber": f"{row['InvoiceNumber']}_again"} for row in posted]
    again[0] |= {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}
    import_file(write(tmp_path, *again))
    assert likes()["Invoice_1_again"] == Likeness.NEAR
    assert upload().undecided == 3


def test_the_same_numbers_again_with_some_amounts_changed_are_reported_and_not_posted(
    posted: list[dict[str, str]], upload: Upload, tmp_path: Path
) -> None:
    again = [posted[0] | {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}, *posted[1:]]
    import_file(write(tmp_path, *again))
    assert Invoice.objects.exclude(difference="").get().number == "Invoice_1"
    assert (upload().queued, likes()) == (0, {})


def test_a_correction_that_makes_it_another_billing_is_asked_about_anew(
    posted: list[dict[str, str]], upload: Upload, tmp_path: Path, finance: Client
) -> None:
    again = generated_again(posted[:2])
    import_file(write(tmp_path, *again))
    (invoice,) = Invoice.objects.filter(number="Invoice_1_again")
    first = Invoice.objects.get(number="Invoice_1")
    form = {"decision": "post", "reason": "Ordered twice", f"other-{invoice.pk}": str(first.pk)}
    finance.post(reverse("decide_invoice", args=[invoice.pk]), form)
    assert likes() == {}
    again[0] |= {"Quantity": "11", "SubTotal": "99.00", "TaxAmount": "9.90", "Total": "108.90"}
    import_file(write(tmp_path, *again))
    assert likes() == {"Invoice_1_again": Likeness.NEAR}
    assert upload().queued == 0


def test_charges_of_the_next_month_are_no_copy(posted: list[dict[str, str]], upload: Upload, tmp_path: Path) -> None:
    dates = {"ChargeStartDate": "2026-09-16T00:00:00", "ChargeEndDate": "2026-10-15T00:00:00"}
    period = {"BillingPeriodStartDate": "2026-09-16T00:00:00", "BillingPeriodEndDate": "2026-10-15T00:00:00"}
    import_file(write(tmp_path, *generated_again(posted, BillingId="20261018", **dates, **period)))
    assert likes() == {}
    assert upload().queued == 3


def test_licences_and_usage_of_the_sample_month_billed_apart_are_no_copies(tmp_path: Path, db: None) -> None:
    with SEPTEMBER.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    usage = [row for row in rows if row["Category"] == "Usage"]
    dates = {name: rows[0][period] for name, period in CHARGED.items()}
    licences = [row | dates for row in rows if row["Category"] == "License"]
    import_file(write(tmp_path, *licences))
    import_file(write(tmp_path, *generated_again(usage, **dates)))
    both = {row["TenantID"] for row in licences} & {row["TenantID"] for row in usage}
    assert Invoice.objects.filter(customer__tenant_id__in=both, number__endswith="_again").count() > 50
    assert likes() == {}
    import_file(write(tmp_path, *(row | {"InvoiceNumber": row["InvoiceNumber"] + "_third"} for row in licences[:1])))
    assert list(likes().values()) in ([Likeness.NEAR], [Likeness.SAME])


def test_both_pages_name_the_other_and_what_was_decided(
    posted: list[dict[str, str]], tmp_path: Path, finance: Client
) -> None:
    import_file(write(tmp_path, *generated_again(posted[:2])))
    first, second = (Invoice.objects.get(number=number) for number in ("Invoice_1", "Invoice_1_again"))
    page = finance.get(second.get_absolute_url()).content.decode()
    assert "The same lines and total as Invoice_1, which is in Xero." in page
    assert "Invoice_1_again" in finance.get(first.get_absolute_url()).content.decode()

    form = {"decision": "replace", f"other-{second.pk}": str(first.pk)}
    finance.post(reverse("decide_invoice", args=[second.pk]), form)
    for each in (first, second):
        page = " ".join(finance.get(each.get_absolute_url()).content.decode().split())
        assert "It replaces the other:" in page
        assert "Invoice_1 is still in Xero: void or credit it, or the customer pays twice." in page


@pytest.mark.parametrize("page", ["invoice", "preflight"])
def test_a_second_press_replaces_no_invoice_that_the_page_did_not_show(
    posted: list[dict[str, str]], tmp_path: Path, finance: Client, page: str
) -> None:
    again = generated_again(posted[:2])
    import_file(write(tmp_path, *again, *(row | {"InvoiceNumber": "Twice_again"} for row in again)))
    first, second, third = (
        Invoice.objects.get(number=each) for each in ("Invoice_1", "Invoice_1_again", "Twice_again")
    )
    assert comparison.lookalikes(Invoice.objects.filter(pk=third.pk))[third.pk].other == first
    if page == "invoice":
        shown = finance.get(third.get_absolute_url())
        address, form = reverse("decide_invoice", args=[third.pk]), {"decision": "replace"}
    else:
        shown = press(finance, third.period, all="1")
        address = reverse("preflight_decide", args=[shown.context["draft"].pk])
        form = {"replace": str(third.pk)}
    (other,) = re.findall(rf'name="other-{third.pk}"\s+value="([^"]+)"', shown.content.decode())
    for _ in range(2):
        answer = finance.post(address, form | {f"other-{third.pk}": other}, follow=True)
    assert [row.other for row in DuplicateDecision.objects.filter(invoice=third)] == [first]
    assert "Nothing was decided" in answer.content.decode()
    assert second.ignored_because == Invoice.objects.get(pk=second.pk).ignored_because == ""


def test_the_page_does_not_offer_to_replace_another_department_of_one_run(
    make_billed: MakeBilled, finance: Client
) -> None:
    make_billed("20260918", "sales")
    page = finance.get(make_billed("20260918", "research", amount="70").get_absolute_url()).content.decode()
    assert "It looks like another invoice." in page
    assert "Post anyway" in page
    assert "It replaces the other" not in page


def test_the_list_and_its_download_name_what_looks_the_same(
    posted: list[dict[str, str]], tmp_path: Path, finance: Client
) -> None:
    import_file(
        write(
            tmp_path,
            *generated_again(posted[:2]),
            *lines(1, TenantID="new", InvoiceNumber="New", CustomerName="Woodgrove", **AGAIN),
        )
    )
    filtered = {"period": "20260919", "state": "looks_same"}
    page = finance.get(reverse("invoice_list"), filtered)
    assert [row.number for row in page.context["rows"]] == ["Invoice_1_again"]
    assert [row.record.number for row in page.context["table"].page.object_list] == ["Invoice_1_again"]
    assert "period=20260918" in page.content.decode()
    download = finance.get(reverse("download", args=["invoices"]), {"period": "20260919"})
    rows = b"".join(download.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    looks = {row["InvoiceNumber"]: row["LooksTheSameAs"] for row in csv.DictReader(rows)}
    assert looks == {"Invoice_1_again": "Invoice_1", "New": ""}
