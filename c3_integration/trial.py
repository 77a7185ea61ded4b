"""*Test*: whether C3 can be reached with these settings, step by step, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from c3_integration.client import addresses
from c3_integration.client.calls import C3, C3Period
from c3_integration.client.errors import C3Error
from c3_integration.models import C3Settings
from c3_integration.tokens import PassingTokens
from c3portal.formats import dates

# Bytes of a period in which its first line ends.
ENOUGH = 256 * 1024
NAMES_SHOWN = 6


@dataclass(frozen=True)
class Step:
    """One thing that was tried; `works` is None when it could not be tried since one before it does not work."""

    name: str
    works: bool | None
    words: str
    correlation_id: str = ""


def run(app: C3Settings) -> list[Step]:
    """Return address, sign-in, periods and first lines, each with whether it works. Changes and keeps nothing."""
    return list(_steps(app))


def _steps(app: C3Settings) -> Iterator[Step]:
    steps = _Steps(app)
    names = ("Address", "Sign-in", "Billing periods", "First lines")
    works: bool | None = True
    for name, step in zip(names, (steps.address, steps.sign_in, steps.periods, steps.lines), strict=True):
        if not works:
            yield Step(name, None, "Not tried, since the step before it does not work.")
            continue
        found = _tried(name, step)
        works = found.works
        yield found


def _tried(name: str, step: Callable[[], str]) -> Step:
    try:
        return Step(name, True, step())
    except C3Error as error:
        return Step(name, False, str(error), error.correlation_id)


class _Steps:
    def __init__(self, app: C3Settings) -> None:
        self.app, self.found = app, list[C3Period]()
        self.c3: C3 | None = None

    def address(self) -> str:
        return f"{addresses.check(self.app.api_url)} is an address that the portal calls."

    def sign_in(self) -> str:
        tokens = PassingTokens(self.app)
        tokens.current()
        self.c3 = C3(self.app.api_url, tokens, waits=False)
        return "Microsoft gave a token for C3."

    def periods(self) -> str:
        self.found = self._c3.periods()
        if not self.found:
            return "C3 answers, and lists no billing period yet."
        newest = self.found[0]
        return (
            f"C3 lists {len(self.found)} billing {'period' if len(self.found) == 1 else 'periods'}; the newest is "
            f"{newest.billing_id}, {dates.day(newest.starts)} to {dates.day(newest.ends)}."
        )

    def lines(self) -> str:
        if not self.found:
            return "There is no billing period to read lines of."
        names = self._c3.first_lines(self.found[0].c3_id, ENOUGH)
        if not names:
            return f"C3 answers, and period {self.found[0].billing_id} has no lines."
        shown = ", ".join(names[:NAMES_SHOWN])
        return f"The first line of period {self.found[0].billing_id} has {len(names)} fields: {shown}, …"

    @property
    def _c3(self) -> C3:
        assert self.c3 is not None  # noqa: S101 - for the type checker: tried after the sign-in
        return self.c3
