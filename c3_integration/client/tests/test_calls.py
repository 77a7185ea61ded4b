"""C3's calls over real HTTP to the sandbox: what works, and every way in which they go wrong."""

from __future__ import annotations

import io
import json
import logging
import re
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from c3_integration.client import calls, envelope
from c3_integration.client.calls import C3
from c3_integration.client.errors import C3Error, C3Refused, C3SignInRefused, C3Unavailable
from c3_integration.models import C3Settings, C3Token
from c3_integration.tokens import KeptTokens
from c3portal.database import clock

TRIES = 4


def nothing(size: int, lines: int) -> None:
    """Progress that nobody watches."""


def download(c3: C3, c3_id: int) -> tuple[list[dict[str, Any]], Any]:
    file = io.BytesIO()
    got = c3.download(c3_id, file, nothing)
    return json.loads(file.getvalue())["Data"], got


def test_periods_come_with_ids_dates_and_the_id_of_the_call(c3: C3, c3_sandbox: Any) -> None:
    listed = c3.periods()
    known = [each for each in c3_sandbox.periods() if each["listed"]][:9]
    assert [(each.c3_id, each.billing_id) for each in listed] == [(each["id"], each["billing_id"]) for each in known]
    assert f"{listed[0].starts:%Y-%m-%d}" == known[0]["start"][:10]
    assert listed[0].correlation_id == c3_sandbox.calls("periods")[-1]["correlation_id"]


def test_a_download_is_whole_and_counted(c3: C3, c3_sandbox: Any) -> None:
    newest = c3_sandbox.periods()[0]
    lines, got = download(c3, newest["id"])
    assert len(lines) == got.lines == newest["lines"] > 10
    assert got.correlation_id == c3_sandbox.calls("invoices")[-1]["correlation_id"]


def test_progress_is_told_while_it_runs(c3: C3, c3_sandbox: Any) -> None:
    told: list[tuple[int, int]] = []
    newest = c3_sandbox.periods()[0]
    got = c3.download(newest["id"], io.BytesIO(), lambda size, lines: told.append((size, lines)))
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == (got.size, newest["lines"])


def test_one_token_serves_many_calls_and_is_kept_by_the_databases_clock(c3: C3, c3_sandbox: Any) -> None:
    c3.periods()
    c3.customers()
    assert len(c3_sandbox.calls("token")) == 1
    C3Token.objects.update(expires_at=clock.now())
    c3.periods()
    assert len(c3_sandbox.calls("token")) == 2


def test_an_expired_token_is_renewed_once(c3: C3, c3_sandbox: Any) -> None:
    c3.periods()
    c3_sandbox.end_tokens()
    assert c3.periods()
    assert len(c3_sandbox.calls("token")) == 2


@pytest.mark.parametrize("bare", [False, True])
def test_a_fresh_token_that_is_refused_ends_it(c3: C3, c3_sandbox: Any, bare: bool) -> None:
    c3_sandbox.choose(bare_401=bare)
    c3_sandbox.place_fault("401", times=None)
    with pytest.raises(C3SignInRefused, match="does not take the token"):
        c3.periods()
    assert len(c3_sandbox.calls("periods")) == 2


# What passes is asked again; what would be answered the same way is told at once.
PASSING = ("429", "429_without_retry_after", "500", "503", "cut_off", "dropped", "half_json", "html_sign_in")
LASTING = ("error_at_200", "403")


@pytest.mark.parametrize("call", ["periods", "invoices"])
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again_and_nothing_of_the_first_try_stays(
    c3: C3, c3_sandbox: Any, fault: str, call: str
) -> None:
    newest = c3_sandbox.periods()[0]
    c3_sandbox.place_fault(fault, call=call, times=2)
    assert c3.periods()[0].billing_id == newest["billing_id"]
    lines, got = download(c3, newest["id"])
    assert len(lines) == got.lines == newest["lines"]
    assert len(c3_sandbox.calls(call)) == 3


@pytest.mark.parametrize("fault", PASSING)
def test_what_does_not_pass_is_told_after_a_few_tries(c3: C3, c3_sandbox: Any, fault: str) -> None:
    c3_sandbox.place_fault(fault, call="invoices", times=None, seconds=1)
    with pytest.raises(C3Unavailable):
        download(c3, c3_sandbox.periods()[0]["id"])
    assert len(c3_sandbox.calls("invoices")) == TRIES


@pytest.mark.parametrize("fault", LASTING)
def test_a_refusal_is_told_at_once_in_c3s_words(c3: C3, c3_sandbox: Any, fault: str) -> None:
    c3_sandbox.place_fault(fault, call="invoices", times=None)
    with pytest.raises(C3Refused) as raised:
        download(c3, c3_sandbox.periods()[0]["id"])
    (call,) = c3_sandbox.calls("invoices")
    assert raised.value.correlation_id == call["correlation_id"] != ""
    assert "An error occurred while processing" in str(raised.value) or "no permission" in str(raised.value)


@pytest.mark.parametrize("with_codes", [False, True])
def test_a_period_that_c3_does_not_have_is_refused_whatever_the_http_code(
    c3: C3, c3_sandbox: Any, with_codes: bool
) -> None:
    c3_sandbox.choose(errors_with_http_codes=with_codes, empty_list_on_error=with_codes)
    with pytest.raises(C3Refused, match="Billing period not found"):
        download(c3, 999_999)


def test_an_answer_that_stalls_is_given_up_and_asked_again(c3: C3, c3_sandbox: Any, settings: Any) -> None:
    settings.C3_SILENCE = 1.5
    c3_sandbox.place_fault("stalls", call="invoices", seconds=6)
    newest = c3_sandbox.periods()[0]
    assert download(c3, newest["id"])[1].lines == newest["lines"]
    assert len(c3_sandbox.calls("invoices")) == 2


def test_all_tries_of_a_download_together_take_no_longer_than_one_may(
    c3: C3, c3_sandbox: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.C3_RETRY_AFTER = 0.1
    monkeypatch.setattr(calls, "LONGEST_DOWNLOAD", 1.0)
    c3_sandbox.place_fault("slow", call="invoices", seconds=3, times=9)
    began = time.monotonic()
    with pytest.raises(C3Unavailable):
        download(c3, c3_sandbox.periods()[0]["id"])
    assert time.monotonic() - began < 3
    assert len(c3_sandbox.calls("invoices")) == 1


def test_a_slow_answer_is_waited_for(c3: C3, c3_sandbox: Any) -> None:
    c3_sandbox.place_fault("slow", seconds=0.5)
    assert c3.periods()
    assert len(c3_sandbox.calls("periods")) == 1


def test_a_refused_secret_is_told_in_microsofts_words_and_never_shown(
    app: C3Settings, c3_sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app.client_secret = "a wrong canary secret"
    app.save()
    with pytest.raises(C3SignInRefused, match="AADSTS7000215: Invalid client secret") as raised:
        C3(app.api_url, KeptTokens(app)).periods()
    assert "canary" not in str(raised.value) + caplog.text
    assert len(c3_sandbox.calls("token")) == 1


def test_neither_token_nor_secret_reaches_the_log(
    app: C3Settings, c3_sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    c3_sandbox.place_fault("500", call="periods")
    C3(app.api_url, KeptTokens(app)).periods()
    assert "C3 GET /api/billingperiods: 200" in caplog.text
    for secret in (app.client_secret, C3Token.objects.get().access_token):
        assert secret not in caplog.text


def test_the_log_has_c3s_id_of_each_call_and_not_its_words(
    c3: C3, c3_sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    c3.periods()
    assert re.search(r"C3 answered, /api/billingperiods, RequestCorrelationID [\da-f-]{36}", caplog.text)
    c3_sandbox.place_fault("error_at_200", call="periods", times=9)
    with pytest.raises(C3Refused) as refused:
        c3.periods()
    assert f"C3 answered, C3Refused, RequestCorrelationID {refused.value.correlation_id}" in caplog.text
    assert str(refused.value) not in caplog.text


def test_a_period_ten_times_as_large_takes_no_more_memory(c3: C3, c3_sandbox: Any, tmp_path: Any) -> None:
    newest = c3_sandbox.periods()[0]["id"]

    def peak(times: int) -> tuple[int, int]:
        c3_sandbox.choose(multiply=times)
        tracemalloc.start()
        try:
            with (tmp_path / "lines.json").open("w+b") as file:
                size = c3.download(newest, file, nothing).size
            return size, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, with_small = peak(20)
    large, with_large = peak(200)
    assert large > 9 * small
    assert with_large < 1.2 * with_small + 500_000


# The envelope alone


def passes(content: bytes, step: int) -> envelope.PassingEnvelope:
    found = envelope.PassingEnvelope()
    for start in range(0, len(content), step):
        found.read(content[start : start + step])
    found.close()
    return found


GOOD = (
    b'\xef\xbb\xbf{"Data": [{"a": 1.00000000, "Status": "Error", "b": {"Data": [1, 2]}}, {}, 3], "Status": "Success"}'
)


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_an_envelope_is_read_whatever_its_order_and_its_pieces(step: int) -> None:
    assert passes(GOOD, step).lines == 3


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize("end", range(1, len(GOOD) - 3, 5))
def test_no_part_of_an_envelope_passes_for_the_whole(end: int, step: int) -> None:
    with pytest.raises(C3Unavailable):
        passes(GOOD[:end], step)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b'{"Data": []}',
        b'{"Status": "Success"}',
        b'{"Status": "Success", "Data": null}',
        b'{"Status": "Success", "Data": {}}',
        b'{"Status": "Error", "Data": []}',
        b'{"Status": 1, "Data": []}',
        b'{"Status": "Success", "Data": [' + b"9" * 5_000 + b"]}",
        b'{"Status": "Success", "Data": ' + b"[" * 1_000 + b"]" * 1_000 + b"}",
        b'{"Status": "Success", "Data": []} {}',
        b'{"Status": "Success", "Data": ["\xff"]}',
    ],
)
@pytest.mark.parametrize("read", [lambda content: passes(content, 64), envelope.data_of])
def test_what_is_no_envelope_of_a_success_is_refused(content: bytes, read: Callable[[bytes], Any]) -> None:
    with pytest.raises(C3Error):
        read(content)
