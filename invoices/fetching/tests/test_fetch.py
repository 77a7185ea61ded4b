"""From C3 to invoices over real HTTP: what comes in is whole, what does not is told, under every fault there is."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from c3_integration import fetches
from c3_integration.client.calls import LONGEST_DOWNLOAD
from c3_integration.client.retries import LONGEST_PAUSE, PAUSES
from c3_integration.fetches import AlreadyFetching, LeaseLost
from c3_integration.models import C3Fetch, C3Settings
from c3_integration.testing import set_up
from c3portal.database import clock
from c3portal.models import AuditEntry, LiveProcess
from c3portal.testing import BASE_DIR
from invoices import tasks
from invoices.fetching import downloads, fetch, known
from invoices.fetching.tests.conftest import COLUMNS, CUSTOMERS, PERIODS, fetched
from invoices.importing import in_hand, intake
from invoices.importing.undo import undo_import
from invoices.models import BillingPeriod, Customer, ImportProfile, ImportRun, Invoice

pytestmark = [pytest.mark.django_db]
State, Problem, Trigger = C3Fetch.State, C3Fetch.Problem, C3Fetch.Trigger


def totals() -> dict[str, dict[str, Decimal]]:
    """Return the portal's invoices by BillingId and number."""
    found: dict[str, dict[str, Decimal]] = {}
    for invoice in Invoice.objects.select_related("period"):
        found.setdefault(invoice.period.billing_id, {})[invoice.number] = invoice.total
    return found


def at_c3(sandbox: Any) -> dict[str, dict[str, Decimal]]:
    return {
        each["billing_id"]: {number: Decimal(total) for number, total in each["totals"].items()}
        for each in sandbox.periods()
    }


def files_left(settings: Any) -> list[Path]:
    waiting = set(ImportRun.objects.exclude(stored_as="").values_list("stored_as", flat=True))
    return [each for each in Path(settings.IMPORT_DIR).iterdir() if each.name not in waiting]


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_DIR = tmp_path


# What works


@pytest.mark.both_databases
def test_with_columns_matched_once_every_period_comes_in_to_the_cent(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, settings: Any
) -> None:
    done = fetched()
    assert (done.state, done.reason, done.is_open) == (State.DONE, "", None)
    assert totals() == at_c3(c3_sandbox)
    assert [each["new"] for each in done.outcomes] == [CUSTOMERS] * PERIODS
    assert done.lines == sum(each["lines"] for each in c3_sandbox.periods())
    assert files_left(settings) == []


def test_dates_and_ids_of_periods_come_from_c3s_list(app: C3Settings, profile: ImportProfile, c3_sandbox: Any) -> None:
    fetched()
    for each in c3_sandbox.periods():
        period = BillingPeriod.objects.get(billing_id=each["billing_id"])
        assert (period.c3_id, f"{period.starts_on}", f"{period.ends_on}") == (
            each["id"],
            each["start"][:10],
            each["end"][:10],
        )


def test_each_import_is_c3s_and_carries_the_id_of_its_call(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    done = fetched()
    calls = [each["correlation_id"] for each in c3_sandbox.calls("invoices")]
    runs = ImportRun.objects.order_by("pk")
    assert [run.correlation_id for run in runs] == calls == [each["correlation_id"] for each in done.outcomes]
    assert {run.source for run in runs} == {ImportRun.Source.C3}
    assert done.correlation_id == calls[-1]
    assert AuditEntry.objects.filter(subject="Fetched from C3").count() == 1


def test_a_second_fetch_brings_nothing_and_downloads_nothing_old(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    before = totals()
    c3_sandbox.forget()
    assert fetched().outcomes == []
    assert c3_sandbox.calls("invoices") == []
    assert totals() == before


def test_what_changed_in_a_fresh_period_comes_in_and_the_period_that_is_new_straight_through(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, settings: Any
) -> None:
    fetched()
    settings.C3_KEEP_FRESH_DAYS = 365
    newest = c3_sandbox.periods()[0]["billing_id"]
    c3_sandbox.change_amounts(newest)
    done = fetched()
    assert totals() == at_c3(c3_sandbox)
    changed = {each["billing_id"]: each["updated"] for each in done.outcomes}
    assert changed.pop(newest) > 0
    assert set(changed.values()) == {0}


def test_a_period_generated_again_comes_as_one_of_its_own_with_a_warning(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    again = c3_sandbox.generate_again(c3_sandbox.periods()[0]["billing_id"])
    # C3 may name it for a day that is yet to come.
    app.refresh_from_db()
    made = fetches.open_one(Trigger.USER, only_period=again["billing_id"])
    fetch.run(made)
    run = ImportRun.objects.latest("pk")
    assert run.invoices_new == CUSTOMERS
    assert "covers dates of another one" in str(run.notes)


def test_known_dates_stay_and_the_difference_is_said(app: C3Settings, profile: ImportProfile, c3_sandbox: Any) -> None:
    fetched()
    BillingPeriod.objects.update(starts_on=dt.date(2020, 1, 1))
    done = fetched()
    assert len(done.notes) == PERIODS
    assert "and stays so" in done.notes[0]
    assert set(BillingPeriod.objects.values_list("starts_on", flat=True)) == {dt.date(2020, 1, 1)}


# Without a profile


@pytest.mark.both_databases
def test_without_a_profile_it_waits_for_a_person_and_the_next_fetch_takes_its_place(
    app: C3Settings, c3_sandbox: Any
) -> None:
    for _ in range(2):
        done = fetched()
        assert done.state == State.DONE
        assert [each["result"] for each in done.outcomes] == ["columns"] * PERIODS
    assert not Invoice.objects.exists()
    assert ImportRun.objects.filter(state=ImportRun.State.COLUMNS).count() == PERIODS
    assert ImportRun.objects.filter(state=ImportRun.State.DISCARDED).count() == PERIODS


def test_once_columns_are_matched_the_others_come_in_by_themselves_and_the_first_shows_a_dry_run(
    app: C3Settings, c3_sandbox: Any, request: pytest.FixtureRequest
) -> None:
    fetched()
    first, *others = ImportRun.objects.order_by("pk")
    matched = request.getfixturevalue("profile")
    intake.inspect_again(first, profile=matched)
    in_hand.inspect(first.pk)
    first.refresh_from_db()
    assert first.state == ImportRun.State.READY
    assert downloads.go_on() == len(others)
    for run in others:
        in_hand.inspect(run.pk)
        in_hand.bring_in(run.pk)
        run.refresh_from_db()
        assert run.state == ImportRun.State.IMPORTED
    intake.start(first, None)
    in_hand.bring_in(first.pk)
    assert totals() == at_c3(c3_sandbox)


def test_a_profile_that_is_deleted_on_the_way_is_asked_for_in_the_same_fetch(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_through = in_hand.inspect

    def then_deleted(run_id: int) -> None:
        looked_through(run_id)
        ImportProfile.objects.all().delete()

    monkeypatch.setattr(in_hand, "inspect", then_deleted)
    assert [each["result"] for each in fetched().outcomes] == ["columns"] * PERIODS
    assert not Invoice.objects.exists()


# What a person took back


@pytest.mark.both_databases
def test_what_was_undone_comes_again_by_hand_and_not_by_the_scheduler(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    last = ImportRun.objects.latest("pk")
    undo_import(last, user=None, source=None)
    done = fetched(Trigger.SCHEDULE)
    assert done.outcomes == []
    assert "does not come in by itself" in done.notes[0]
    assert [each["new"] for each in fetched().outcomes] == [CUSTOMERS]


@pytest.mark.both_databases
def test_what_was_undone_stays_so_whatever_brought_nothing_since(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    last = ImportRun.objects.latest("pk")
    for state in (ImportRun.State.NOTHING_NEW, ImportRun.State.REFUSED):
        ImportRun.objects.create(source=last.source, options=last.options, file_name="later", size=1, state=state)
    undo_import(last, user=None, source=None)
    assert fetched(Trigger.SCHEDULE).outcomes == []
    assert [each["new"] for each in fetched().outcomes] == [CUSTOMERS]
    assert known.taken_back() == set()


@pytest.mark.both_databases
def test_what_another_download_took_the_place_of_is_not_discarded_by_a_person(db: None) -> None:
    for state in (ImportRun.State.DISCARDED, ImportRun.State.REFUSED):
        options = {"constants": {"BillingId": "20260918"}}
        ImportRun.objects.create(source=ImportRun.Source.C3, options=options, file_name="f", size=1, state=state)
    assert known.taken_back() == set()


# One at a time


@pytest.mark.both_databases
def test_there_is_one_fetch_at_a_time(app: C3Settings) -> None:
    made = fetches.open_one(Trigger.USER)
    with pytest.raises(AlreadyFetching) as raised:
        fetches.open_one(Trigger.SCHEDULE)
    assert raised.value.fetch == made
    assert fetches.take(made)
    assert not fetches.take(C3Fetch.objects.get(pk=made.pk))
    fetches.finish(made, State.DONE)
    assert fetches.open_one(Trigger.USER).pk != made.pk


@pytest.mark.both_databases
def test_what_a_process_left_is_closed_and_told_and_the_process_that_only_stalled_stops(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    made = fetches.open_one(Trigger.USER)
    assert fetches.take(made)
    assert fetches.free(set()) == 0
    C3Fetch.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert fetches.free(set()) == 1
    closed = C3Fetch.objects.get()
    assert (closed.state, closed.problem, closed.is_open) == (State.FAILED, Problem.STOPPED, None)
    with pytest.raises(LeaseLost):
        fetches.report(made, lines=5)
    assert fetched().state == State.DONE


@pytest.mark.both_databases
def test_a_process_that_lives_keeps_its_fetch_and_each_limit_outlives_what_it_guards(app: C3Settings) -> None:
    made = fetches.open_one(Trigger.USER)
    assert fetches.take(made)
    now = clock.now()
    alive = LiveProcess.objects.create(kind="worker", host="h", pid=1, started_at=now, seen_at=now)
    over = {"lease_holder": f"{alive.pk.hex}:1", "lease_until": now - dt.timedelta(seconds=1)}
    C3Fetch.objects.update(**over)
    assert fetches.free(set()) == 0
    assert fetches.free({alive.pk}) == 1
    task = tasks.fetch_from_c3
    pauses = len(PAUSES) * LONGEST_PAUSE.total_seconds()
    one_period = LONGEST_DOWNLOAD + pauses + 2 * in_hand.SOFT_TIME_LIMIT + downloads.LONGEST_WAIT
    assert one_period < task.soft_time_limit < task.time_limit
    assert fetches.LEASE.total_seconds() > in_hand.SOFT_TIME_LIMIT


# Every fault


FAULTS = (
    ("error_at_200", Problem.REFUSED),
    ("error_at_500", Problem.UNAVAILABLE),
    ("401", Problem.SIGN_IN),
    ("403", Problem.REFUSED),
    ("429", Problem.UNAVAILABLE),
    ("429_without_retry_after", Problem.UNAVAILABLE),
    ("500", Problem.UNAVAILABLE),
    ("503", Problem.UNAVAILABLE),
    ("stalls", Problem.UNAVAILABLE),
    ("cut_off", Problem.UNAVAILABLE),
    ("dropped", Problem.UNAVAILABLE),
    ("half_json", Problem.UNAVAILABLE),
    ("html_sign_in", Problem.UNAVAILABLE),
    ("token_refused", Problem.SIGN_IN),
)
PASSING = [name for name, problem in FAULTS if problem == Problem.UNAVAILABLE]
HARMLESS = ("slow", "wrong_content_type")


def test_every_fault_of_the_sandbox_is_tried() -> None:
    there = re.findall(r'^@fault\("(\w+)"', (BASE_DIR / "c3_sandbox/faults/kinds.py").read_text(), re.MULTILINE)
    assert {name for name, _ in FAULTS} | set(HARMLESS) == set(there)


@pytest.mark.parametrize(("fault", "problem"), FAULTS)
def test_under_a_fault_that_stays_nothing_half_comes_in_and_it_is_told(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, settings: Any, fault: str, problem: str
) -> None:
    settings.C3_SILENCE = 1
    at_sign_in = fault == "token_refused"
    where = {"call": "token", "nth": 1} if at_sign_in else {"call": "invoices", "nth": 2}
    c3_sandbox.place_fault(fault, times=None, seconds=2 if fault == "stalls" else 1, **where)
    done = fetched()
    assert (done.state, done.problem) == (State.FAILED, problem)
    assert done.reason
    # Whatever came in is a whole period.
    there = at_c3(c3_sandbox)
    assert all(each == there[billing_id] for billing_id, each in totals().items())
    assert len(totals()) == (0 if at_sign_in else 1)
    assert files_left(settings) == []
    # And once the fault has passed, all of it comes.
    c3_sandbox.cancel_faults()
    assert fetched().state == State.DONE
    assert totals() == there


@pytest.mark.parametrize("call", ["periods", "invoices"])
@pytest.mark.parametrize(
    "fault", [*(name for name, problem in FAULTS if problem == Problem.UNAVAILABLE), "401", *HARMLESS]
)
def test_a_fault_that_passes_keeps_nothing_away(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, settings: Any, fault: str, call: str
) -> None:
    settings.C3_SILENCE = 1
    c3_sandbox.place_fault(fault, call=call, seconds=2 if fault == "stalls" else 0.2 if fault == "slow" else 1)
    assert fetched().state == State.DONE
    assert totals() == at_c3(c3_sandbox)


def test_what_c3_refuses_of_one_period_keeps_the_others_not_away(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    c3_sandbox.place_fault("error_at_200", call="invoices", nth=2)
    done = fetched()
    assert [each["result"] for each in done.outcomes] == ["imported", "failed", "imported"]
    assert (done.state, done.problem) == (State.FAILED, Problem.REFUSED)
    assert done.outcomes[1]["correlation_id"] == done.correlation_id != ""
    assert len(totals()) == PERIODS - 1


def test_settings_that_lack_something_are_named(db: None) -> None:
    done = fetched()
    assert (done.state, done.problem) == (State.FAILED, Problem.SETTINGS)
    assert "Client Secret" in done.reason


def test_a_full_disk_is_told_and_leaves_nothing(
    app: C3Settings, profile: ImportProfile, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("c3_integration.client.calls._Kept.write", full)
    done = fetched()
    assert (done.state, done.problem, done.reason) == (State.FAILED, Problem.PORTAL, fetch.DISK_FULL)
    assert files_left(settings) == []


def test_a_mistake_of_the_portals_own_is_told_and_raised(app: C3Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invoices.fetching.known.keep_c3_ids", lambda listed: 1 / 0)
    made = fetches.open_one(Trigger.USER)
    with pytest.raises(ZeroDivisionError):
        fetch.run(made)
    assert (made.state, made.problem, made.reason) == (State.FAILED, Problem.PORTAL, fetch.BROKE)


def test_a_period_with_nothing_in_it_is_said(app: C3Settings, profile: ImportProfile, c3_sandbox: Any) -> None:
    c3_sandbox.reset(customers=0, periods=PERIODS)
    set_up(c3_sandbox)
    done = fetched()
    assert {each["result"] for each in done.outcomes} == {"empty"}
    assert not ImportRun.objects.exists()
    assert done.state == State.DONE


def test_a_wrong_invoice_is_held_back_and_its_period_stays_fresh(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, settings: Any
) -> None:
    settings.C3_KEEP_FRESH_DAYS = 365
    newest = c3_sandbox.periods()[0]
    number = next(iter(newest["totals"]))
    c3_sandbox.change_lines(number, CurrencyCode="dollars")
    done = fetched()
    assert done.outcomes[-1]["held_back"] == 1
    c3_sandbox.change_lines(number, CurrencyCode="AUD")
    Invoice.objects.update(ignored_because="for this test")
    assert [each["billing_id"] for each in fetched().outcomes] == [newest["billing_id"]]


# Customers


def test_what_c3_knows_of_our_customers_is_kept_for_suggestions(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    customer = Customer.objects.order_by("pk").first()
    assert customer is not None
    assert customer.c3_details["address"]["city"]
    assert customer.c3_details["tags"][0].startswith("Region: ")
    assert "@" in customer.c3_details["email"]
    assert Customer.objects.count() == CUSTOMERS
    c3_sandbox.change_customer(customer.erp_id, EmailAddresses="new@contoso.example; old@contoso.example", City="Perth")
    email, erp_id = customer.email, customer.erp_id
    fetched()
    customer.refresh_from_db()
    assert (customer.c3_details["email"], customer.c3_details["address"]["city"]) == ("new@contoso.example", "Perth")
    assert (customer.email, customer.erp_id) == (email, erp_id)


def test_it_is_noted_when_c3_gave_what_it_knows_though_nothing_changed(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    fetched()
    Customer.objects.create(tenant_id="unknown", name="Not at C3")
    Customer.objects.update(c3_read_at=None)
    started = timezone.now()
    fetched()
    read = dict(Customer.objects.values_list("tenant_id", "c3_read_at"))
    assert read.pop("unknown") is None
    assert len(read) == CUSTOMERS
    assert all(started <= each <= timezone.now() for each in read.values())


@pytest.mark.parametrize("is_up", [True, False])
def test_what_c3_knows_is_there_before_the_first_posting_of_invoices_that_waited_for_their_columns(
    app: C3Settings, c3_sandbox: Any, is_up: bool
) -> None:
    fetched()
    assert not Customer.objects.exists()
    ImportProfile.objects.create(name="C3", header=sorted(COLUMNS.values()), columns=COLUMNS)
    downloads.go_on()
    if not is_up:
        c3_sandbox.place_fault("500", times=None)
    for run in ImportRun.objects.order_by("pk"):
        tasks.inspect_import(run.pk)
        tasks.run_import(run.pk)
    assert Customer.objects.count() == CUSTOMERS
    assert Customer.objects.filter(c3_read_at=None).count() == (0 if is_up else CUSTOMERS)
    assert totals() == at_c3(c3_sandbox)


@pytest.mark.parametrize("call", ["customers", "details"])
def test_when_customers_cannot_be_read_the_invoices_come_in_all_the_same(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, call: str
) -> None:
    c3_sandbox.place_fault("error_at_200", call=call, times=None)
    done = fetched()
    assert done.state == State.DONE
    assert "customers was not read" in done.notes[-1]
    assert totals() == at_c3(c3_sandbox)
