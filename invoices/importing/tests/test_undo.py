"""An import is taken back as long as none of it was sent to Xero."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from invoices.duplicates import comparison
from invoices.importing import undo, writing
from invoices.importing.importer import import_file
from invoices.importing.tests.test_importing import stored
from invoices.importing.undo import undo_import
from invoices.models import (
    BillingPeriod,
    Customer,
    CustomerOverride,
    HeldBackInvoice,
    ImportRun,
    Invoice,
    InvoiceLine,
    Posting,
    PostLog,
)
from invoices.posting import queueing
from invoices.selection import deciding
from invoices.tests.c3_files import of_customer, write
from invoices.tests.makers import connected, uploaded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
State, Status = ImportRun.State, Posting.Status
PRICE = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}
OCTOBER = {"BillingId": "20261018", "BillingPeriodStartDate": "2026-09-16", "BillingPeriodEndDate": "2026-10-15"}


def without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines that were put back are rows of their own."""
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def test_undoing_deletes_what_came_and_what_nothing_else_uses(tmp_path: Path, finance_admin: User) -> None:
    before = stored()
    run = import_file(
        write(
            tmp_path, of_customer(1), of_customer(2), of_customer(3, InvoiceEntity="Reseller", ResellerName="Foxtrot")
        )
    )

    undone = undo_import(run, user=finance_admin, source="a test")

    assert (undone.is_done, undone.deleted, undone.restored, undone.in_the_way) == (True, 3, 0, [])
    assert stored() == before == []
    run.refresh_from_db()
    assert (run.state, run.undone_by) == (State.UNDONE, finance_admin)
    entry = AuditEntry.objects.get(subject="Import of lines.csv undone")
    assert (entry.actor, entry.after) == (finance_admin.email, {"Deleted": 3, "Put back": 0, "Not taken back": 0})


def test_undoing_puts_back_what_was_changed_to_the_last_cell(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, ItemCode="a"), of_customer(1, ItemCode="b"), of_customer(2)))
    before = without_ids(stored())

    run = import_file(write(tmp_path, of_customer(1, **PRICE), of_customer(2), of_customer(3)))
    assert without_ids(stored()) != before
    undone = undo_import(run, user=None, source="a test")

    assert (undone.deleted, undone.restored) == (1, 1)
    assert without_ids(stored()) == before


def test_what_something_else_uses_stays(tmp_path: Path) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2)))
    CustomerOverride.objects.create(customer=Customer.objects.get(tenant_id="tenant-2"))
    import_file(write(tmp_path, of_customer(1, InvoiceNumber="Another")))

    undo_import(run, user=None, source="a test")

    assert set(Customer.objects.values_list("tenant_id", flat=True)) == {"tenant-1", "tenant-2"}
    assert BillingPeriod.objects.count() == 1


RESELLER = {"InvoiceEntity": "Reseller", "ResellerName": "Foxtrot"}


def test_a_customer_that_a_reseller_is_stays(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1, **RESELLER)))
    run = import_file(write(tmp_path, of_customer(2, CustomerName="Foxtrot Ltd")))
    reseller, found = Customer.objects.get(key_from="reseller"), Customer.objects.get(tenant_id="tenant-2")
    Customer.objects.filter(pk=reseller.pk).update(same_as=found)

    undo_import(run, user=None, source="a test")

    reseller.refresh_from_db()
    assert reseller.same_as == found


@pytest.mark.parametrize("other", ["itself", "a customer of the same import"])
def test_a_reseller_goes_with_what_was_said_of_it(tmp_path: Path, other: str) -> None:
    run = import_file(write(tmp_path, of_customer(1, **RESELLER)))
    reseller, customer = Customer.objects.get(key_from="reseller"), Customer.objects.get(tenant_id="tenant-1")
    Customer.objects.filter(pk=reseller.pk).update(same_as=reseller if other == "itself" else customer)

    undo_import(run, user=None, source="a test")

    assert not Customer.objects.exists()


@pytest.mark.parametrize("role", ["customer", "reseller"])
def test_whom_an_invoice_was_for_before_another_import_stays(tmp_path: Path, role: str) -> None:
    first: dict[str, str] = RESELLER if role == "reseller" else {}
    changed: dict[str, str] = {} if role == "reseller" else {"TenantID": "tenant-9"}
    billed = "bill_to__name" if role == "reseller" else "customer__tenant_id"
    import_file(write(tmp_path, of_customer(1, **first)))
    before = Invoice.objects.values_list(billed, flat=True).get()
    change = import_file(write(tmp_path, of_customer(1, **changed)))
    assert Invoice.objects.values_list(billed, flat=True).get() != before
    same = first or {"TenantID": "tenant-1", "ERPCustomerID": "ERP1"}
    run = import_file(write(tmp_path, of_customer(2, **same)))

    assert undo_import(run, user=None, source="a test").deleted == 1
    assert undo_import(change, user=None, source="a test").restored == 1

    connection.check_constraints()
    assert Invoice.objects.values_list(billed, flat=True).get() == before


def test_what_an_import_kept_of_a_customer_stays_for_its_own_undo(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    second = import_file(write(tmp_path, october(**LATER)))
    Invoice.objects.filter(number="Invoice_1").delete()
    Invoice.objects.filter(number="October_1").update(import_run=None)
    third = import_file(write(tmp_path, october(InvoiceNumber="October_9", **LATER)))
    Invoice.objects.filter(number="October_1").delete()

    undo_import(third, user=None, source="a test")

    assert second.replaced_customers.get().customer.tenant_id == "tenant-1"


def test_a_customer_that_one_import_wrote_twice_goes_with_it(tmp_path: Path) -> None:
    with patch.object(writing, "CHUNK", 1):
        run = import_file(write(tmp_path, of_customer(1), of_customer(1, InvoiceNumber="Another", **PRICE)))
    assert run.replaced_customers.exists()

    undo_import(run, user=None, source="a test")

    assert not Customer.objects.exists()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.POSTED, Status.UNCERTAIN])
def test_what_was_sent_stands_in_the_way_and_the_rest_is_taken_back_when_asked(
    tmp_path: Path, finance_admin: User, status: str
) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2)))
    uploaded(connected(), finance_admin, Invoice.objects.get(number="Invoice_1"), to=status)
    before = stored()

    undone = undo_import(run, user=finance_admin, source="a test")
    assert not undone.is_done
    assert [(each.number, each.reason) for each in undone.in_the_way] == [("Invoice_1", undo.SENT)]
    assert stored() == before

    undone = undo_import(run, user=finance_admin, source="a test", rest=True)
    assert (undone.is_done, undone.deleted, undone.in_the_way_count) == (True, 1, 1)
    assert list(Invoice.objects.values_list("number", flat=True)) == ["Invoice_1"]
    run.refresh_from_db()
    assert run.state == State.IMPORTED
    assert "but for 1 invoices that had to stay" in run.notes[-1]


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.REJECTED])
def test_what_never_got_to_xero_goes_with_its_history(tmp_path: Path, finance_admin: User, status: str) -> None:
    run = import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=status)

    assert undo_import(run, user=finance_admin, source="a test").is_done
    assert not Invoice.objects.exists()
    assert not Posting.objects.exists()
    assert not PostLog.objects.exists()


def test_what_was_in_xero_keeps_its_history_though_it_was_taken_back(tmp_path: Path, finance_admin: User) -> None:
    run = import_file(write(tmp_path, of_customer(1)))
    uploaded(connected(), finance_admin, Invoice.objects.get(), to=Status.UNDONE)
    undone = undo_import(run, user=finance_admin, source="a test")
    assert [each.reason for each in undone.in_the_way] == [undo.WAS_IN_XERO]
    assert Invoice.objects.exists()


def test_imports_are_undone_the_newest_first(tmp_path: Path) -> None:
    first = import_file(write(tmp_path, of_customer(1)))
    before = without_ids(stored())
    second = import_file(write(tmp_path, of_customer(1, **PRICE)))

    undone = undo_import(first, user=None, source="a test")
    assert [each.reason for each in undone.in_the_way] == [undo.CHANGED_LATER]

    assert undo_import(second, user=None, source="a test").restored == 1
    assert without_ids(stored()) == before
    assert undo_import(first, user=None, source="a test").deleted == 1
    assert stored() == []


def test_the_newest_is_what_was_written_last_whichever_was_uploaded_first(tmp_path: Path) -> None:
    early = ImportRun.objects.create(file_name="early", size=1, state=State.READY)
    late = ImportRun.objects.create(file_name="late", size=1, state=State.READY)
    first = import_file(write(tmp_path, of_customer(1)), run=late)
    before = without_ids(stored())
    second = import_file(write(tmp_path, of_customer(1, **PRICE)), run=early)

    undone = undo_import(first, user=None, source="a test")
    assert [each.reason for each in undone.in_the_way] == [undo.CHANGED_LATER]

    assert undo_import(second, user=None, source="a test").restored == 1
    assert without_ids(stored()) == before
    assert undo_import(first, user=None, source="a test").deleted == 1


def test_of_two_that_changed_it_the_one_written_last_is_undone_first(tmp_path: Path) -> None:
    early = ImportRun.objects.create(file_name="early", size=1, state=State.READY)
    import_file(write(tmp_path, of_customer(1)))
    before = without_ids(stored())
    first = import_file(write(tmp_path, of_customer(1, **PRICE)))
    second = import_file(write(tmp_path, of_customer(1, ItemCode="b")), run=early)

    assert [each.reason for each in undo_import(first, user=None, source=None).in_the_way] == [undo.CHANGED_LATER]
    assert undo_import(second, user=None, source=None).restored == 1
    assert undo_import(first, user=None, source=None).restored == 1
    assert without_ids(stored()) == before


def two_alike(folder: Path) -> tuple[ImportRun, ImportRun]:
    """Import an invoice, and the same under another number in a later billing."""
    one = import_file(write(folder, of_customer(1, InvoiceNumber="One")))
    return one, import_file(write(folder, of_customer(1, InvoiceNumber="Other", BillingId="20260919")))


def replace_one(user: User) -> None:
    one, other = (Invoice.objects.get(number=number) for number in ("One", "Other"))
    assert deciding.replace(other, str(one.pk), user).ignored == [one]


def leave_out_other(user: User) -> int:
    rows = Invoice.objects.filter(number="Other")
    return deciding.leave_out(rows, "A copy", user, comparison.pairs(rows))


def test_what_an_undone_invoice_replaced_may_go_again(tmp_path: Path, finance_admin: User) -> None:
    _, run = two_alike(tmp_path)
    replace_one(finance_admin)
    assert not Invoice.objects.uploadable().filter(number="One").exists()

    undo_import(run, user=finance_admin, source="a test")

    left = Invoice.objects.uploadable().get()
    assert (left.number, left.ignored_by, left.ignored_at) == ("One", None, None)
    entry = AuditEntry.objects.get(subject="Included again: 1 invoice")
    assert (entry.actor, entry.before) == (finance_admin.email, {"One": "Replaced by Other"})


def test_what_was_left_out_for_an_undone_invoice_may_go_again(tmp_path: Path, finance_admin: User) -> None:
    run, _ = two_alike(tmp_path)
    assert leave_out_other(finance_admin) == 1

    undo_import(run, user=finance_admin, source="a test")

    assert Invoice.objects.uploadable().get().number == "Other"
    assert AuditEntry.objects.get(subject="Included again: 1 invoice").before == {"Other": "A copy"}


def test_what_was_set_aside_for_what_an_import_changed_may_go_again(tmp_path: Path, finance_admin: User) -> None:
    other = {"InvoiceNumber": "Other", "BillingId": "20260919"}
    import_file(write(tmp_path, of_customer(1, InvoiceNumber="One")))
    import_file(write(tmp_path, of_customer(1, **other, **PRICE)))
    run = import_file(write(tmp_path, of_customer(1, **other)))
    replace_one(finance_admin)

    assert undo_import(run, user=finance_admin, source="a test").restored == 1

    assert not Invoice.objects.exclude(ignored_because="").exists()


def test_a_decision_that_holds_again_or_still_leaves_ignored(tmp_path: Path, finance_admin: User) -> None:
    two_alike(tmp_path)
    replace_one(finance_admin)
    other = {"InvoiceNumber": "Other", "BillingId": "20260919"}
    run = import_file(write(tmp_path, of_customer(1, **other, **PRICE)))

    assert undo_import(run, user=finance_admin, source="a test").restored == 1

    assert Invoice.objects.exclude(ignored_because="").get().number == "One"


@pytest.mark.parametrize("undone", ["One", "Other"])
def test_what_was_set_aside_for_another_reason_stays_so(tmp_path: Path, finance_admin: User, undone: str) -> None:
    runs = dict(zip(("One", "Other"), two_alike(tmp_path), strict=True))
    if undone == "One":
        leave_out_other(finance_admin)
    else:
        replace_one(finance_admin)
    Invoice.objects.exclude(ignored_because="").update(ignored_because="Billed by hand")

    undo_import(runs[undone], user=finance_admin, source="a test")

    assert Invoice.objects.get().ignored_because == "Billed by hand"


def test_undoing_twice_does_nothing_more(tmp_path: Path) -> None:
    run = import_file(write(tmp_path, of_customer(1)))
    undo_import(run, user=None, source="a test")
    import_file(write(tmp_path, of_customer(1)))

    assert undo_import(run, user=None, source="a test").deleted == 0
    assert Invoice.objects.count() == 1


def test_what_was_held_back_before_is_held_back_again(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2, Total="x")))
    run = import_file(write(tmp_path, of_customer(2), of_customer(3, Total="x")))
    assert HeldBackInvoice.objects.get(resolved_at=None).number == "Invoice_3"

    undo_import(run, user=None, source="a test")

    assert HeldBackInvoice.objects.get(resolved_at=None).number == "Invoice_2"


@pytest.mark.parametrize("right", [(), (1,)])
def test_an_import_that_brought_nothing_lets_go_of_what_it_holds_back(
    tmp_path: Path, client: Client, finance_admin: User, right: tuple[int, ...]
) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    run = import_file(write(tmp_path, *map(of_customer, right), of_customer(2, Total="x")))
    assert run.state == (State.NOTHING_NEW if right else State.REFUSED)
    client.force_login(finance_admin)
    assert "Undo this import" in client.get(run.get_absolute_url()).content.decode()

    client.post(reverse("import_undo", args=[run.pk]))

    run.refresh_from_db()
    assert run.state == State.UNDONE
    assert not HeldBackInvoice.objects.filter(resolved_at=None).exists()
    assert Invoice.objects.count() == 2
    assert "Undo this import" not in client.get(run.get_absolute_url()).content.decode()


def test_what_two_files_had_wrong_is_held_back_for_the_first_again(tmp_path: Path) -> None:
    first = import_file(write(tmp_path, of_customer(1), of_customer(2, Total="x")))
    second = import_file(write(tmp_path, of_customer(3), of_customer(2, Total="y")))
    assert HeldBackInvoice.objects.get(resolved_at=None).run == second

    undo_import(second, user=None, source="a test")
    assert HeldBackInvoice.objects.get(resolved_at=None).run == first

    undo_import(first, user=None, source="a test")
    assert not HeldBackInvoice.objects.filter(resolved_at=None).exists()


def test_a_period_that_c3_named_stays(tmp_path: Path) -> None:
    period = BillingPeriod.objects.create(billing_id="20261018", c3_id=24, starts_on="2026-09-16", ends_on="2026-10-15")
    run = import_file(write(tmp_path, of_customer(1, **OCTOBER)))

    undo_import(run, user=None, source="a test")

    assert BillingPeriod.objects.get() == period


@pytest.mark.django_db(transaction=True)
def test_an_upload_pressed_meanwhile_waits_and_finds_nothing(tmp_path: Path, finance_admin: User) -> None:
    run = import_file(write(tmp_path, of_customer(1), of_customer(2)))
    xero = connected()
    real = undo._delete
    uploads: list[Any] = []

    def press() -> None:
        rows = Invoice.objects.all()
        try:
            uploads.append(queueing.enqueue(rows, connection=xero, user=finance_admin, invoice_status="DRAFT"))
        finally:
            connection.close()

    presser = threading.Thread(target=press)

    def press_meanwhile(*args: Any) -> None:
        presser.start()
        presser.join(1)
        assert presser.is_alive()
        real(*args)

    with patch.object(undo, "_delete", autospec=True, side_effect=press_meanwhile):
        undone = undo_import(run, user=finance_admin, source="a test")
    presser.join(20)

    assert (undone.is_done, undone.deleted) == (True, 2)
    assert not Posting.objects.exists()
    assert not InvoiceLine.objects.exists()


# Customers

LATER = {"CustomerName": "Renamed", "CustomerEmail": "new@x.example", "CustomerCountry": "NZ", "ERPCustomerID": "NEW"}


def customer(index: int = 1) -> tuple[str, str, str, str]:
    found = Customer.objects.get(tenant_id=f"tenant-{index}")
    return found.name, found.erp_id, found.email, found.country


def october(index: int = 1, **changes: str) -> dict[str, str]:
    days = {"ChargeStartDate": "2026-09-16", "ChargeEndDate": "2026-10-15"}
    return of_customer(index, **{"InvoiceNumber": f"October_{index}"} | OCTOBER | days | changes)


FIRST = ("Tailspin Travel", "ERP1", "accounts@tailspin.example", "AU")
SECOND = ("Renamed", "NEW", "new@x.example", "NZ")


@pytest.mark.parametrize("changes", [october(**LATER), of_customer(1, **LATER | PRICE)], ids=["new", "changed"])
def test_undoing_puts_back_what_it_overwrote_of_customers(tmp_path: Path, changes: dict[str, str]) -> None:
    import_file(write(tmp_path, of_customer(1), of_customer(2)))
    run = import_file(write(tmp_path, changes, name="later.csv"))
    assert customer() == SECOND

    undo_import(run, user=None, source="a test")

    assert (customer(), customer(2)) == (FIRST, ("Tailspin Travel", "ERP2", *FIRST[2:]))
    assert AuditEntry.objects.get(subject="Import of later.csv undone").after["Customers put back"] == 1


def test_what_was_written_later_of_a_customer_stays_and_goes_back_to_the_first_when_all_is_undone(
    tmp_path: Path,
) -> None:
    import_file(write(tmp_path, of_customer(1)))
    second = import_file(write(tmp_path, october(**LATER)))
    third = import_file(write(tmp_path, october(InvoiceNumber="October_9", **LATER)))

    undo_import(second, user=None, source="a test")
    assert customer() == SECOND
    undo_import(third, user=None, source="a test")
    assert customer() == FIRST


def test_what_a_person_changed_of_a_customer_since_stays(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    run = import_file(write(tmp_path, october(**LATER)))
    Customer.objects.update(email="mended@x.example")

    undo_import(run, user=None, source="a test")

    assert customer() == ("Tailspin Travel", "ERP1", "mended@x.example", "AU")


def test_a_customer_keeps_the_newer_as_long_as_an_invoice_of_the_import_has_to_stay(tmp_path: Path) -> None:
    import_file(write(tmp_path, of_customer(1)))
    run = import_file(write(tmp_path, october(**LATER), october(2)))
    uploaded(connected(), None, Invoice.objects.get(number="October_1"), to="posted")

    undo_import(run, user=None, source="a test", rest=True)
    assert customer() == SECOND
    Posting.objects.all().delete()
    undo_import(run, user=None, source="a test")
    assert customer() == FIRST


def test_customers_written_in_many_pieces_are_put_back_to_the_first(tmp_path: Path) -> None:
    import_file(write(tmp_path, *(of_customer(index) for index in range(5))))
    rows = [october(1, InvoiceNumber=f"October_{number}", **LATER) for number in range(5)]
    with patch.object(writing, "CHUNK", 2):
        run = import_file(write(tmp_path, *rows))

    undo_import(run, user=None, source="a test")

    assert customer() == FIRST
