"""Faults that strike after Xero did what was asked: the ones that make duplicates."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import connection

from xero_sandbox import wire
from xero_sandbox.api import answers
from xero_sandbox.api.answers import Answer
from xero_sandbox.faults.before import DROPPED, USUAL_HANG
from xero_sandbox.faults.registry import Exchange, Work, fault

ODD_VALUES = {"Status": "PARKED", "DueDate": None, "Type": None, "UpdatedDateUTC": None, "CurrencyCode": "XTS"}


@fault("commit_then_drop", leaves_doubt=True)
def commit_then_drop(exchange: Exchange) -> Answer:
    """Do it, then cut the connection."""
    exchange.done()
    return DROPPED


@fault("commit_then_500", leaves_doubt=True)
def commit_then_500(exchange: Exchange) -> Answer:
    """Do it, then answer 500, which is kept under the idempotency key."""

    def around(work: Work) -> Answer:
        work()
        return answers.server_error()

    return exchange.carry_out(around)


@fault("504_after_commit", leaves_doubt=True)
def gateway_timeout(exchange: Exchange) -> Answer:
    """Do it, while the gateway in front gives up with an HTML 504."""
    exchange.done()
    return Answer(504, b"<html><body><h1>504 Gateway Time-out</h1></body></html>", answers.HTML)


@fault("hang_after_commit", leaves_doubt=True)
def hang_after_commit(exchange: Exchange) -> Answer:
    """Do it, then say nothing for `seconds` (30) and cut the connection."""
    exchange.done()
    exchange.release()
    time.sleep(exchange.seconds or USUAL_HANG)
    return DROPPED


@fault("finish_late", leaves_doubt=True)
def finish_late(exchange: Exchange) -> Answer:
    """Cut the connection at once and do it `seconds` (2) later, when the caller may already have looked."""

    def later() -> None:
        time.sleep(exchange.seconds or 2)
        try:
            exchange.done()
        finally:
            connection.close()

    threading.Thread(target=later, name="finish-late", daemon=True).start()
    return DROPPED


@fault("truncated_json_after_commit", leaves_doubt=True)
def truncated(exchange: Exchange) -> Answer:
    """Do it, then cut the connection half-way through the answer."""
    answer = exchange.done()
    return replace(answer, cut="half") if _has_body(answer, exchange) else answer


@fault("garbled_json_after_commit", leaves_doubt=True)
def garbled(exchange: Exchange) -> Answer:
    """Do it, then send an answer of the right length that is no JSON."""
    answer = exchange.done()
    half = len(answer.body) // 2
    broken = answer.body[:half] + b"}\x00{" + answer.body[half + 3 :]
    return replace(answer, body=broken) if _has_body(answer, exchange) else answer


def _has_body(answer: Answer, exchange: Exchange) -> bool:
    # Where the status is all that is said, nothing can be left out of it.
    if not answer.body:
        exchange.left_out = 0
    return bool(answer.body)


@fault("html_200_after_commit", leaves_doubt=True)
def html_page(exchange: Exchange) -> Answer:
    """Do it, then send a maintenance page with status 200."""
    exchange.done()
    return Answer(200, b"<html><body>We'll be right back.</body></html>", answers.HTML)


@fault("elements_missing", leaves_doubt=True)
def elements_missing(exchange: Exchange) -> Answer:
    """Do it, then leave every other element out of the answer."""
    exchange.left_out = 0

    def every_other(items: list[Any]) -> list[Any]:
        exchange.left_out = (exchange.left_out or 0) + len(items[::2])
        return items[1::2]

    return exchange.carry_out(lambda work: _with_elements(work(), every_other))


@fault("elements_shuffled")
def elements_shuffled(exchange: Exchange) -> Answer:
    """Do it, then answer with the elements in reverse order."""
    return exchange.carry_out(lambda work: _with_elements(work(), lambda items: items[::-1]))


@fault("nulls_and_unknown_enums")
def odd_values(exchange: Exchange) -> Answer:
    """Do it, then answer with nulls and words that no documentation lists."""
    return exchange.carry_out(lambda work: _with_elements(work(), lambda items: [item | ODD_VALUES for item in items]))


@fault("refresh_answer_lost", usual_path="connect/token")
def refresh_answer_lost(exchange: Exchange) -> Answer:
    """Rotate the refresh token, then cut the connection."""
    exchange.done()
    return DROPPED


def _with_elements(answer: Answer, change: Callable[[list[Any]], list[Any]]) -> Answer:
    value = wire.decode(answer.body)
    if answer.status != 200 or not isinstance(value, dict):
        return answer
    changed = {key: change(item) if isinstance(item, list) else item for key, item in value.items()}
    return replace(answer, body=wire.encode(changed).encode())
