"""Which periods a fetch downloads."""

from __future__ import annotations

import datetime as dt

import pytest

from invoices.fetching.plan import Known, Listed, billed_on, plan

TODAY = dt.date(2026, 10, 20)
FRESH = dt.timedelta(days=14)


def listed(billing_id: str, c3_id: int = 1, starts: int = 1) -> Listed:
    return Listed(c3_id, billing_id, dt.date(2026, 9, starts), dt.date(2026, 9, 30))


def known(*, settled: bool = False, c3_id: int | None = 1) -> Known:
    return Known(c3_id, dt.date(2026, 9, 1), dt.date(2026, 9, 30), settled)


def downloaded(*there: Listed, today: dt.date = TODAY, taken_back: tuple[str, ...] = (), **old: Known) -> list[str]:
    found = plan(there, {name[1:]: each for name, each in old.items()}, today, FRESH, taken_back)
    return [each.billing_id for each in found.downloads]


def test_unknown_periods_come_oldest_first_however_old() -> None:
    assert downloaded(listed("20261018"), listed("20250118")) == ["20250118", "20261018"]


@pytest.mark.parametrize(("today", "comes"), [(17, []), (18, ["20261018"])])
def test_a_period_comes_on_the_day_of_its_billing_id_and_not_before(today: int, comes: list[str]) -> None:
    assert downloaded(listed("20261018"), today=dt.date(2026, 10, today)) == comes


@pytest.mark.parametrize(("days", "comes"), [(0, True), (14, True), (15, False)])
def test_a_known_period_comes_again_for_so_many_days(days: int, comes: bool) -> None:
    today = dt.date(2026, 10, 18) + dt.timedelta(days=days)
    assert bool(downloaded(listed("20261018"), today=today, p20261018=known())) is comes


def test_a_period_that_is_wholly_in_xero_comes_no_more() -> None:
    assert downloaded(listed("20261018"), p20261018=known(settled=True)) == []


def test_what_a_person_took_back_does_not_come_in_by_itself_and_is_said() -> None:
    assert downloaded(listed("20261018"), taken_back=("20261018",)) == []
    (note,) = plan([listed("20261018")], {}, TODAY, FRESH, ("20261018",)).notes
    assert "does not come in by itself" in note


@pytest.mark.parametrize(
    "odd", ["2026101", "202610188", "20261318", "20260230", "Oct 2026", "２０２６１０１８", "2026-10-18"]
)
def test_a_billing_id_of_another_form_is_refused_and_the_others_come(odd: str) -> None:
    found = plan([listed(odd), listed("20261018", 2)], {}, TODAY, FRESH)
    assert [each.billing_id for each in found.downloads] == ["20261018"]
    assert odd in found.refused[0]
    assert billed_on(odd) is None


def test_other_dates_of_a_known_period_are_reported() -> None:
    found = plan([listed("20261018", starts=5)], {"20261018": known()}, TODAY, FRESH)
    assert "from 2026-09-05 to 2026-09-30; it is known from 2026-09-01 to 2026-09-30, and stays so" in found.notes[0]


def test_a_period_that_c3_no_longer_lists_is_reported_while_it_is_fresh() -> None:
    there = [listed("20261019"), listed("20260918")]
    assert "does not list period 20261018 any more" in str(plan(there, {"20261018": known()}, TODAY, FRESH).notes)
    assert plan(there, {"20261018": known(c3_id=None)}, TODAY, FRESH).notes == []
    assert plan(there, {"20260818": known()}, TODAY, FRESH).notes == []
    assert plan(there, {"20261018": known()}, TODAY + dt.timedelta(days=30), FRESH).notes == []


def test_one_billing_id_twice_comes_once_and_is_said() -> None:
    found = plan([listed("20261018", 25), listed("20261018", 24)], {}, TODAY, FRESH)
    assert [each.c3_id for each in found.downloads] == [25]
    assert "twice" in found.notes[0]
