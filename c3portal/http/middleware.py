"""What happens around every request."""

import datetime as dt
from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from c3portal.encryption.sessions import SessionStore
from c3portal.formats import dates
from c3portal.models.people import known_zone

METHODS = ("GET", "HEAD", "POST")


def pages_and_forms_alone(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Refuse methods and encodings that neither a link nor a form uses."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Python knows encodings that are none of text, at which reading the form would fail.
        if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            return HttpResponseBadRequest("Send text as UTF-8.", content_type="text/plain")
        # Views of libraries would take a PUT for a POST, and a view that does not name its methods for a GET.
        return get_response(request) if request.method in METHODS else HttpResponseNotAllowed(METHODS)

    return middleware


def machines_need_no_session(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer monitoring and Xero's webhook without a session, and so without a cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if not (path.startswith(("/health/", "/webhooks/")) or path == "/metrics"):
            return get_response(request)
        try:
            match = resolve(path)
        except Resolver404:
            return get_response(request)
        # Looking for a session would fail while the database is away.
        answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return answer

    return middleware


class SignInRequired(LoginRequiredMiddleware):
    """Sign-in before every page, then that page."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> HttpResponseBase | None:
        """Return the way to sign-in, None for whoever is signed in."""
        answer: HttpResponseBase | None = super().process_view(request, view_func, *args, **kwargs)
        # A page left open that asks again by itself is nobody doing anything. Once the session has ended it loads
        # itself anew, and so leads to sign-in as a whole.
        if "HX-Request" in request.headers:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"}) if answer else None
        if answer is None and request.user.is_authenticated and getattr(view_func, "login_required", True):
            # What people do keeps the session from idling.
            cast(SessionStore, request.session).touch()
        return answer

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseRedirect:
        """Return the way to sign-in, then to the page asked for or, after a form, the start."""
        # The address of a form alone shows nothing, and nothing of it was done.
        if request.method not in ("GET", "HEAD"):
            messages.warning(request, "You were no longer signed in, so nothing was done. Sign in and do it once more.")
        # An answer of Xero's consent page goes to the start: its code is for no address and no log, and the session
        # that asked for it is gone.
        elif request.path != reverse("home"):
            return super().handle_no_permission(request, view_func)
        return redirect_to_login(
            reverse("home"), self.get_login_url(view_func), self.get_redirect_field_name(view_func)
        )


def page_for_forms_alone(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Show a page of our own for a GET where only forms are sent."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page

    return middleware


def times_of_the_reader(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Show times in the user's zone, else in their browser's, and dates in their format; inside they stay UTC."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        chosen = user.zone if user.is_authenticated and user.time_zone else None
        # portal.js sets the cookie.
        zone = chosen or known_zone(request.COOKIES.get("time_zone", "")) or dt.UTC
        with timezone.override(zone), dates.written_as(getattr(user, "date_format", "")):
            return get_response(request)

    return middleware
