"""A portal whose documents live on in Xero, for any interleaving of what people, workers, Xero and accidents do.

As the state machine of posting (`invoices/posting/tests/test_state_machine.py`), with what is asked of documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from c3portal.database import clock
from c3portal.models import User
from invoices.changes import allocating, asking, follow_ups, leases, onward, reconciliation, sender, transitions
from invoices.changes.tests.chances import ASKS, CHANCES, GOES_ON, STATUSES, Ask, Chance
from invoices.models import (
    ChangeCall,
    DocumentChange,
    DocumentEvent,
    DocumentType,
    Invoice,
    PastDocument,
    Posting,
    Submission,
    Upload,
)
from invoices.models.statuses import CHANGE_IN_PROGRESS, IN_FLIGHT, UPLOADABLE, ChangeKind
from invoices.posting import queueing, taken_back
from invoices.posting import reconciliation as posting_reconciliation
from invoices.posting import sender as posting_sender
from invoices.posting.responses import kind_of
from invoices.posting.tests import test_state_machine as of_posting
from invoices.preflight import linking
from invoices.readback import reading
from invoices.tests.books_in_memory import MAY_BE_MAILED, Books
from invoices.tests.xero_in_memory import staged
from xero_integration.client.vocabulary import GONE, DocumentStatus
from xero_integration.models import XeroConnection

Status, Asked = Posting.Status, DocumentChange.Status
# How often in a sequence somebody does something by hand.
HANDS = 5
MOVES = ("mark_done", "mark_ended", "requeue", "mark_uncertain", "close")
# Nothing was done by these.
LEFT = (Asked.REFUSED, Asked.WITHDRAWN)
# What the books say of each kind of document, and the column of a posting that is to say the same.
BALANCES = {
    "Status": "xero_status",
    "AmountDue": "amount_due",
    "RemainingCredit": "amount_due",
    "AmountPaid": "amount_paid",
    "AmountCredited": "amount_credited",
    "SentToContact": "sent_to_contact",
}
# By number in Xero, a document that somebody may make by hand.
Documents = Mapping[str, dict[str, Any]]
Work = Callable[[XeroConnection], object]


class Portal(of_posting.Portal):
    """The portal of posting, whose documents live on. Its invoices are queued already."""

    # A restored database is of other tests, and the rest comes about by other rules here.
    back_up = restore = doubt = None  # type: ignore[assignment]
    send = reconcile = sweep = die = click = finish_late = None  # type: ignore[assignment]

    def __init__(self, connection: XeroConnection, makeable: Documents, *, unique: bool, free: bool) -> None:
        super(of_posting.Portal, self).__init__()
        self.connection = connection
        totals = {number: abs(total) for number, total in Invoice.objects.values_list("xero_number", "total")}
        self.xero = self.books = Books(totals, unique, free_after_void=free)
        self.makeable = dict(makeable)
        self.person = User.objects.get()
        self.workers = []
        self.forgotten = set()
        # How often a person said, of which document, that it is to be mailed once more.
        self.said = Counter[str]()
        self.asks: list[Ask] = []
        self.followed: list[tuple[Any, ...]] = []
        self.hands = HANDS
        connection.refresh_from_db()
        self.stage = ExitStack()
        self.clock = self.stage.enter_context(time_machine.travel(of_posting.START, tick=False))
        self.stage.enter_context(transaction.atomic())
        self.stage.enter_context(staged(self.books, {transitions: MOVES}))
        self._look()

    @initialize(status=STATUSES, goes_on=GOES_ON, is_posted=st.booleans(), asks=ASKS)
    def begin(self, status: str, goes_on: str, is_posted: bool, asks: set[Ask]) -> None:
        """All was uploaded; either it is in Xero by now, or it is still to be sent. People ask for some things alone,
        so that more of these come about."""
        self.asks = sorted(asks)
        Upload.objects.update(invoice_status=status, onward=goes_on)
        while is_posted and posting_sender.send_next(self.connection):
            pass

    def _look(self) -> None:
        """Read once what the conditions of the rules and what must hold are about."""
        self.rows = list(Posting.objects.select_related("invoice").order_by("pk"))
        self.changes = list(DocumentChange.objects.order_by("pk"))
        self.uploads = list(Upload.objects.all())

    def _posted(self, *statuses: str) -> list[Posting]:
        rows = [each for each in self.rows if each.status == Status.POSTED]
        return [each for each in rows if each.xero_status in statuses] if statuses else rows

    # What may happen

    @rule(chance=CHANCES)
    def step(self, chance: Chance) -> None:
        """Something happens."""
        ways = self._ways()
        happens = ways[chance.way % len(ways)]
        note(f"# {happens.__name__}:")
        happens(chance)

    def _ways(self) -> list[Callable[[Chance], None]]:
        """Return what may happen now, more often what brings it on."""
        # By rules of their own most sequences would lack what brings them on: Hypothesis leaves half of the rules out
        # of each.
        is_free = len(self.workers) < of_posting.WORKERS
        in_flight = any(each.status in IN_FLIGHT for each in [*self.rows, *self.changes])
        weights = {
            self.ask: 2 * bool(self._asking()),
            self.post: 3 * bool(is_free and self._posting()),
            self.change: 3 * bool(is_free and self._changing()),
            self.look: 2 * bool(is_free and self._looking()),
            self.go_on: 2 * bool(self.workers),
            self.by_hand: bool(self.hands and (self.books.may_be_done_by_hand() or self._not_there())),
            self.finish: bool(self.books.late),
            self.wait: 2 if in_flight or self.workers else 0,
        }
        return [way for way, weight in weights.items() for _ in range(weight)] or [self.wait]

    # What people ask for

    def ask(self, chance: Chance) -> None:
        """A person asks for something, of a document or of all of them."""
        possible = self._asking()
        what = possible[chance.what % len(possible)]
        if what is Ask.POST_AGAIN:
            self.post_again(chance.status, chance.goes_on)
        else:
            keys, place = self._concerned(what), chance.which
            self.ask_for(what, keys if place >= len(keys) else keys[place : place + 1])

    def _asking(self) -> list[Ask]:
        return [each for each in self.asks if self._concerned(each)]

    def _concerned(self, what: Ask) -> list[int]:
        """Return what may be asked about."""
        match what:
            case Ask.TAKE_BACK:
                return self._at_rest()
            case Ask.APPROVE:
                return self._at_rest(DocumentStatus.DRAFT)
            case Ask.MAIL | Ask.MAIL_AGAIN:
                return self._at_rest(*MAY_BE_MAILED)
            case Ask.POST_AGAIN:
                return [each.pk for each in self.rows if each.status in UPLOADABLE]
            case Ask.WITHDRAW:
                return [each.posting_id for each in self.changes if each.status == Asked.QUEUED]

    def _at_rest(self, *statuses: str) -> list[int]:
        """Return the posted ones that nothing is under way of."""
        busy = {each.posting_id for each in self.changes if each.status in CHANGE_IN_PROGRESS}
        return [each.pk for each in self._posted(*statuses) if each.pk not in busy]

    def ask_for(self, what: Ask, keys: list[int]) -> None:
        """A person asks for this, of the postings with these keys."""
        rows, to = Posting.objects.filter(pk__in=keys), {"connection": self.connection, "user": self.person}
        match what:
            case Ask.TAKE_BACK:
                asking.undo(rows, **to)
            case Ask.APPROVE:
                asking.approve(rows, **to)
            case Ask.MAIL:
                asking.send(rows, **to)
            case Ask.MAIL_AGAIN:
                steps = onward.of_sending(rows, again=True)
                self.said.update(each.posting.xero_id for each in steps if each.fate == onward.Fate.SEND_AGAIN)
                asking.send(rows, again=True, **to)
            case Ask.WITHDRAW:
                transitions.withdraw(DocumentChange.objects.filter(posting__in=rows))

    def post_again(self, status: str, goes_on: str) -> None:
        """A person posts again whatever is not in Xero, and approves and sends it in one go or not."""
        every, to = Invoice.objects.all(), self.connection
        queueing.enqueue(every, connection=to, user=None, invoice_status=status, onward=goes_on)

    # What workers do, and people while they wait for a look in Xero

    def go_on(self, chance: Chance) -> None:
        """A worker goes on to its next stop, or dies where it stands."""
        worker = self.workers[chance.which % len(self.workers)]
        if chance.moves is None:
            self._go(worker, fate=chance.fate, moves=None)
        else:
            self.workers.remove(worker)
            worker.kill()

    def post(self, chance: Chance) -> None:
        """A worker posts, or looks up what became of it."""
        self._work(self._posting(), chance)

    def change(self, chance: Chance) -> None:
        """A worker sends what was asked of documents, or looks up what became of it."""
        self._work(self._changing(), chance)

    def look(self, chance: Chance) -> None:
        """A worker reads back what became of documents, asks for what follows, or releases what the dead held; or a
        person links what somebody made by hand, or asks once more for what was refused."""
        self._work(self._looking(), chance)

    def _work(self, works: list[Work], chance: Chance) -> None:
        """Begin one of these and go on to one of its stops, or die on the way."""
        self._begin(works[chance.which % len(works)], chance.moves)
        worker, stops = (self.workers[-1] if self.workers else None), chance.stops
        while worker and not worker.ended and stops:
            stops -= 1
            self._go(worker, fate=chance.fate, moves=chance.moves)

    def _posting(self) -> list[Work]:
        return _to_do(self.rows, posting_sender.send_next, posting_reconciliation.reconcile)

    def _changing(self) -> list[Work]:
        return _to_do(self.changes, sender.send_next, reconciliation.reconcile)

    def _looking(self) -> list[Work]:
        expired = {"lease_until__lt": clock.now()}
        works: list[Work] = []
        if any(each.objects.open().filter(**expired).exists() for each in (Submission, ChangeCall)):
            works.append(lambda connection: leases.release_expired())
        if any(self._differs(each) for each in self._posted()):
            works.append(self.read_back)
        if self._may_be_linked():
            works.append(self.link)
        if self._follows():
            works.append(self.ask_what_follows)
        if self._notes():
            works.append(self.allocate_again)
        return works

    def read_back(self, connection: XeroConnection) -> None:
        """Read back what became of posted documents."""
        reading.by_id(connection, Posting.objects.filter(status=Status.POSTED), DocumentEvent.Source.POLL)

    def _differs(self, row: Posting) -> bool:
        return any(ours != theirs for ours, theirs in self._told(row).values())

    def _told(self, row: Posting) -> dict[str, tuple[Any, Any]]:
        """Return by column of a posting what it says, and the books."""
        there = self.books.document(row.xero_id)
        return {name: (getattr(row, name), there[key]) for key, name in BALANCES.items() if key in there}

    def link(self, connection: XeroConnection) -> None:
        """A person links what somebody made by hand."""
        linking.link(Invoice.objects.all(), connection, user=self.person, invoice_status="DRAFT", source=None)

    def _may_be_linked(self) -> bool:
        made = {each["Number"] for each in self.books.by_hand()}
        return any(each.number_in_xero in made for each in self.rows if each.status in UPLOADABLE)

    def ask_what_follows(self, connection: XeroConnection) -> None:
        """Ask for what is due by itself: the next step of an upload, and credit to be allocated."""
        self.followed = self._facts()
        follow_ups.queue(connection)
        allocating.queue_due(connection)

    def _follows(self) -> bool:
        if self.followed == self._facts():
            return False
        owed = [each for each in self._posted(DocumentStatus.AUTHORISED) if each.amount_due]
        may_be_set_off = {each.document_type for each in owed} == set(DocumentType)
        return may_be_set_off or any(each.onward and not each.onward_ended_at for each in self.uploads)

    def _facts(self) -> list[tuple[Any, ...]]:
        return [*((each.status, each.xero_status) for each in self.rows), *((each.status,) for each in self.changes)]

    def allocate_again(self, connection: XeroConnection) -> None:
        """A person asks once more for credit notes to be set against what they correct."""
        for each in self._notes():
            allocating.again(each, self.person)

    def _notes(self) -> list[Posting]:
        ended = {each.posting_id for each in self.changes if each.kind == ChangeKind.ALLOCATE and each.status in LEFT}
        return [each for each in self._posted() if each.pk in ended and each.invoice.corrects_id]

    # What happens besides

    def wait(self, chance: Chance) -> None:
        """Time passes; what Xero had put off until then is done."""
        self.clock.shift(chance.seconds)
        self.books.finish_in_time(timezone.now())
        if not self.books.unique:
            self.books.finish_late(timezone.now())

    def finish(self, chance: Chance) -> None:
        """Xero carries out what it had put off."""
        self.books.finish_late()

    def by_hand(self, chance: Chance) -> None:
        """Somebody deletes, voids, approves, mails or pays a document in Xero, or makes one there."""
        self.hands -= 1
        ways, made = self.books.may_be_done_by_hand(), self._not_there()
        place = chance.what % (len(ways) + len(made))
        if place < len(ways):
            self.books.do_by_hand(*ways[place])
        else:
            self.make_by_hand(made[place - len(ways)], chance.status)

    def make_by_hand(self, row: Posting, status: str) -> None:
        """Somebody makes the document of a posting."""
        made, number = self.makeable.pop(row.invoice.xero_number), row.number_in_xero
        self.books.post_by_hand(made | {"Number": number, kind_of(row).number_key: number, "Status": status})
        # What was refused for it may be there all the same.
        self.forgotten.add(row.invoice.xero_number)

    def _not_there(self) -> list[Posting]:
        """Return what somebody may make by hand, once each: the portal does not know it to be in Xero."""
        if not self.books.unique:
            return []
        free = self.makeable.keys() - {*self.books.numbers()}
        return [each for each in self.rows if each.status != Status.POSTED and each.invoice.xero_number in free]

    # What must hold at every moment

    @invariant()
    def all_is_well(self) -> None:
        """Besides what holds of posting: what was done was done once, and as it was asked."""
        self._look()
        super().all_is_well()
        self._what_is_done_is_in_the_books()
        self._no_mail_is_sent_twice_unsaid()
        self._no_credit_is_allocated_twice()

    def _what_is_posted_is_there(self) -> None:
        for row in self._posted():
            document = self.books.document(row.xero_id)
            assert document["Number"] == row.number_in_xero
            assert document[kind_of(row).id_key] == row.xero_id
            assert document["Total"] == row.xero_total
            assert row.xero_status not in GONE or document["Status"] == row.xero_status
        for past in PastDocument.objects.all():
            assert self.books.document(past.xero_id)["Status"] == past.status
        undone = self._numbers(Status.UNDONE) - self.forgotten
        assert not undone & {*self.xero.numbers(), *self.xero.expected()}

    def _numbers(self, status: str) -> set[str]:
        return {each.invoice.xero_number for each in self.rows if each.status == status}

    def _what_is_done_is_in_the_books(self) -> None:
        ends = {
            ChangeKind.DELETE: GONE,
            ChangeKind.VOID: GONE,
            ChangeKind.APPROVE: (DocumentStatus.AUTHORISED, DocumentStatus.PAID, DocumentStatus.VOIDED),
        }
        for each in self.changes:
            if each.status == Asked.DONE and each.kind in ends:
                assert self.books.document(each.xero_id)["Status"] in ends[ChangeKind(each.kind)]

    def _no_mail_is_sent_twice_unsaid(self) -> None:
        asked = [each for each in self.changes if each.kind == ChangeKind.SEND]
        may_have_left = Counter(each.xero_id for each in asked if each.status not in LEFT)
        sent = Counter(each.xero_id for each in self.books.mails if not each.by_hand)
        assert sent <= may_have_left, (sent, may_have_left)
        unsaid = {xero_id: count for xero_id, count in sent.items() if count > 1 + self.said[xero_id]}
        assert not unsaid, unsaid
        done = {each.xero_id for each in asked if each.status == Asked.DONE}
        assert done <= {each.xero_id for each in self.books.mails}

    def _no_credit_is_allocated_twice(self) -> None:
        asked = [each for each in self.changes if each.kind == ChangeKind.ALLOCATE]
        may_be = Counter((each.xero_id, each.details["invoice"]) for each in asked if each.status not in LEFT)
        done = Counter((each.xero_id, each.details["invoice"]) for each in asked if each.status == Asked.DONE)
        made = Counter((each.note, each.invoice) for each in self.books.allocations)
        assert done <= made <= may_be, (done, made, may_be)

    # And in the end

    def _calm(self) -> None:
        for _ in range(of_posting.ROUNDS):
            self.clock.shift(of_posting.LONG_ENOUGH)
            leases.release_expired()
            posting_reconciliation.reconcile(self.connection)
            reconciliation.reconcile(self.connection)
            self.read_back(self.connection)
            self._post_again_what_is_gone()
            while posting_sender.send_next(self.connection):
                pass
            self.ask_what_follows(self.connection)
            while sender.send_next(self.connection):
                pass
            if self._is_settled():
                self._states_agree_with_the_books()
                return
        raise AssertionError(f"Stuck: {dict(Counter(Posting.objects.values_list('status', flat=True)))}")

    def _post_again_what_is_gone(self) -> None:
        gone = dict(Posting.objects.filter(xero_status__in=GONE).values_list("xero_id", "xero_status"))
        taken_back.take_back(gone)
        self._look()
        if self._may_be_linked():
            self.link(self.connection)
        if Posting.objects.uploadable().exists():
            self.post_again("DRAFT", "")

    def _is_settled(self) -> bool:
        waiting = Posting.objects.exclude(status=Status.POSTED).exists()
        under_way = DocumentChange.objects.in_progress().exists()
        return not waiting and not under_way and not follow_ups.due().exists()

    def _states_agree_with_the_books(self) -> None:
        self.clock.shift(1)
        self.read_back(self.connection)
        self.all_is_well()
        for row in self.rows:
            told = self._told(row)
            assert not {name: both for name, both in told.items() if both[0] != both[1]}
            set_off = Counter(row.applied_credits.values_list("xero_id", "amount"))
            assert set_off == Counter(self.books.set_off_against(row.xero_id))


def _to_do(rows: Sequence[Posting] | Sequence[DocumentChange], send: Work, look: Work) -> list[Work]:
    """Return how a worker goes on with these."""
    is_due = any(each.status == Status.UNCERTAIN and each.not_before <= clock.now() for each in rows)
    is_queued = any(each.status == Status.QUEUED for each in rows)
    return [*([send] if is_queued else []), *([look] if is_due else [])]
