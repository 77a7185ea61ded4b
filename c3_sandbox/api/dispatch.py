"""One call from start to end: which fault it meets, whether its token is good, and what is asked."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from c3_sandbox import clock
from c3_sandbox.api import tokens
from c3_sandbox.api.answers import Answer, deliver, refusal, unauthorized, whole
from c3_sandbox.api.call_log import Call, call_log
from c3_sandbox.api.readings import current
from c3_sandbox.faults.registry import KINDS, Exchange, orders

Endpoint = Callable[..., Answer]


def endpoint(name: str, method: str, answers: Endpoint) -> Callable[..., HttpResponseBase]:
    """Make a view of the call `name`, which answers `method` alone."""

    @csrf_exempt
    def view(request: HttpRequest, **path: Any) -> HttpResponseBase:
        call = Call(clock.now(), name, request.method or "", request.path, request.headers.get("User-Agent", ""))
        call_log.log(call)
        answer = _struck(call, lambda: _answer(request, method, answers, path))
        call.status, call.correlation_id = answer.status, answer.correlation_id
        return deliver(request, answer)

    return view


def _struck(call: Call, work: Callable[[], Answer]) -> Answer:
    order = orders.pick(call.name)
    if order is None:
        return work()
    call.fault = order.name
    return KINDS[order.name].strike(Exchange(call.name, order.seconds, work))


def _answer(request: HttpRequest, method: str, answers: Endpoint, path: dict[str, Any]) -> Answer:
    if request.method != method:
        return whole(405, "", Allow=method)
    if answers is tokens.token:
        return tokens.token(request, **path)
    try:
        tokens.check(request.headers.get("Authorization", ""))
    except tokens.TokenDenied as denied:
        return unauthorized(current(), str(denied))
    if request.body and request.content_type != "application/json":
        return refusal(current(), "Unsupported Media Type", "Send application/json.", code=415, always=True)
    return answers(request, **path)
