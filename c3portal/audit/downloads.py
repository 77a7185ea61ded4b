"""Files sent while they are made, few at a time."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from c3portal.audit.record import Action, record
from c3portal.http.concurrency import DOWNLOADS, refusal

# No line is so slow that a period takes longer; whoever reads on drop by drop is cut off.
DOWNLOAD_SECONDS = 600
MAX_QUERY_LENGTH = 500

View = Callable[..., HttpResponseBase]


class Download(StreamingHttpResponse):
    """A file to be saved as `name`."""

    def __init__(
        self, pieces: Iterable[str] | Iterable[bytes], name: str, content_type: str = "text/csv; charset=utf-8"
    ) -> None:
        super().__init__(pieces, content_type=content_type)
        self.name = name
        # What the record says was asked for by a form; of an address it says the address.
        self.asked_for = ""
        self["Content-Disposition"] = content_disposition_header(True, name) or "attachment"


class _Sent:
    """The pieces of a download; it is over with them, with the response, or by its time."""

    def __init__(self, pieces: Iterator[bytes], who: Any) -> None:
        self.pieces = pieces
        self.ends = time.monotonic() + DOWNLOAD_SECONDS
        self.close = weakref.finalize(self, DOWNLOADS.give_back, who)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if time.monotonic() > self.ends:
                raise TimeoutError(f"A download was not taken within {DOWNLOAD_SECONDS} seconds.")
            yield piece


def download(view: View) -> View:
    """Bound how many of the view's Downloads run at a time, and record who takes each. It goes innermost, where the
    user is known to be allowed."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        who = request.user.pk
        if status := DOWNLOADS.take(who):
            return refusal(request, status, "download")
        try:
            response = view(request, *args, **kwargs)
            if isinstance(response, Download) and request.method != "HEAD":
                _record(request, response)
        except BaseException:
            DOWNLOADS.give_back(who)
            raise
        if isinstance(response, Download):
            response.streaming_content = _Sent(iter(response), who)
        else:
            DOWNLOADS.give_back(who)
        return response

    limited.is_download = True  # type: ignore[attr-defined]
    return limited


def _record(request: HttpRequest, file: Download) -> None:
    query = "&".join(f"{key}={value}" for key, values in request.GET.lists() for value in values if value)
    asked_for = file.asked_for or query
    after = {"Asked for": asked_for[:MAX_QUERY_LENGTH]} if asked_for else None
    record(request, Action.DOWNLOAD, f"Download of {file.name}", after=after)
