"""People at work in the portal: each signed in, on a thread of their own, reading a page before the next.

They are played here rather than by a load tool, whose forty packages would bring no more than these lines.
"""

from __future__ import annotations

import random
import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

# How often a page with something in progress renews itself, and how long a page may take, in seconds.
RENEWS = 2.0
PATIENCE = 30
INVOICE = re.compile(r'href="(/invoices/[0-9a-f-]{36}/)"')


@dataclass
class Measurements:
    """What the people met: seconds by page, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        return sum(map(len, self.seconds.values()))

    def note(self, page: str, seconds: float, error: str = "") -> None:
        """Keep how long a page took, and why it was none."""
        with self.lock:
            self.seconds[page].append(seconds)
            if error:
                self.errors.append(f"{page}: {error}")

    def quantiles(self, page: str = "") -> tuple[float, float, float]:
        """Return p50, p95 and p99 in milliseconds, of one page or of all."""
        found = self.seconds[page] if page else [each for all_ in self.seconds.values() for each in all_]
        if len(found) < 2:
            return (found[0] * 1000,) * 3 if found else (0.0, 0.0, 0.0)
        cuts = statistics.quantiles(found, n=100, method="inclusive")
        return cuts[49] * 1000, cuts[94] * 1000, cuts[98] * 1000


class Person(threading.Thread):
    """One person: opens pages until `over`, at a pace of their own."""

    def __init__(self, number: int, origin: str, cookie: tuple[str, str], crowd: Crowd) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.rng, self.origin = random.Random(number), origin
        self.measured, self.over, self.thinks = crowd.measured, crowd.over, crowd.thinks
        self.browser = requests.Session()
        self.browser.cookies.set(*cookie)
        self.upload = ""

    def run(self) -> None:
        """Come in within the time of one page, then go from page to page."""
        self.over.wait(self.rng.uniform(0, self.thinks[1]))
        pages: list[tuple[Callable[[], None], int]] = [
            (self.list, 6),
            (self.logs, 2),
            (self.watch, 3),
            (self.invoice, 2),
            (self.home, 2),
        ]
        while not self.over.is_set():
            (page,) = self.rng.choices([page for page, _ in pages], [weight for _, weight in pages])
            page()
            self.think()

    def think(self) -> None:
        """Look at the page for a while, or until it is over."""
        self.over.wait(self.rng.uniform(*self.thinks))

    def open(self, page: str, path: str, words: str, **headers: str) -> str:
        """Open an address, note how that went, and return the page, "" when it is not what it should be."""
        if self.over.is_set():
            return ""
        began = time.monotonic()
        try:
            answer = self.browser.get(self.origin + path, headers=headers, timeout=PATIENCE)
        except requests.RequestException as error:
            self.measured.note(page, time.monotonic() - began, f"{path}: {error!r}")
            return ""
        well = answer.status_code == 200 and words in answer.text
        self.measured.note(
            page, time.monotonic() - began, "" if well else f"{path}: {answer.status_code} without {words}"
        )
        return answer.text if well else ""

    def home(self) -> None:
        """The root, which leads to the list."""
        self.open("home", "/", "Download Invoice/Payments")

    def list(self) -> None:
        """The list, filtered, sorted, and some pages on."""
        choice = self.rng.choice
        filters = choice(["", "&state=posted", "&state=not_uploaded", "&state=queued", "&q=Customer+1"])
        sort = choice(["", "&sort=customer", "&sort=-total", "&sort=state"])
        path = f"/analyze/business/invoices/?period=20260918{filters}{sort}"
        self.open("list", path, "Download Invoice/Payments")
        if self.rng.random() < 0.5:
            self.think()
            self.open("list, further pages", f"{path}&page={self.rng.randint(2, 40)}", "Download Invoice/Payments")

    def invoice(self) -> None:
        """An invoice of the list."""
        page = self.open("list", f"/analyze/business/invoices/?page={self.rng.randint(1, 40)}", "</table>")
        if found := INVOICE.findall(page):
            self.think()
            self.open("invoice", self.rng.choice(found), "</dl>")

    def logs(self) -> None:
        """The uploads, and what the page fetches by itself."""
        page = self.open("logs", "/invoices/logs/", 'id="live"')
        self.upload = next(iter(re.findall(r'href="(/invoices/logs/\d+/)"', page)), self.upload)
        self.renew("logs, renewed", "/invoices/logs/", page)

    def watch(self) -> None:
        """The newest upload, watched for a while."""
        if not self.upload:
            return self.logs()
        page = self.open("upload", self.upload, 'id="live"')
        self.renew("upload, renewed", self.upload, page)
        return None

    def renew(self, name: str, path: str, page: str) -> None:
        """Fetch what the page renews by itself, three times, as long as it says that it does."""
        for _ in range(3):
            if "hx-get" not in page or self.over.wait(RENEWS):
                return
            page = self.open(name, path, 'id="live"', **{"HX-Request": "true"})


class Crowd:
    """Several people, for as long as the block lasts; each looks at a page for `thinks` (least and most seconds)."""

    def __init__(self, origin: str, cookies: list[tuple[str, str]], thinks: tuple[float, float]) -> None:
        self.measured, self.over, self.thinks = Measurements(), threading.Event(), thinks
        self.people = [Person(number, origin, cookie, self) for number, cookie in enumerate(cookies)]

    def __enter__(self) -> Measurements:
        for person in self.people:
            person.start()
        return self.measured

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for person in self.people:
            person.join(2 * PATIENCE)
