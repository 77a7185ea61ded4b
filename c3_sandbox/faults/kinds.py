"""The faults. What C3 answers on a bad day is documented nowhere: each way that is known of such services is here."""

import time
from collections.abc import Iterator
from dataclasses import replace

from c3_sandbox.api.answers import HTML, Answer, first_half, refusal, unauthorized, whole
from c3_sandbox.api.readings import current
from c3_sandbox.api.tokens import invalid_secret
from c3_sandbox.faults.registry import Exchange, fault

USUAL_PAUSE = 2.0
USUAL_RETRY_AFTER = 1
SIGN_IN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in to your account</title></head>"
    '<body><form method="post" action="/common/login"><input name="loginfmt"></form></body></html>'
)
SERVER_ERROR_PAGE = "<html><head><title>500 - Internal server error.</title></head><body>500</body></html>"


@fault("error_at_200", "Status Error at HTTP 200")
def error_at_200(exchange: Exchange) -> Answer:
    """Answer the envelope of an error with HTTP 200, whatever the readings say."""
    words = "An error occurred while processing the request."
    return replace(refusal(current(), words, "Object reference not set to an instance of an object."), status=200)


@fault("error_at_500", "Status Error at HTTP 500")
def error_at_500(exchange: Exchange) -> Answer:
    """Answer the envelope of an error with HTTP 500."""
    return replace(error_at_200(exchange), status=500)


@fault("401", "401, the token is refused")
def token_refused_by_c3(exchange: Exchange) -> Answer:
    """Refuse a good token."""
    return unauthorized(current(), "The token is expired")


@fault("403", "403, no permission")
def forbidden(exchange: Exchange) -> Answer:
    """Refuse a caller whose token is good."""
    return refusal(current(), "Forbidden", "The application has no permission for this call.", code=403, always=True)


@fault("429", "429 with Retry-After")
def too_many(exchange: Exchange) -> Answer:
    """Answer 429 with Retry-After `seconds` (1)."""
    return whole(429, "", Retry_After=str(int(exchange.seconds or USUAL_RETRY_AFTER)))


@fault("429_without_retry_after", "429 without Retry-After")
def too_many_for_how_long(exchange: Exchange) -> Answer:
    """Answer 429 and do not say for how long."""
    return whole(429, "")


@fault("500", "500, a page of the server")
def server_error(exchange: Exchange) -> Answer:
    """Answer 500 with the page of the web server, not C3's envelope."""
    return whole(500, SERVER_ERROR_PAGE, HTML)


@fault("503", "503, unavailable")
def unavailable(exchange: Exchange) -> Answer:
    """Answer 503 in plain text, as the platform does while an application starts."""
    return whole(503, "The service is unavailable.", "text/plain")


@fault("slow", "Slow: waits, then answers")
def slow(exchange: Exchange) -> Answer:
    """Wait `seconds` (2), then answer as usual."""
    time.sleep(exchange.seconds or USUAL_PAUSE)
    return exchange.work()


@fault("stalls", "Stalls in the middle of the answer")
def stalls(exchange: Exchange) -> Answer:
    """Send half of the answer, then nothing for `seconds` (2), then cut the connection."""
    honest = exchange.work()

    def halting() -> Iterator[bytes]:
        yield from first_half(honest)
        time.sleep(exchange.seconds or USUAL_PAUSE)

    return replace(honest, parts=halting(), cut=True)


@fault("cut_off", "Cut off in the middle of the answer")
def cut_off(exchange: Exchange) -> Answer:
    """Send half of the answer and cut the connection."""
    honest = exchange.work()
    return replace(honest, parts=first_half(honest), cut=True)


@fault("dropped", "Connection dropped without an answer")
def dropped(exchange: Exchange) -> Answer:
    """Cut the connection before anything is sent."""
    return Answer(200, [], cut=True)


@fault("half_json", "Half a JSON, the answer complete")
def half_json(exchange: Exchange) -> Answer:
    """Send half of the answer as if it were all of it: the connection ends as it should."""
    honest = exchange.work()
    return replace(honest, parts=first_half(honest), count=2)


@fault("wrong_content_type", "Right answer, wrong content type")
def wrong_content_type(exchange: Exchange) -> Answer:
    """Answer as usual, declared as plain text."""
    return replace(exchange.work(), content_type="text/plain; charset=utf-8")


@fault("html_sign_in", "A sign-in page at HTTP 200")
def html_sign_in(exchange: Exchange) -> Answer:
    """Answer a page to sign in, as a gateway does that sends people there."""
    return whole(200, SIGN_IN_PAGE, HTML)


@fault("token_refused", "Sign-in refused (client secret)", strikes_token=True)
def token_refused(exchange: Exchange) -> Answer:
    """Answer what Microsoft answers to a wrong or expired client secret."""
    return invalid_secret()
