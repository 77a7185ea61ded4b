"""The page that asks before something is done which cannot be undone by a click, or stops what others rely on."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def ask(
    request: HttpRequest,
    title: str,
    follows: Iterable[str],
    button: str,
    *,
    back: str,
    kept: Iterable[tuple[str, str]] = (),
) -> HttpResponse:
    """Return the page; `follows` are sentences on what it does. Its form posts to the same address, with the fields
    `kept` and `sure`."""
    context = {"title": title, "follows": follows, "button": button, "back": back, "kept": kept}
    return render(request, "confirm.html", context)


def is_sure(request: HttpRequest) -> bool:
    """Whether the request comes from that page."""
    return "sure" in request.POST
