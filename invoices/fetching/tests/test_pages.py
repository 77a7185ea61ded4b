"""*Fetch from C3* on the pages and by command."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from c3_integration import fetches
from c3_integration.models import C3Fetch, C3Settings
from c3portal.models import AuditEntry
from invoices.fetching.tests.conftest import CUSTOMERS, PERIODS, fetched
from invoices.models import ImportProfile, ImportRun, Invoice

pytestmark = [pytest.mark.django_db]
State, Trigger = C3Fetch.State, C3Fetch.Trigger


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The fetches that a worker was called for."""
    found: list[int] = []
    monkeypatch.setattr("invoices.fetching.requests.wake", found.append)
    return found


@pytest.mark.parametrize("name", ["invoice_list", "import_invoices", "c3_fetches"])
def test_the_button_is_there_once_c3_is_set_up(finance: Client, c3_sandbox: Any, name: str) -> None:
    assert b"Fetch from C3</button>" not in finance.get(reverse(name)).content
    C3Settings.objects.create(pk=1, api_url="x", client_id="x", client_secret="x", resource="x")
    assert b"Fetch from C3</button>" in finance.get(reverse(name)).content


def test_the_button_calls_a_worker_and_shows_how_far_it_is(
    finance: Client,
    app: C3Settings,
    called: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = finance.post(reverse("fetch_from_c3"))
    made = C3Fetch.objects.get()
    assert called == [made.pk]
    assert answer.headers["Location"] == made.get_absolute_url()
    assert (made.trigger, str(made.user)) == (Trigger.USER, "finance@contoso.example")
    assert AuditEntry.objects.get(subject="Fetch from C3 asked for").actor == "finance@contoso.example"
    C3Fetch.objects.update(state=State.RUNNING, period="20261018", bytes_read=5_000_000, lines=1234)
    page = finance.get(made.get_absolute_url()).content.decode()
    assert "4.8\xa0MB, 1,234 lines" in page
    assert "20261018" in page
    assert 'hx-trigger="every 2s"' in page
    part = finance.get(made.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div\n  id="live"')


def test_pressed_while_one_is_under_way_it_leads_there(finance: Client, app: C3Settings, called: list[int]) -> None:
    made = fetches.open_one(Trigger.SCHEDULE)
    answer = finance.post(reverse("fetch_from_c3"), follow=True)
    assert answer.redirect_chain[-1][0] == made.get_absolute_url()
    assert "under way already" in answer.content.decode()
    assert C3Fetch.objects.count() == 1


def test_without_settings_it_says_what_is_missing(finance: Client, called: list[int]) -> None:
    answer = finance.post(reverse("fetch_from_c3"), follow=True)
    assert "lacks API address, Client ID, Client Secret, Resource" in answer.content.decode()
    assert not C3Fetch.objects.exists()


def test_the_list_says_what_the_last_fetch_brought(finance: Client, app: C3Settings, profile: ImportProfile) -> None:
    done = fetched()
    page = finance.get(reverse("invoice_list")).content.decode()
    assert f"{CUSTOMERS * PERIODS} invoices new" in page
    assert done.get_absolute_url() in page
    own = finance.get(done.get_absolute_url()).content.decode()
    assert done.correlation_id in own
    assert own.count("Imported") == PERIODS


def test_the_list_says_why_it_failed_and_what_to_do(
    finance: Client, app: C3Settings, profile: ImportProfile, c3_sandbox: Any
) -> None:
    c3_sandbox.place_fault("token_refused", times=None)
    fetched()
    for name in ("invoice_list", "import_invoices"):
        page = finance.get(reverse(name)).content.decode()
        assert "Fetching from C3 failed" in page
        assert "AADSTS7000215: Invalid client secret" in page
        assert "presses Test there" in page


def test_the_list_names_what_waits_for_someone(finance: Client, app: C3Settings) -> None:
    fetched()
    page = finance.get(reverse("invoice_list")).content.decode()
    assert "3 periods wait for someone" in page
    for run in ImportRun.objects.all():
        assert run.get_absolute_url() in page


def test_a_reader_sees_how_it_went_and_no_button(
    client_for: Any, system_reader: Any, app: C3Settings, profile: ImportProfile
) -> None:
    done = fetched()
    page = client_for(system_reader).get(reverse("invoice_list")).content.decode()
    assert "invoices new" in page
    assert "Fetch from C3" not in page
    assert done.get_absolute_url() not in page


# By command


def command(*options: str) -> str:
    output = io.StringIO()
    call_command("fetch_from_c3", *options, stdout=output)
    return output.getvalue()


def test_the_command_fetches_and_says_so(app: C3Settings, profile: ImportProfile) -> None:
    said = command()
    assert f"Fetched from C3: {CUSTOMERS * PERIODS} invoices new." in said
    assert "20261018: Imported" in said
    assert C3Fetch.objects.get().trigger == Trigger.COMMAND
    assert AuditEntry.objects.get(subject="Fetched from C3").actor == "manage.py fetch_from_c3"


@pytest.mark.parametrize("by", ["id", "billing_id"])
def test_one_period_is_fetched_by_either_of_its_names(
    app: C3Settings, profile: ImportProfile, c3_sandbox: Any, by: str
) -> None:
    wanted = c3_sandbox.periods()[1]
    command("--period", str(wanted[by]))
    assert {each.period.billing_id for each in Invoice.objects.all()} == {wanted["billing_id"]}


def test_a_period_that_there_is_not_ends_with_1(app: C3Settings, profile: ImportProfile) -> None:
    with pytest.raises(CommandError, match=r"C3 lists no billing period 20200101\. It lists: 2026") as raised:
        command("--period", "20200101")
    assert raised.value.returncode == 1


def test_a_failure_ends_with_1_and_says_what_to_do(app: C3Settings, c3_sandbox: Any) -> None:
    c3_sandbox.place_fault("error_at_200", times=None)
    with pytest.raises(CommandError, match=r"An error occurred while processing.*C3's id of the call: ") as raised:
        command()
    assert raised.value.returncode == 1


def test_what_waits_for_someone_ends_with_2(app: C3Settings) -> None:
    with pytest.raises(CommandError, match="match the columns") as raised:
        command()
    assert raised.value.returncode == 2


def test_another_fetch_under_way_ends_with_3(app: C3Settings) -> None:
    fetches.open_one(Trigger.USER)
    with pytest.raises(CommandError, match="under way already") as raised:
        command()
    assert raised.value.returncode == 3
