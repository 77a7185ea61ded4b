"""Faults by name, the orders for them, and which order a call meets."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from c3_sandbox.api.answers import Answer

# The calls by the names that orders use.
CALLS = {
    "token": "Sign-in (token)",
    "periods": "Billing periods",
    "invoices": "Invoice lines",
    "customers": "Active customers",
    "details": "Customer details",
}
TOKEN = "token"  # noqa: S105 - the name of a call


@dataclass(frozen=True)
class Exchange:
    """A call in flight, as a fault sees it. `work()` gives the honest answer."""

    call: str
    seconds: float | None
    work: Callable[[], Answer]


Fault = Callable[[Exchange], Answer]


@dataclass(frozen=True)
class Kind:
    """A fault by name, with words for the page. `strikes_token`: without a call named, it strikes the sign-in."""

    name: str
    words: str
    strike: Fault
    strikes_token: bool


KINDS: dict[str, Kind] = {}


def fault(name: str, words: str, *, strikes_token: bool = False) -> Callable[[Fault], Fault]:
    """Register a fault under its name."""

    def register(strike: Fault) -> Fault:
        KINDS[name] = Kind(name, words, strike, strikes_token)
        return strike

    return register


@dataclass
class Order:
    """An ordered fault: strikes the calls named `call` number `nth` to `nth + times - 1` (None: all from then on).

    Without a call it strikes all but the sign-in, or the sign-in alone where that is the fault's.
    """

    name: str
    call: str = ""
    nth: int = 1
    times: int | None = 1
    seconds: float | None = None
    id: int = 0
    matched: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        self.seconds = None if self.seconds is None else float(self.seconds)
        if self.name not in KINDS:
            raise ValueError(f"There is no fault {self.name!r}. Known: {', '.join(sorted(KINDS))}.")
        if self.call and self.call not in CALLS:
            raise ValueError(f"There is no call {self.call!r}. Known: {', '.join(CALLS)}.")

    def meets(self, call: str) -> bool:
        """Tell whether a call is of the kind ordered."""
        if self.call:
            return call == self.call
        return (call == TOKEN) == KINDS[self.name].strikes_token

    def strikes(self) -> bool:
        """Count a matching call and tell whether this is one to strike."""
        self.matched += 1
        if self.matched < self.nth or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    @property
    def remaining(self) -> int | None:
        """How many calls it still strikes; None: all."""
        return None if self.times is None else self.times - self.fired


class Orders:
    """All orders in force. Thread-safe; the first that strikes a call wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Order] = []
        self._ids = itertools.count(1)

    def place(self, order: Order) -> Order:
        """Put an order in force."""
        with self._lock:
            order.id = next(self._ids)
            self._orders.append(order)
        return order

    def cancel(self, order_id: int | None = None) -> None:
        """Lift one order, or all."""
        with self._lock:
            self._orders = [order for order in self._orders if order_id not in (None, order.id)]

    def all(self) -> list[Order]:
        """Return the orders, oldest first."""
        with self._lock:
            return list(self._orders)

    def listed(self) -> list[dict[str, Any]]:
        """Return all orders with how often they met and struck."""
        return [asdict(order) for order in self.all()]

    def pick(self, call: str) -> Order | None:
        """Return the order that strikes this call, if any."""
        with self._lock:
            return next((order for order in self._orders if order.meets(call) and order.strikes()), None)


orders = Orders()
