"""Who may use the control calls, and how they are read: this machine alone, JSON in, JSON out."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from c3_sandbox import wire

LOOPBACK = ("127.0.0.1", "::1")
Control = Callable[..., Any]


class ControlRefused(ValueError):
    """A control call that makes no sense; the words say why."""


def control(method_functions: dict[str, Control]) -> Callable[..., HttpResponse]:
    """Make a view of functions by HTTP method; each takes the JSON body (a dict) and returns JSON.

    A body must be declared as JSON: a web page elsewhere cannot send that without asking first.
    """

    @csrf_exempt
    def view(request: HttpRequest, **path: Any) -> HttpResponse:
        if request.META.get("REMOTE_ADDR") not in LOOPBACK:
            return _json({"error": "The control calls answer this machine alone."}, 403)
        function = method_functions.get(request.method or "")
        if function is None:
            return _json({"error": f"Use {' or '.join(method_functions)}."}, 405)
        try:
            return _json(function(_read(request), **path))
        except (ValueError, TypeError, KeyError, ObjectDoesNotExist) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    return wraps(next(iter(method_functions.values())))(view)


def _read(request: HttpRequest) -> dict[str, Any]:
    if request.method in ("GET", "DELETE"):
        return request.GET.dict()
    if not request.body:
        return {}
    if request.content_type != "application/json":
        raise ControlRefused("Send application/json.")
    body = wire.decode(request.body)
    if not isinstance(body, dict):
        raise ControlRefused("Send a JSON object.")
    return body


def _json(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(wire.encode(value), status=status, content_type="application/json")
