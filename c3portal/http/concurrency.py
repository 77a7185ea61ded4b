"""How many files a web process takes and sends at a time."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

RETRY_AFTER = {429: 10, 503: 30}


class AtATime:
    """So many for each person, and so many together, in this process."""

    def __init__(self, each: int, together: int) -> None:
        self.each, self.together = each, together
        self._lock = threading.Lock()
        self._taken: Counter[Any] = Counter()

    def take(self, who: Any) -> int:
        """Take one for `who`: return 0, 429 when they have enough, 503 when all are taken."""
        with self._lock:
            if self._taken[who] >= self.each:
                return 429
            if self._taken.total() >= self.together:
                return 503
            self._taken[who] += 1
            return 0

    def give_back(self, who: Any) -> None:
        """Give back one that `who` took."""
        with self._lock:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]


# Whoever sends or reads slowly keeps a thread for as long as they like: with fewer of them than threads, pages always
# find one.
UPLOADS = AtATime(each=1, together=max(1, settings.WEB_THREADS // 4))
DOWNLOADS = AtATime(each=2, together=max(1, settings.WEB_THREADS * 3 // 8))


def refusal(request: HttpRequest, status: int, what: str) -> HttpResponse:
    """Return the page that asks for patience, for an "upload" or a "download"."""
    page = render(request, "busy.html", {"status": status, "what": what}, status=status)
    page["Retry-After"] = str(RETRY_AFTER[status])
    return page
