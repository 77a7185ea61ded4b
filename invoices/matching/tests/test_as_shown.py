"""What a dry run showed is what comes in; when what the columns mean was changed meanwhile, it is shown anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from c3portal.models import User
from invoices.importing import in_hand, intake
from invoices.matching.tests.tables import TOTALS, as_csv
from invoices.matching.tests.test_match_page import edited, import_dir, imported, received
from invoices.matching.tests.test_straight_through import confirmed, without
from invoices.models import ImportProfile, ImportRun, ImportSettings, Invoice, InvoiceLine, KindRule

__all__ = ("import_dir",)

pytestmark = pytest.mark.django_db
State = ImportRun.State


@pytest.fixture
def shown(admin: Client, system_admin: User, tmp_path: Path) -> ImportRun:
    """A file of which a person was shown what it would bring, in euros."""
    run = received(as_csv(without("Währung"), ";"), tmp_path, system_admin)
    confirmed(admin, run, currency="EUR", name="Shop")
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert (run.state, run.preview["totals"][0]["currency"]) == (State.READY, "EUR")
    return run


def other_currency() -> None:
    profile = ImportProfile.objects.get()
    profile.formats["fixed"]["CurrencyCode"] = "USD"
    profile.save()


def other_time_zone() -> None:
    ImportSettings.objects.update_or_create(pk=1, defaults={"time_zone": "Pacific/Auckland"})


def other_kind() -> None:
    KindRule.objects.update_or_create(category="usage", defaults={"kind": InvoiceLine.Kind.CUSTOM})


@pytest.mark.parametrize("change", [other_currency, other_kind, other_time_zone])
def test_what_its_columns_mean_was_changed_meanwhile_so_a_person_sees_it_anew(
    shown: ImportRun, admin: Client, system_admin: User, change: Callable[[], None]
) -> None:
    change()
    assert intake.start(shown, system_admin)
    in_hand.bring_in(shown.pk)
    shown.refresh_from_db()
    assert (shown.state, Invoice.objects.count()) == (State.WAITING, 0)
    assert (shown.attempts, shown.lease_until) == (0, None)

    in_hand.inspect(shown.pk)

    shown.refresh_from_db()
    assert shown.state == State.READY
    assert in_hand.CHANGED in admin.get(shown.get_absolute_url()).content.decode()
    # What they see now comes in.
    currency = shown.preview["totals"][0]["currency"]
    assert sorted(imported(shown, system_admin).values()) == sorted(TOTALS.values())
    assert {*Invoice.objects.values_list("currency", flat=True)} == {currency}
    assert in_hand.CHANGED not in ImportRun.objects.get().notes


def test_its_profile_was_deleted_meanwhile_so_its_columns_are_asked_again(shown: ImportRun, system_admin: User) -> None:
    ImportProfile.objects.all().delete()
    assert intake.start(shown, system_admin)
    in_hand.bring_in(shown.pk)
    in_hand.inspect(shown.pk)
    shown.refresh_from_db()
    assert (shown.state, in_hand.CHANGED in shown.reason) == (State.COLUMNS, True)
    assert not Invoice.objects.exists()


def test_an_encoding_that_is_no_longer_known_is_asked(admin: Client, system_admin: User, tmp_path: Path) -> None:
    content = as_csv(without(), ";").decode().encode("cp1252", "replace")
    confirmed(admin, received(content, tmp_path, system_admin), encoding="cp1252", name="Shop")
    run = received(content, tmp_path, system_admin)
    assert run.state == State.READY
    assert edited(admin, ImportProfile.objects.get(), encoding="cp1250").status_code == 302
    assert intake.start(run, system_admin)
    in_hand.bring_in(run.pk)
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert (run.state, "its encoding may be cp1252" in run.reason) == (State.COLUMNS, True)


def test_one_that_a_release_before_showed_is_shown_anew(shown: ImportRun, system_admin: User) -> None:
    del shown.preview["basis"]
    shown.save()
    assert intake.start(shown, system_admin)
    in_hand.bring_in(shown.pk)
    assert ImportRun.objects.get().state == State.WAITING


def test_what_nobody_was_shown_never_comes_in_unseen_once_somebody_was(shown: ImportRun, system_admin: User) -> None:
    """As of C3, whose downloads come straight through when their profile is known."""
    ImportRun.objects.update(options=shown.options | {"straight_through": True})
    other_currency()
    assert intake.start(shown, system_admin)
    in_hand.bring_in(shown.pk)
    in_hand.inspect(shown.pk)
    assert ImportRun.objects.get().state == State.READY


def test_what_comes_straight_through_asks_when_its_profile_was_deleted_on_its_way(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    content = as_csv(without("Währung"), ";")
    confirmed(admin, received(content, tmp_path, system_admin), currency="EUR", name="Shop")
    path = tmp_path / "next.csv"
    path.write_bytes(content)
    run = intake.receive(path, "next.csv", None, options={"straight_through": True})
    in_hand.inspect(run.pk)
    assert ImportRun.objects.get(pk=run.pk).state == State.RUNNING
    ImportProfile.objects.all().delete()
    in_hand.bring_in(run.pk)
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert (run.state, in_hand.CHANGED in run.reason) == (State.COLUMNS, True)
