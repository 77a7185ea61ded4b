"""Who may open a page: the decorator with which each view names its roles."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from c3portal.models import roles

if TYPE_CHECKING:
    pass


View = Callable[..., HttpResponseBase]


def role_required(*allowed: str) -> Callable[[View], View]:
    """Let a view be seen by the named roles alone; everyone else gets the 403 page. Sign-in is required before it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if roles.role_of(request.user) not in allowed:
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wrapped

    return decorate
