"""Faults by name, the orders for them, and which order a call meets."""

import itertools
import random
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from xero_sandbox.api.answers import Answer

Work = Callable[[], Answer]
Around = Callable[[Work], Answer]


@dataclass
class Exchange:
    """A call in flight, as a fault sees it.

    `carry_out(around)` calls `around(work)`, where `work()` does what was asked, and keeps the answer that
    `around` returns with the idempotency key, as Xero keeps its own odd answers. `release` takes the call off
    the calls in flight, `pause` remembers that the caller was told to stay away. `left_out` is how many elements the
    answer lacks, None where it is lost or cannot be read.
    """

    seconds: float | None
    carry_out: Callable[[Around], Answer]
    release: Callable[[], None]
    pause: Callable[[float], None]
    left_out: int | None = None

    def done(self) -> Answer:
        """Do what was asked and return the honest answer."""
        return self.carry_out(lambda work: work())


Fault = Callable[[Exchange], Answer]


@dataclass(frozen=True)
class Kind:
    """A fault by name. `leaves_doubt`: its victim cannot know whether anything was written."""

    name: str
    strike: Fault
    leaves_doubt: bool
    usual_path: str


KINDS: dict[str, Kind] = {}


def fault(name: str, *, leaves_doubt: bool = False, usual_path: str = "") -> Callable[[Fault], Fault]:
    """Register a fault under its name; without a path in the order it strikes `usual_path`."""

    def register(strike: Fault) -> Fault:
        KINDS[name] = Kind(name, strike, leaves_doubt, usual_path)
        return strike

    return register


@dataclass
class Order:
    """An ordered fault: strikes matching calls number `nth` to `nth + times - 1`, or each with `probability`."""

    name: str
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int | None = None
    probability: float | None = None
    seconds: float | None = None
    seed: int | None = None
    id: int = 0
    matched: int = 0
    fired: int = 0
    seeded: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise ValueError(f"There is no fault {self.name!r}. Known: {', '.join(sorted(KINDS))}.")
        self.path = self.path or KINDS[self.name].usual_path
        re.compile(self.path)
        if self.times is None and self.probability is None:
            self.times = 1
        self.seeded.seed(self.seed)

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a call is of the kind ordered. Without a path only accounting calls are."""
        if self.method and self.method.upper() != method:
            return False
        if self.path:
            return re.search(self.path, path) is not None
        return not path.startswith("connect")

    def strikes(self) -> bool:
        """Count a matching call and tell whether this is one to strike."""
        self.matched += 1
        if self.matched < self.nth or (self.times is not None and self.fired >= self.times):
            return False
        # The seeded only choose which calls are hit, so a seed makes a run repeatable.
        if self.probability is not None and self.seeded.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the order for the control call."""
        facts = asdict(self)
        facts.pop("seeded")
        return facts


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

    def listed(self) -> list[dict[str, Any]]:
        """Return all orders with how often they met and struck."""
        with self._lock:
            return [order.as_json() for order in self._orders]

    def pick(self, method: str, path: str) -> Order | None:
        """Return the order that strikes this call, if any."""
        with self._lock:
            return next((order for order in self._orders if order.meets(method, path) and order.strikes()), None)


orders = Orders()
