"""What may be sent to a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from c3portal.http.concurrency import UPLOADS, refusal
from c3portal.models import roles

# What a browser puts around a file: the form's other fields, names and boundaries.
AROUND_A_FILE = 64 * 1024
# The forms of sign-in, the largest an answer of a passkey, have a few kilobytes.
STRANGERS_FORM = 64 * 1024

View = Callable[..., HttpResponseBase]


def takes_a_file(largest: Callable[[], int], *given_roles: str) -> Callable[[View], View]:
    """Let these roles send the view a file of up to `largest()` bytes. It goes outermost: other decorators hide the
    mark."""

    def decorate(view: View) -> View:
        view.largest_file, view.sent_by = largest, given_roles  # type: ignore[attr-defined]
        return view

    return decorate


class BodyLimit:
    """Answers 413 to a body too large, 411 to one of unknown length, 429 or 503 to one too many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            if who := getattr(request, "uploads_as", None):
                UPLOADS.give_back(who)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        # Before the look for the CSRF token, which reads the body. What is announced is judged, before any is read.
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return _refusal(request, 411, 0)
        length = _length(request)
        if length <= STRANGERS_FORM:
            return None
        if length > (limit := largest_body(request, view)):
            return _refusal(request, 413, limit)
        if length <= _largest_form():
            return None
        # The proxy passes it on while it comes, so it keeps a thread for as long as its sender likes.
        if status := UPLOADS.take(request.user.pk):
            return refusal(request, status, "upload")
        request.uploads_as = request.user.pk  # type: ignore[attr-defined]
        return None


def largest_body(request: HttpRequest, view: View) -> int:
    """Return how many bytes whoever asks may send to `view`."""
    if not request.user.is_authenticated:
        return STRANGERS_FORM
    largest_file = getattr(view, "largest_file", None)
    if largest_file is None or roles.role_of(request.user) not in view.sent_by:  # type: ignore[attr-defined]
        return _largest_form()
    return int(largest_file()) + AROUND_A_FILE


def _largest_form() -> int:
    # Django limits a form without files by it once more, and its number of fields.
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refusal(request: HttpRequest, status: int, limit: int) -> HttpResponse:
    return render(request, "413.html", {"status": status, "limit": limit}, status=status)


class ToDisk(TemporaryFileUploadHandler):
    """Keeps an upload on disk, and nothing of one that finds it full (OSError)."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._nothing_left():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        with self._nothing_left():
            return super().file_complete(file_size)

    @contextmanager
    def _nothing_left(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # Closing writes what is still in memory, for which there is no room either, and then deletes the file.
            with suppress(OSError):
                self.file.close()
            raise


class NoNul(MiddlewareMixin):
    """Answers 400 to a NUL character in address, query or form."""

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:
        # Nobody types one, and PostgreSQL takes none in text. The look for the CSRF token has read the form by now.
        address = request.path_info + request.META.get("QUERY_STRING", "").replace("%00", "\0")
        if "\0" in address or any("\0" in text for _, texts in request.POST.lists() for text in texts):
            raise BadRequest("A NUL character is no text.")
