"""For the tests of the state machine: Xero as a model in memory, and workers that stop wherever a test wants."""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType, ModuleType
from typing import Any
from unittest.mock import create_autospec

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from invoices.models import Submission
from invoices.posting import transitions
from xero_integration import connections
from xero_integration.client.departure import Departure
from xero_integration.client.errors import Problem, XeroAuthError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer, Gateway
from xero_integration.models import XeroConnection

KEY_LIFE = dt.timedelta(minutes=6)
# What may become of a call that creates documents.
FATES = (
    "answered",
    "answer lost",
    "nothing done",
    "done late",
    "limit",
    "no access",
    "refused",
    "refused but done",
    "element missing",
    "shuffled",
)
ID_KEYS = ("InvoiceID", "CreditNoteID")
MOVES = ("mark_posted", "mark_rejected", "requeue", "mark_uncertain", "close")


class Killed(BaseException):
    """As if the process had ended here."""


class ProtocolViolation(AssertionError):
    """The portal did what may make a duplicate."""


# Xero


@dataclass
class Call:
    """A call that Xero has yet to carry out."""

    endpoint: str
    body: bytes
    key: str


@dataclass
class Xero:
    """An organisation's books. `totals` is what each number's document comes to.

    With `unique` it refuses a number that is taken, and may carry a call out at any later time. Without, it takes any
    number any number of times, as long as it has them, but has done with a call when the portal says that it must.
    """

    totals: dict[str, Decimal]
    unique: bool
    documents: list[dict[str, Any]] = field(default_factory=list)
    late: list[tuple[dt.datetime, Call]] = field(default_factory=list)
    kept: dict[str, tuple[dt.datetime, Answer]] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)

    def numbers(self) -> list[str]:
        return [document["Number"] for document in self.documents]

    def expected(self) -> set[str]:
        """Return the numbers that calls in flight will still bring."""
        sent = (each for _, call in self.late for each in elements_of(call.body))
        return {each["Number"] for each in sent if "Number" in each}

    def receive(self, call: Call, fate: str) -> Answer:
        """Take a call that creates. Raises what the portal's gateway raises for such an end."""
        numbers = [each["Number"] for each in elements_of(call.body)]
        self._hold_to_the_rule(numbers, call.key)
        if fate == "limit":
            raise XeroUnavailable("The limit is reached", retry_after=dt.timedelta(seconds=30), problem=Problem.MINUTE)
        if fate == "no access":
            raise XeroAuthError("Connect again.")
        if fate == "refused":
            raise XeroRejected("A validation exception occurred", status_code=400)
        if fate == "refused but done":
            # A request is refused for one of its documents; alone it was that one.
            self.in_doubt.update(numbers[1:])
            self._carry_out(call, elements_of(call.body)[1:])
            raise XeroRejected("A validation exception occurred", status_code=400)
        self.in_doubt.update(numbers)
        if fate == "done late":
            self.late.append((timezone.now() + dt.timedelta(seconds=129), call))
        elif fate != "nothing done":
            return odd(self._carry_out(call, elements_of(call.body)), fate)
        raise XeroOutcomeUnknown("The answer was lost.")

    def _hold_to_the_rule(self, numbers: Iterable[str], key: str) -> None:
        """Who is still believed to be alive never sends what may be there already."""
        believed_alive = Submission.objects.filter(pk=key, outcome=Submission.Outcome.SENDING).exists()
        blind = self.in_doubt.intersection(numbers)
        if blind and believed_alive:
            raise ProtocolViolation(f"Sent again without a lookup: {sorted(blind)}")

    def _carry_out(self, call: Call, elements: list[dict[str, Any]]) -> Answer:
        since, answer = self.kept.get(call.key, (None, None))
        if since and answer and timezone.now() - since < KEY_LIFE:
            return answer
        answer = self._do(call, elements)
        self.kept[call.key] = timezone.now(), answer
        return answer

    def _do(self, call: Call, elements: list[dict[str, Any]]) -> Answer:
        return Answer({call.endpoint: [self._create(call.endpoint, each) for each in elements]}, 200, "")

    def _create(self, endpoint: str, element: dict[str, Any]) -> dict[str, Any]:
        if self.unique and element["Number"] in self.numbers():
            words = "Invoice # must be unique."
            return element | {"HasErrors": True, "ValidationErrors": [{"Message": words}]}
        one = endpoint.removesuffix("s")
        document = element | {
            f"{one}ID": str(uuid.uuid4()),
            "Status": "DRAFT",
            "Total": self.totals[element["Number"]],
            "StatusAttributeString": "OK",
        }
        self.documents.append(document)
        return document

    def receive_change(self, call: Call, fate: str) -> Answer:
        """Take a call about documents that are there. Raises as `receive`."""
        raise NotImplementedError

    def history(self, xero_id: str) -> list[dict[str, Any]]:
        """Return what happened to a document."""
        raise NotImplementedError

    def with_ids(self, text: str) -> list[dict[str, Any]]:
        """Return the documents whose ids are in the text of a query."""
        return [each for each in self.documents if any(str(each.get(key)) in text for key in ID_KEYS if key in each)]

    def finish_late(self, until: dt.datetime | None = None) -> None:
        """Carry out what was put off, up to a moment."""
        due = [call for moment, call in self.late if until is None or moment <= until]
        self.late = [(moment, call) for moment, call in self.late if call not in due]
        for call in due:
            self._carry_out(call, elements_of(call.body))

    def find(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        """Answer a lookup."""
        wanted = set(numbers)
        self.in_doubt -= wanted
        return [document for document in self.documents if document["Number"] in wanted]


def elements_of(body: bytes) -> list[dict[str, Any]]:
    """Return the elements of a call's bytes; what has a number bears it as `Number` too."""
    (elements,) = json.loads(body).values() if body else ([],)
    numbers = (next((each[name] for name in each if name.endswith("Number") and each[name]), "") for each in elements)
    return [each | ({"Number": number} if number else {}) for each, number in zip(elements, numbers, strict=True)]


def odd(answer: Answer, fate: str) -> Answer:
    """Return the answer as it reaches the portal. Raises XeroOutcomeUnknown when it does not."""
    if fate == "answer lost":
        raise XeroOutcomeUnknown("The answer was lost.")
    ((endpoint, rows),) = answer.body.items()
    if fate == "element missing":
        rows = rows[1:]
    elif fate == "shuffled":
        rows = rows[::-1]
    return Answer({endpoint: rows}, 200, "")


# Workers


class Worker(threading.Thread):
    """Does `work` a stretch at a time: it stops at each gate until it is told to go on, or dies there.

    One thread runs at any moment, so all of them use the one database connection of the test.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.gate = ""
        self.fate = FATES[0]
        self.moves_left: int | None = None
        self.doomed = False
        self.failure: BaseException | None = None
        self._turn, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._database = databases["default"]
        self.start()

    def run(self) -> None:
        """Do the work. What ends it unforeseen is kept for the test."""
        databases["default"] = self._database
        self._turn.acquire()
        try:
            self._go_on()
            self.work()
        except (Killed, XeroUnavailable, XeroAuthError):
            pass
        except BaseException as failure:
            self.failure = failure
        finally:
            self.gate = "ended"
            self._stopped.release()

    def stop_at(self, gate: str) -> None:
        """Called by the work: wait here."""
        self.gate = gate
        self._stopped.release()
        self._turn.acquire()
        self._go_on()

    def _go_on(self) -> None:
        if self.doomed:
            raise Killed

    def about_to_move(self) -> None:
        """Called by the work before it moves rows: here it dies when it has made the moves that were left to it."""
        if self.moves_left is not None:
            self.moves_left -= 1
            if self.moves_left < 0:
                raise Killed

    def go(self, *, fate: str = FATES[0], moves: int | None = None) -> None:
        """Let it work up to its next gate. Raises what the work raised."""
        self.fate, self.moves_left = fate, moves
        self._turn.release()
        self._stopped.acquire()
        if self.failure:
            raise self.failure

    def kill(self) -> None:
        """End it where it stands."""
        if self.gate != "ended":
            self.doomed = True
            self.go()
        self.join()

    @property
    def ended(self) -> bool:
        return self.gate == "ended"


def _worker() -> Worker | None:
    thread = threading.current_thread()
    return thread if isinstance(thread, Worker) else None


def _stop_at(gate: str) -> None:
    if worker := _worker():
        worker.stop_at(gate)


@contextmanager
def staged(xero: Xero, also: Mapping[ModuleType, Sequence[str]] = MappingProxyType({})) -> Iterator[None]:
    """Put `xero` behind the portal's calls, and gates where a worker may stop or die: in `also` at the moves named."""
    database.inc_thread_sharing()
    with pytest.MonkeyPatch.context() as patch:
        client = _client(xero)

        def call(connection: XeroConnection, work: Callable[[Gateway], Any], *, click: bool = False) -> Any:
            return work(client)

        patch.setattr(connections, "call", create_autospec(connections.call, side_effect=call))
        for module, moves in {transitions: MOVES, **also}.items():
            for name in ("claim", "store_body"):
                _patch(patch, name, module, after=lambda name=name: _stop_at(name))
            for name in moves:
                _patch(patch, name, module, before=_about_to_move)
        yield
    database.dec_thread_sharing()


def _about_to_move() -> None:
    if worker := _worker():
        worker.about_to_move()


def _patch(
    patch: pytest.MonkeyPatch,
    name: str,
    module: ModuleType = transitions,
    *,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> None:
    original = getattr(module, name)

    def around(*args: Any, **options: Any) -> Any:
        before()
        result = original(*args, **options)
        after()
        return result

    patch.setattr(module, name, create_autospec(original, side_effect=around))


def _client(xero: Xero) -> Gateway:
    """Return a gateway that leads to the model."""
    client: Any = create_autospec(Gateway, instance=True)

    def create(endpoint: str, body: bytes, key: str, stored_at: dt.datetime | None = None) -> Answer:
        worker = _worker()
        Departure(stored_at).check()
        try:
            answer = xero.receive(Call(endpoint, body, key), worker.fate if worker else FATES[0])
        finally:
            _stop_at("called")
        xero.in_doubt -= {row["Number"] for row in answer.rows(endpoint)}
        return answer

    def find(numbers: Iterable[str]) -> list[dict[str, Any]]:
        found = xero.find(numbers)
        _stop_at("looked")
        return found

    def change(endpoint: str, body: bytes, key: str, stored_at: dt.datetime | None = None) -> Answer:
        worker = _worker()
        Departure(stored_at).check()
        try:
            return xero.receive_change(Call(endpoint, body, key), worker.fate if worker else FATES[0])
        finally:
            _stop_at("called")

    def email(xero_id: str, key: str, stored_at: dt.datetime | None = None) -> Answer:
        return change(f"Invoices/{xero_id}/Email", b"", key, stored_at)

    def allocate(xero_id: str, body: bytes, key: str, stored_at: dt.datetime | None = None) -> Answer:
        return change(f"CreditNotes/{xero_id}/Allocations", body, key, stored_at)

    def history(endpoint: str, xero_id: str) -> list[dict[str, Any]]:
        found = xero.history(xero_id)
        _stop_at("looked")
        return found

    def read_list(endpoint: str, query: Mapping[str, str | int], **_: Any) -> list[dict[str, Any]]:
        found = xero.with_ids(str(query.get("IDs") or query.get("where")))
        _stop_at("looked")
        return found

    client.calls = 0
    client.change_documents.side_effect = change
    client.email_invoice.side_effect = email
    client.allocate.side_effect = allocate
    client.history.side_effect = history
    client.read_list.side_effect = read_list
    client.create_documents.side_effect = create
    for each in (client.find_invoices, client.find_many_invoices, client.find_credit_notes):
        each.side_effect = find
    # Nobody renumbers anything in the model: what has the marker is what has the number.
    client.find_marked_credit_notes.return_value = []
    return client  # type: ignore[no-any-return]
