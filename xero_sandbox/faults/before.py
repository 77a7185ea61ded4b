"""Faults that end a call before Xero did anything, or that only delay it."""

import time

from xero_sandbox.api import answers
from xero_sandbox.api.answers import Answer
from xero_sandbox.faults.registry import Exchange, fault

DROPPED = Answer(0, b"", cut="drop")
USUAL_HANG = 30.0
USUAL_MINUTE_PAUSE = 60
USUAL_DAY_PAUSE = 77_000


@fault("drop_before", leaves_doubt=True)
def drop_before(exchange: Exchange) -> Answer:
    """Cut the connection with nothing done."""
    return DROPPED


@fault("hang_before", leaves_doubt=True)
def hang_before(exchange: Exchange) -> Answer:
    """Say nothing for `seconds`, then cut the connection with nothing done."""
    exchange.release()
    time.sleep(exchange.seconds or USUAL_HANG)
    return DROPPED


@fault("500_before", leaves_doubt=True)
def server_error_before(exchange: Exchange) -> Answer:
    """Answer 500 with nothing done. Xero keeps its 500s under the idempotency key, so this one is kept too."""
    return exchange.carry_out(lambda work: answers.server_error())


@fault("503_text", leaves_doubt=True)
def unavailable(exchange: Exchange) -> Answer:
    """Answer 503 in plain text from the outer layer, with nothing done and nothing kept."""
    return answers.text_answer(503, "The Xero API is temporarily unavailable")


@fault("429_minute")
def minute_limit(exchange: Exchange) -> Answer:
    """Answer 429 for the minute limit with Retry-After `seconds` (60)."""
    return _limited(exchange, "minute", USUAL_MINUTE_PAUSE)


@fault("429_day")
def day_limit(exchange: Exchange) -> Answer:
    """Answer 429 for the day limit with Retry-After `seconds` (77,000, as has been seen)."""
    return _limited(exchange, "day", USUAL_DAY_PAUSE)


@fault("429_concurrent")
def concurrent_limit(exchange: Exchange) -> Answer:
    """Answer 429 for too many calls in flight, which carries no Retry-After."""
    return answers.too_many("concurrent", None)


def _limited(exchange: Exchange, problem: str, usual: int) -> Answer:
    seconds = int(exchange.seconds or usual)
    exchange.pause(seconds)
    return answers.too_many(problem, seconds)


@fault("401")
def unauthorized(exchange: Exchange) -> Answer:
    """Answer that the access token has expired."""
    return answers.unauthorized("TokenExpired: token expired")


@fault("403")
def forbidden(exchange: Exchange) -> Answer:
    """Answer that the organisation is not connected."""
    return answers.forbidden()


@fault("whole_batch_400")
def whole_batch_refused(exchange: Exchange) -> Answer:
    """Refuse the whole batch with one 400 that names no element, with nothing done."""
    return exchange.carry_out(lambda work: answers.bad_request("A validation exception occurred"))


@fault("redirect")
def redirect(exchange: Exchange) -> Answer:
    """Answer 302 to another page of this host, as a captive gateway would."""
    return Answer(302, b"", answers.HTML, {"Location": "/sandbox/moved"})


@fault("slow")
def slow(exchange: Exchange) -> Answer:
    """Wait `seconds` (2), then do and answer everything as usual."""
    time.sleep(exchange.seconds or 2)
    return exchange.done()
