"""What was set aside for an invoice that an import changes is asked about again, and neither posted nor forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from c3portal.models import User
from invoices.duplicates import comparison
from invoices.duplicates.comparison import Likeness
from invoices.importing.importer import import_file
from invoices.importing.undo import undo_import
from invoices.models import DuplicateDecision, ImportRun, Invoice, Posting
from invoices.posting import queueing
from invoices.selection import deciding
from invoices.tests.c3_files import of_customer, write
from invoices.tests.makers import connected

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PRICE = {"SubTotal": "100.00", "UnitPriceOfProduct": "10.00", "TaxAmount": "10.00", "Total": "110.00"}
OTHER_LINES = PRICE | {"ProductSKUId": "DZH318Z0BPS6:0001"}


def imported(folder: Path, number: str, **changes: str) -> ImportRun:
    billing_id = {"One": "20260918", "Other": "20260919"}[number]
    return import_file(write(folder, of_customer(1, InvoiceNumber=number, BillingId=billing_id, **changes)))


def set_aside(user: User, decision: str) -> str:
    """Decide about Other, which looks like One; return the number of what is ignored then."""
    one, other = (Invoice.objects.get(number=number) for number in ("One", "Other"))
    if decision == "replace":
        deciding.replace(other, str(one.pk), user)
    else:
        deciding.leave_out(Invoice.objects.filter(pk=other.pk), "A copy", user, {other.pk: one.pk})
    return Invoice.objects.exclude(ignored_because="").get().number


@pytest.mark.parametrize("decision", ["replace", "exclude"])
@pytest.mark.parametrize("changed", ["One", "Other"])
def test_it_waits_again_when_they_are_no_longer_alike(
    tmp_path: Path, finance_admin: User, decision: str, changed: str
) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    aside = set_aside(finance_admin, decision)

    run = imported(tmp_path, changed, **OTHER_LINES)

    (note,) = [note for note in run.notes if "set aside" in note]
    assert aside in note
    assert not Invoice.objects.exclude(ignored_because="").exists()
    waits, likeness = waiting()
    assert (waits.number, likeness) == (aside, Likeness.PARTED)

    xero, everything = connected(), Invoice.objects.all()

    def upload() -> tuple[int, int]:
        done = queueing.enqueue(everything, connection=xero, user=finance_admin, invoice_status="DRAFT")
        return done.queued, done.undecided

    assert upload() == (1, 1)
    assert Posting.objects.get().invoice.number != aside
    shown = comparison.pairs(Invoice.objects.filter(pk=waits.pk))
    assert deciding.post_anyway(Invoice.objects.filter(pk=waits.pk), "Both are owed", finance_admin, shown) == 1
    assert upload() == (1, 0)


@pytest.mark.parametrize("decision", ["replace", "exclude"])
def test_it_waits_again_when_they_part_in_two_steps(tmp_path: Path, finance_admin: User, decision: str) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    aside = set_aside(finance_admin, decision)
    imported(tmp_path, "Other", **PRICE)

    run = imported(tmp_path, "Other", **OTHER_LINES)

    (note,) = [note for note in run.notes if "set aside" in note]
    assert aside in note
    assert not Invoice.objects.exclude(ignored_because="").exists()
    waits, likeness = waiting()
    assert (waits.number, likeness) == (aside, Likeness.PARTED)


@pytest.mark.parametrize("decision", ["replace", "exclude"])
def test_it_waits_again_when_an_undo_parts_what_was_only_near(
    tmp_path: Path, finance_admin: User, decision: str
) -> None:
    imported(tmp_path, "One", **OTHER_LINES), imported(tmp_path, "Other")
    run = imported(tmp_path, "One")
    aside = set_aside(finance_admin, decision)
    imported(tmp_path, "Other", **PRICE)
    assert Invoice.objects.exclude(ignored_because="").get().number == aside

    undo_import(run, user=finance_admin, source="a test")

    assert not Invoice.objects.exclude(ignored_because="").exists()
    assert waiting()[0].number == aside


def test_what_is_left_out_for_another_one_too_stays_so(tmp_path: Path, finance_admin: User) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    set_aside(finance_admin, "exclude")
    import_file(write(tmp_path, of_customer(1, InvoiceNumber="Third", BillingId="20260920")))
    decision = DuplicateDecision.objects.get()
    decision.pk, decision.other = None, Invoice.objects.get(number="Third")
    decision.save()

    imported(tmp_path, "One", **OTHER_LINES)

    assert Invoice.objects.exclude(ignored_because="").get().number == "Other"


def waiting() -> tuple[Invoice, Likeness]:
    ((pk, found),) = comparison.lookalikes(Invoice.objects.all()).items()
    return Invoice.objects.get(pk=pk), found.likeness


@pytest.mark.parametrize("decision", ["replace", "exclude"])
def test_it_stays_aside_while_they_are_still_alike(tmp_path: Path, finance_admin: User, decision: str) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    aside = set_aside(finance_admin, decision)

    run = imported(tmp_path, "Other", **PRICE)

    assert Invoice.objects.exclude(ignored_because="").get().number == aside
    assert not [note for note in run.notes if "set aside" in note]


def test_what_is_ignored_for_another_reason_stays_so(tmp_path: Path, finance_admin: User) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    set_aside(finance_admin, "replace")
    Invoice.objects.exclude(ignored_because="").update(ignored_because="Billed by hand")

    imported(tmp_path, "Other", **OTHER_LINES)

    assert Invoice.objects.get(number="One").ignored_because == "Billed by hand"


def test_it_does_not_wait_for_what_is_not_to_be_posted_itself(tmp_path: Path, finance_admin: Any) -> None:
    imported(tmp_path, "One"), imported(tmp_path, "Other")
    set_aside(finance_admin, "replace")
    imported(tmp_path, "Other", **OTHER_LINES)
    Invoice.objects.filter(number="Other").update(ignored_because="Not owed")
    assert not comparison.undecided(Invoice.objects.all())
