"""Where to go next, within the portal."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def is_ours(request: HttpRequest, address: str | None) -> bool:
    """Whether `address` is a page of the portal, under the name that the request came by."""
    return url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())


def next_address(request: HttpRequest) -> str:
    """Return the `next` of the request's address, "" when none or elsewhere."""
    address = request.GET.get("next", "")
    return address if is_ours(request, address) else ""
