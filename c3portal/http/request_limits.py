"""What may be sent to a page: how much, told by its announced length before anything of it is read, and no NUL."""

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
    """Let people of these roles send this view a file of up to `largest()` bytes; other views take what forms need.

    It goes outermost, since other decorators hide the mark.
    """

    def decorate(view: View) -> View:
        view.largest_file, view.sent_by = largest, given_roles  # type: ignore[attr-defined]
        return view

    return decorate


class BodyLimit:
    """Answers 413 to a body that is larger than its page takes, and 411 to one that does not say its length.

    What is larger than a form is taken only while few others are on their way (429, 503): the proxy passes it on while
    it comes, so that it keeps a thread for as long as its sender likes. A form without files is limited once more by
    Django (DATA_UPLOAD_MAX_MEMORY_SIZE), and its number of fields is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let the request through; what it took of `UPLOADS` is given back with its answer."""
        try:
            return self.get_response(request)
        finally:
            if who := getattr(request, "uploads_as", None):
                UPLOADS.give_back(who)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuse what is too large; it comes before the look for the CSRF token, which reads the body."""
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return _refusal(request, 411, 0)
        length = _length(request)
        if length <= STRANGERS_FORM:
            return None
        if length > (limit := largest_body(request, view)):
            return _refusal(request, 413, limit)
        if length <= _largest_form():
            return None
        if status := UPLOADS.take(request.user.pk):
            return refusal(request, status, "upload")
        request.uploads_as = request.user.pk  # type: ignore[attr-defined]
        return None


def largest_body(request: HttpRequest, view: View) -> int:
    """Return how many bytes may be sent to `view` by whoever asks."""
    if not request.user.is_authenticated:
        return STRANGERS_FORM
    largest_file = getattr(view, "largest_file", None)
    if largest_file is None or roles.role_of(request.user) not in view.sent_by:  # type: ignore[attr-defined]
        return _largest_form()
    return int(largest_file()) + AROUND_A_FILE


def _largest_form() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refusal(request: HttpRequest, status: int, limit: int) -> HttpResponse:
    return render(request, "413.html", {"status": status, "limit": limit}, status=status)


class ToDisk(TemporaryFileUploadHandler):
    """Keeps a file that is sent on disk, and nothing of one for which the disk has no room."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part. Raises OSError, after taking away what was written."""
        with self._nothing_left():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Return the file. Raises OSError, after taking away what was written."""
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
    """Answers 400 to a NUL character in address, query or form: nobody types one, and PostgreSQL takes none in text.

    It comes after the look for the CSRF token, which has read the form by then.
    """

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:
        """Raise BadRequest for a NUL."""
        address = request.path_info + request.META.get("QUERY_STRING", "").replace("%00", "\0")
        if "\0" in address or any("\0" in text for _, texts in request.POST.lists() for text in texts):
            raise BadRequest("A NUL character is no text.")
