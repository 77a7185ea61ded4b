"""Connecting, disconnecting, and a fresh token for every call: one renewal at a time, whoever asks."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django import db
from django.apps import apps
from django.utils import timezone

from c3portal.database import clock
from c3portal.models import AuditEntry, User
from c3portal.testing import at_once
from xero_integration import connections
from xero_integration.client import oauth, timeouts
from xero_integration.client.errors import Problem, XeroAuthError, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import TokenSet, XeroConnection, XeroSettings
from xero_integration.testing import consent, expire
from xero_integration.tests.consent_walk import AUSTRALIA, NEW_ZEALAND
from xero_integration.tests.scripted import Reply, ScriptedServer

Status = XeroConnection.Status


def refreshes(sandbox: Any) -> list[int]:
    """Return how each call to the token endpoint ended."""
    return [call["status"] for call in sandbox.calls() if call["path"] == "connect/token"]


def organisation_name(connection: XeroConnection) -> str:
    """Make one call to Xero as the portal does, and return whose books answered."""
    found = connections.call(connection, lambda gateway: gateway.read("Organisation").rows("Organisations"))
    return str(found[0]["Name"])


def now(connection: XeroConnection) -> XeroConnection:
    """Return the connection as it is in the database."""
    return XeroConnection.objects.get(pk=connection.pk)


# A token that is good, and one that is about to end


def test_a_good_token_is_used_as_it_is(sandbox: Any, connection: XeroConnection) -> None:
    assert organisation_name(connection) == AUSTRALIA
    assert refreshes(sandbox) == []


@pytest.mark.parametrize("seconds_left", [-3600, 0, 119])
def test_a_token_about_to_end_is_renewed_before_the_call(
    sandbox: Any, connection: XeroConnection, seconds_left: int
) -> None:
    before = TokenSet.objects.get(connections=connection)
    before.access_expires_at = timezone.now() + dt.timedelta(seconds=seconds_left)
    before.save()
    assert organisation_name(connection) == AUSTRALIA
    after = TokenSet.objects.get(connections=connection)
    assert refreshes(sandbox) == [200]
    assert after.refresh_token != before.refresh_token
    assert after.generation == before.generation + 1
    assert after.access_expires_at > timezone.now() + dt.timedelta(minutes=29)
    assert after.lease_until is None


def test_the_sixty_days_begin_anew_with_each_renewal(connection: XeroConnection) -> None:
    TokenSet.objects.update(refreshed_at=timezone.now() - dt.timedelta(days=59))
    expire(connection)
    connections.fresh_tokens(connection)
    assert TokenSet.objects.get().dies_at > timezone.now() + dt.timedelta(days=59)


def test_the_new_pair_is_stored_before_anyone_uses_it(connection: XeroConnection) -> None:
    def stored_and_used(gateway: Gateway) -> tuple[str, Any]:
        return TokenSet.objects.get().access_token, gateway.session.headers["Authorization"]

    old = TokenSet.objects.get().access_token
    expire(connection)
    stored, used = connections.call(connection, stored_and_used)
    assert used == f"Bearer {stored}"
    assert stored != old


# One renewal at a time


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_threads_that_need_a_new_token_at_once_renew_it_once(sandbox: Any, both: list[XeroConnection]) -> None:
    sandbox.place_fault("slow", path="connect/token", seconds=0.3)
    expire(both[0])
    seen = at_once(8, lambda turn: connections.fresh_tokens(both[turn % 2]).access_token)
    assert refreshes(sandbox) == [200]
    assert set(seen) == {TokenSet.objects.get().access_token}


def _renew_and_report(connection: XeroConnection, barrier: Any, results: Any) -> None:
    try:
        barrier.wait(10)
        results.put(connections.fresh_tokens(connection).access_token)
    except BaseException as error:
        results.put(repr(error))
        raise
    finally:
        db.connections.close_all()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_processes_that_need_a_new_token_at_once_renew_it_once(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.place_fault("slow", path="connect/token", seconds=0.3)
    expire(connection)
    # A database connection must not cross a fork.
    db.connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.SimpleQueue()
    workers = [context.Process(target=_renew_and_report, args=(connection, barrier, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    seen = {results.get() for _ in workers}
    for worker in workers:
        worker.join(10)
    assert seen == {TokenSet.objects.get().access_token}
    assert refreshes(sandbox) == [200]


@pytest.mark.django_db(transaction=True)
def test_calls_that_are_all_refused_for_an_ended_token_renew_it_once(sandbox: Any, connection: XeroConnection) -> None:
    tokens = TokenSet.objects.get()
    sandbox.place_fault("slow", path="connect/token", seconds=0.2)
    renewed = at_once(
        6, lambda _: connections.fresh_tokens(connection, refused_generation=tokens.generation).access_token
    )
    assert refreshes(sandbox) == [200]
    assert len(set(renewed)) == 1


def test_a_renewal_whose_process_died_is_taken_over_when_its_lease_has_ended(
    sandbox: Any, connection: XeroConnection
) -> None:
    expire(connection)
    TokenSet.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1), lease_holder="who died")
    connections.fresh_tokens(connection)
    assert refreshes(sandbox) == [200]


def test_a_renewal_elsewhere_is_waited_for_and_not_done_twice(
    sandbox: Any, connection: XeroConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire(connection)
    TokenSet.objects.update(lease_until=timezone.now() + dt.timedelta(minutes=1), lease_holder="another")
    monkeypatch.setattr(timeouts, "refresh_lease", lambda: dt.timedelta(seconds=0.2))
    with pytest.raises(XeroUnavailable, match="being renewed elsewhere") as caught:
        connections.fresh_tokens(connection)
    assert caught.value.retry_after > dt.timedelta(0)
    assert refreshes(sandbox) == []


@pytest.mark.parametrize("seconds", [0.5, 10, 100])
def test_a_lease_outlives_the_call_that_it_covers(settings: Any, seconds: float) -> None:
    settings.XERO_CALL_TIMEOUT = seconds
    assert timeouts.refresh_lease() > dt.timedelta(seconds=sum(timeouts.sign_in_timeouts()))


# When renewing fails


def test_a_lost_answer_is_made_good_with_the_same_refresh_token(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.place_fault("refresh_answer_lost")
    expire(connection)
    before = TokenSet.objects.get()
    with pytest.raises(XeroUnavailable):
        connections.fresh_tokens(connection)
    lost = TokenSet.objects.get()
    assert (lost.refresh_token, lost.lease_until, lost.generation) == (before.refresh_token, None, before.generation)
    assert now(connection).status == Status.CONNECTED

    sandbox.advance_clock(29 * 60)
    assert organisation_name(connection) == AUSTRALIA
    assert TokenSet.objects.get().refresh_token != before.refresh_token


def test_after_the_grace_a_lost_answer_needs_a_person(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.place_fault("refresh_answer_lost")
    expire(connection)
    with pytest.raises(XeroUnavailable):
        connections.fresh_tokens(connection)
    sandbox.advance_clock(31 * 60)
    with pytest.raises(XeroAuthError):
        connections.fresh_tokens(connection)
    assert now(connection).status == Status.NEEDS_RECONNECTING


def test_who_renews_with_tokens_that_others_renewed_meanwhile_says_nothing_of_the_new_ones(
    sandbox: Any, connection: XeroConnection, app: XeroSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stalled between taking the lease and asking, for longer than the old refresh token lived."""
    expire(connection)
    refresh = oauth.refresh

    def stall(*args: str) -> oauth.Tokens:
        monkeypatch.setattr(oauth, "refresh", refresh)
        TokenSet.objects.update(lease_until=None, lease_holder="")
        connections.fresh_tokens(connection)
        raise XeroAuthError("Xero no longer accepts this sign-in (invalid_grant): connect again.")

    monkeypatch.setattr(oauth, "refresh", stall)
    with pytest.raises(XeroUnavailable):
        connections.fresh_tokens(connection)
    assert now(connection).status == Status.CONNECTED
    assert organisation_name(connection) == AUSTRALIA


def test_a_dead_refresh_token_marks_every_organisation_that_it_opened(
    sandbox: Any, both: list[XeroConnection], connect: Any, app: XeroSettings
) -> None:
    sandbox.revoke_tokens(app.client_id)
    TokenSet.objects.update(access_expires_at=timezone.now())
    (extra,) = sandbox.make_organisations(1)
    (untouched,) = connect(extra["name"])
    with pytest.raises(XeroAuthError, match="connect again"):
        connections.fresh_tokens(both[0])
    for connection in map(now, both):
        assert connection.status == Status.NEEDS_RECONNECTING
        assert "connect again" in connection.status_reason
        assert not connection.is_usable
    assert now(untouched).status == Status.CONNECTED
    assert TokenSet.objects.get(connections=both[0]).lease_until is None


def test_sixty_unused_days_need_a_person(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.advance_clock(61 * 86_400)
    expire(connection)
    with pytest.raises(XeroAuthError):
        organisation_name(connection)
    assert now(connection).status == Status.NEEDS_RECONNECTING


def test_a_secret_that_no_longer_fits_is_said_in_words(connection: XeroConnection) -> None:
    XeroSettings.objects.update(client_secret="another secret altogether")
    expire(connection)
    with pytest.raises(XeroAuthError, match=oauth.CHECK_BOTH):
        connections.fresh_tokens(connection)
    assert oauth.CHECK_BOTH in now(connection).status_reason


@pytest.mark.parametrize("reply", [Reply(500, b""), Reply(429, b"", {"Retry-After": "7"}), Reply(200, b"<html>")])
def test_a_sign_in_service_with_a_problem_is_asked_again_later(
    connection: XeroConnection, scripted_xero: ScriptedServer, reply: Reply
) -> None:
    scripted_xero.will(reply)
    expire(connection)
    with pytest.raises(XeroUnavailable) as caught:
        connections.fresh_tokens(connection)
    assert caught.value.retry_after > dt.timedelta(0)
    assert now(connection).status == Status.CONNECTED
    assert TokenSet.objects.get().lease_until is None


def test_without_tokens_one_is_asked_to_connect(connection: XeroConnection) -> None:
    TokenSet.objects.all().delete()
    with pytest.raises(XeroAuthError, match="is not connected"):
        connections.fresh_tokens(now(connection))


# What a call does when Xero refuses the token


def test_a_token_that_ended_early_is_renewed_once_and_the_call_made_again(
    sandbox: Any, connection: XeroConnection
) -> None:
    sandbox.place_fault("401", path="Organisation")
    assert organisation_name(connection) == AUSTRALIA
    assert refreshes(sandbox) == [200]
    assert now(connection).status == Status.CONNECTED


def test_a_second_refusal_asks_for_a_person(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.place_fault("401", path="Organisation", times=5)
    with pytest.raises(XeroAuthError):
        organisation_name(connection)
    assert refreshes(sandbox) == [200]
    assert sandbox.faults()[0]["fired"] == 2
    assert now(connection).status == Status.NEEDS_RECONNECTING
    assert "Connect again" in now(connection).status_reason


def test_a_missing_permission_asks_for_a_person_without_renewing(
    sandbox: Any, app: XeroSettings, connection: XeroConnection
) -> None:
    granted = sandbox.tokens(app.client_id, [AUSTRALIA], scopes="openid offline_access accounting.contacts")
    token_set = TokenSet.objects.get()
    token_set.access_token, token_set.refresh_token = granted["access_token"], granted["refresh_token"]
    token_set.save()
    with pytest.raises(XeroAuthError, match="permission"):
        organisation_name(connection)
    assert refreshes(sandbox) == []
    assert "permission" in now(connection).status_reason


def test_an_organisation_disconnected_in_xero_is_noticed_and_told(sandbox: Any, both: list[XeroConnection]) -> None:
    sandbox.disconnect(AUSTRALIA)
    with pytest.raises(XeroAuthError):
        organisation_name(both[0])
    assert now(both[0]).status == Status.NEEDS_RECONNECTING
    assert "disconnected in Xero" in now(both[0]).status_reason
    assert now(both[1]).status == Status.CONNECTED
    assert organisation_name(both[1]) == NEW_ZEALAND


def test_a_late_refusal_of_old_tokens_says_nothing_of_the_new_ones(
    sandbox: Any, app: XeroSettings, connection: XeroConnection
) -> None:
    sandbox.disconnect(AUSTRALIA)

    def connect_again_before_the_answer(gateway: Gateway) -> None:
        try:
            gateway.read("Organisation")
        finally:
            consent(sandbox, app.client_id, AUSTRALIA)

    with pytest.raises(XeroAuthError):
        connections.call(connection, connect_again_before_the_answer)
    assert now(connection).status == Status.CONNECTED
    assert organisation_name(now(connection)) == AUSTRALIA


# The app's secret was wrong and is mended


@pytest.fixture
def refused(both: list[XeroConnection], app: XeroSettings) -> list[XeroConnection]:
    """Two organisations whose tokens could not be renewed, since the Client Secret did not fit."""
    XeroSettings.objects.update(client_secret="wrong")
    expire(both[0])
    with pytest.raises(XeroAuthError):
        organisation_name(both[0])
    return [now(each) for each in both]


def test_a_mended_secret_needs_no_new_consent(refused: list[XeroConnection], app: XeroSettings) -> None:
    app.save()
    XeroConnection.objects.update(
        paused_until=timezone.now() + dt.timedelta(hours=20), pause_reason="Xero asks to wait"
    )
    assert connections.revive(refused[0]) == [AUSTRALIA, NEW_ZEALAND]
    assert [organisation_name(now(each)) for each in refused] == [AUSTRALIA, NEW_ZEALAND]
    entry = AuditEntry.objects.latest("pk")
    assert entry.subject.startswith(f"Connected again to {AUSTRALIA}, {NEW_ZEALAND}")
    assert entry.after == {AUSTRALIA: "Connected", NEW_ZEALAND: "Connected"}
    assert connections.revive(now(refused[0])) == []


def paused(connections_: list[XeroConnection]) -> dt.datetime:
    """Have these wait for years."""
    until = clock.now() + dt.timedelta(days=20_000)
    keys = [each.pk for each in connections_]
    XeroConnection.objects.filter(pk__in=keys).update(paused_until=until, pause_reason="Xero's daily limit is reached")
    return until


def test_a_mended_secret_ends_the_pause_of_what_it_connects_again(
    sandbox: Any, refused: list[XeroConnection], app: XeroSettings
) -> None:
    until = paused(refused)
    assert connections.revive(refused[0]) == []
    assert [now(each).paused_until for each in refused] == [until, until]
    sandbox.disconnect(AUSTRALIA)
    app.save()
    assert connections.revive(refused[0]) == [NEW_ZEALAND]
    assert [now(each).paused_until for each in refused] == [until, None]
    assert [now(each).pause_reason for each in refused] == ["Xero's daily limit is reached", ""]


@pytest.mark.both_databases
def test_a_pause_kept_from_before_ends_within_a_day(both: list[XeroConnection]) -> None:
    long, short = both
    soon = clock.now() + dt.timedelta(hours=3)
    paused([long])
    XeroConnection.objects.filter(pk=short.pk).update(paused_until=soon, pause_reason="x")
    XeroConnection.objects.create(tenant_id="t", connection_id="c", name="Never paused")
    migration = import_module("xero_integration.migrations.0010_pauses_end")
    migration.shorten(apps, SimpleNamespace(connection=db.connection))
    hours = (now(long).paused_until - clock.now()) / dt.timedelta(hours=1)
    assert 23.9 < hours <= 24
    assert now(long).pause_reason
    assert now(short).paused_until == soon
    assert XeroConnection.objects.get(tenant_id="t").paused_until is None


def test_a_secret_that_is_wrong_again_leaves_it_as_it_is(refused: list[XeroConnection]) -> None:
    assert connections.revive(refused[0]) == []
    assert [now(each).status for each in refused] == [Status.NEEDS_RECONNECTING] * 2


def test_what_was_disconnected_in_xero_meanwhile_is_not_connected_again(
    sandbox: Any, refused: list[XeroConnection], app: XeroSettings
) -> None:
    sandbox.disconnect(AUSTRALIA)
    app.save()
    assert connections.revive(refused[0]) == [NEW_ZEALAND]
    assert now(refused[0]).status == Status.NEEDS_RECONNECTING


@pytest.mark.parametrize("fault", ["500_before", "503_text", "429_minute", "redirect"])
def test_a_bad_day_at_xero_is_no_reason_to_reconnect(sandbox: Any, connection: XeroConnection, fault: str) -> None:
    sandbox.place_fault(fault, path="Organisation")
    with pytest.raises(XeroUnavailable):
        organisation_name(connection)
    assert now(connection).status == Status.CONNECTED
    assert refreshes(sandbox) == []


@pytest.mark.django_db(transaction=True)
def test_a_token_never_goes_to_another_organisation(connect: Any, sandbox: Any, scripted_xero: ScriptedServer) -> None:
    (first,), (second,) = connect(AUSTRALIA), connect(NEW_ZEALAND)
    scripted_xero.will(Reply(body=b'{"Organisations": [{"Name": "any"}]}'))
    turns = iter([first, second] * 6)
    at_once(4, lambda _: [organisation_name(next(turns)) for _ in range(3)])
    sent = {(call.headers["Xero-Tenant-Id"], call.headers["Authorization"]) for call in scripted_xero.received}
    assert len(scripted_xero.received) == 12
    assert sent == {
        (one.tenant_id, f"Bearer {TokenSet.objects.get(connections=one).access_token}") for one in (first, second)
    }
    assert len({token for _, token in sent}) == 2


# Pauses


def test_a_pause_is_kept_with_its_reason_and_never_shortened(connection: XeroConnection) -> None:
    def pause(seconds: int, words: str) -> None:
        error = XeroUnavailable(words, retry_after=dt.timedelta(seconds=seconds), problem=Problem.MINUTE)
        connections.pause(connection, error)

    pause(600, "the day is over")
    pause(5, "the minute is full")
    kept = now(connection)
    assert kept.pause_reason == "the day is over"
    assert kept.is_paused(timezone.now() + dt.timedelta(seconds=590))
    assert not kept.is_paused(timezone.now() + dt.timedelta(seconds=610))


# Once a day


def test_tokens_are_used_once_a_day_so_that_they_never_die(sandbox: Any, both: list[XeroConnection]) -> None:
    connections.keep_alive()
    assert refreshes(sandbox) == [200]
    assert [one.status for one in map(now, both)] == [Status.CONNECTED] * 2


def test_a_disconnection_in_xero_is_noticed_within_a_day(sandbox: Any, both: list[XeroConnection]) -> None:
    sandbox.disconnect(NEW_ZEALAND)
    connections.keep_alive()
    assert now(both[0]).status == Status.CONNECTED
    assert now(both[1]).status == Status.NEEDS_RECONNECTING
    assert "was disconnected in Xero" in now(both[1]).status_reason


def test_tokens_that_cannot_be_used_today_do_not_hold_up_others(
    sandbox: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(AUSTRALIA)
    connect(NEW_ZEALAND)
    sandbox.place_fault("refresh_answer_lost")
    connections.keep_alive()
    assert sorted(TokenSet.objects.values_list("generation", flat=True)) == [0, 1]
    assert "could not be renewed" in caplog.text


# Connecting again, and disconnecting


@pytest.fixture
def tokens_of(sandbox: Any, app: XeroSettings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function after which the next code is worth a consent for these organisations."""

    def tokens_of(*names: str) -> None:
        granted = sandbox.tokens(app.client_id, names)
        claims = oauth._claims(granted["access_token"])
        tokens = oauth.Tokens(
            granted["access_token"],
            granted["refresh_token"],
            dt.timedelta(0) + dt.timedelta(minutes=30),
            granted["scope"],
            claims["xero_userid"],
            claims["authentication_event_id"],
        )
        monkeypatch.setattr(oauth, "exchange_code", lambda *code: tokens)

    return tokens_of


CONSENT = oauth.Consent("state", "verifier", "http://localhost:8000/")


def test_one_token_set_serves_every_organisation_that_the_consents_opened(tokens_of: Any, system_admin: User) -> None:
    tokens_of(AUSTRALIA)
    connections.finish_consent("code", CONSENT, system_admin)
    tokens_of(NEW_ZEALAND)
    found = connections.finish_consent("code", CONSENT, system_admin)
    assert [one.name for one in found] == [NEW_ZEALAND, AUSTRALIA]
    assert TokenSet.objects.count() == 1
    assert XeroConnection.objects.filter(token_set=TokenSet.objects.get()).count() == 2


def test_connecting_again_mends_the_same_connection(
    sandbox: Any, connection: XeroConnection, tokens_of: Any, system_admin: User
) -> None:
    connections.needs_reconnecting(connection, connection.token_set, "Connect again.")
    tokens_of(AUSTRALIA)
    (found,) = connections.finish_consent("code", CONSENT, system_admin)
    assert found.pk == connection.pk
    assert found.is_usable
    assert found.status_reason == ""
    assert found.connected_by == system_admin
    assert organisation_name(found) == AUSTRALIA


def test_a_consent_for_no_organisation_is_said_so(
    sandbox: Any, app: XeroSettings, tokens_of: Any, system_admin: User
) -> None:
    tokens_of(AUSTRALIA)
    sandbox.disconnect(AUSTRALIA)
    with pytest.raises(XeroRejected, match="for no organisation"):
        connections.finish_consent("code", CONSENT, system_admin)
    assert not TokenSet.objects.exists()


def test_only_one_organisation_is_the_current_one(both: list[XeroConnection]) -> None:
    for connection in (*both, both[0]):
        connections.choose(connection)
        assert XeroConnection.objects.current() == connection
    assert XeroConnection.objects.filter(is_current=True).count() == 1


def test_disconnecting_ends_it_in_xero_and_forgets_the_tokens(sandbox: Any, connection: XeroConnection) -> None:
    connections.disconnect(connection)
    kept = now(connection)
    assert (kept.status, kept.status_reason, kept.token_set) == (Status.DISCONNECTED, "", None)
    assert not TokenSet.objects.exists()
    assert XeroConnection.objects.current() is None
    assert ("DELETE", 204) in [(call["method"], call["status"]) for call in sandbox.calls()]


def test_disconnecting_one_organisation_leaves_the_other_its_tokens(both: list[XeroConnection]) -> None:
    connections.disconnect(both[0])
    assert organisation_name(both[1]) == NEW_ZEALAND


def test_disconnecting_twice_is_harmless(sandbox: Any, connection: XeroConnection) -> None:
    sandbox.disconnect(AUSTRALIA)
    connections.disconnect(connection)
    assert now(connection).status == Status.DISCONNECTED


@pytest.mark.parametrize("trouble", ["dead tokens", "unreachable"])
def test_disconnecting_works_even_when_xero_cannot_be_told(
    sandbox: Any, app: XeroSettings, connection: XeroConnection, settings: Any, trouble: str
) -> None:
    if trouble == "dead tokens":
        sandbox.revoke_tokens(app.client_id)
    else:
        settings.XERO_API_URL = "http://localhost:9"
    connections.disconnect(connection)
    kept = now(connection)
    assert kept.status == Status.DISCONNECTED
    assert "remove it there under Connected apps" in kept.status_reason
    assert not TokenSet.objects.exists()
