"""Which processes live, who may claim work, and what comes free when one dies."""

from __future__ import annotations

import datetime as dt
import logging
import math
import os
import socket
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import Error, connections
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from c3portal.database import clock
from c3portal.models import LiveProcess

logger = logging.getLogger(__name__)

Kind = LiveProcess.Kind

# In seconds, by a thread of its own, so that long work looks no different from short.
SIGN_EVERY = 4.0
# With the longest wait for the next look, a process that died is known to be dead within 20 seconds.
SILENCE = 12.0
# How old another's sign may be for a new process to go by it, in seconds.
KNOWN = 60.0
# For what may still name a dead process.
KEPT = dt.timedelta(days=1)
# How often a wrong clock is said again.
WARN_EVERY = 60.0


class Life:
    """This process, as the others know it by `id`."""

    def __init__(self, kind: str, free: Callable[[], object]) -> None:
        self.kind, self.free, self.pid = kind, free, os.getpid()
        self.id, self.is_known = uuid.uuid4(), False
        # The last sign: by the database's clock, and by one that nobody sets.
        self.seen_at: dt.datetime | None = None
        self.signed = self.steady_since = self.warned_at = -math.inf
        self.over = threading.Event()

    def run(self) -> None:
        """Sign until `end`; no error stops it."""
        while not self.over.is_set():
            try:
                self.sign()
                self.declare_dead()
            except Exception as error:
                # Who does not sign is taken for dead.
                logger.warning("This process could not send its heartbeat: %s", type(error).__name__)
                connections.close_all()
            self.over.wait(SIGN_EVERY)

    def sign(self) -> None:
        """Write that this process lives and how its clock stands. Raises django.db.Error."""
        if not self.is_known:
            self._learn()
        present, ahead = clock.compare()
        jumped, elapsed = self.has_jumped(present), clock.elapsed()
        facts = {"seen_at": present, "clock_ahead": ahead.total_seconds(), "elapsed": elapsed}
        if not LiveProcess.objects.filter(pk=self.id, dead_at=None).update(**facts):
            self._begin(facts)
        if jumped:
            self.note_jump(present)
        if elapsed - self.signed > 2 * SIGN_EVERY:
            self.steady_since = elapsed
        self.seen_at, self.signed = present, elapsed
        self._log_clock(ahead)

    def _learn(self) -> None:
        # What another on this machine signed tells of the time before this process: its clock jumps too.
        others = LiveProcess.objects.filter(boot=clock.boot(), elapsed__gt=clock.elapsed() - KNOWN).exclude(boot="")
        if last := others.order_by("elapsed").last():
            self.seen_at, self.signed = last.seen_at, last.elapsed or 0
            self.steady_since = clock.elapsed()

    def _begin(self, facts: dict[str, Any]) -> None:
        # One that only stalled finds that out here; nothing that it held is its own any more.
        if self.is_known:
            logger.warning("This process was silent for so long that it was taken for dead; it goes on as a new one.")
            self.id = uuid.uuid4()
        LiveProcess.objects.create(
            id=self.id,
            kind=self.kind,
            host=socket.gethostname()[:255],
            pid=self.pid,
            started_at=facts["seen_at"],
            boot=clock.boot(),
            # Who knows nothing of the time before says so: the clock may have jumped while nobody looked, as when a
            # machine starts again.
            jumped_at=facts["seen_at"] if self.seen_at is None else None,
            **facts,
        )
        self.is_known = True

    def has_jumped(self, present: dt.datetime) -> bool:
        """Whether the database's clock leapt between the last sign and `present`."""
        if self.seen_at is None:
            return False
        expected = self.seen_at + dt.timedelta(seconds=clock.elapsed() - self.signed)
        return abs(present - expected) > clock.WARN_FROM

    def note_jump(self, present: dt.datetime) -> None:
        """Let everyone know that the database's clock leapt."""
        # What is old by the clock may be young now. What was noted while the clock was ahead holds from now on, not
        # from a moment that is years away.
        LiveProcess.objects.filter(Q(pk=self.id) | Q(jumped_at__gt=present)).update(jumped_at=present)
        logger.error("The database's clock jumped to %s, or this machine stalled.", present.isoformat())
        self.seen_at, self.signed = None, -math.inf

    def _log_clock(self, ahead: dt.timedelta) -> None:
        if abs(ahead) > clock.WARN_FROM and self.signed - self.warned_at > WARN_EVERY:
            seconds, claims = ahead.total_seconds(), abs(ahead) <= clock.CLAIMS_UP_TO
            more = "." if claims else ", so this process claims no work until it is set right."
            logger.error("The clock of this machine is %+.1f seconds off the database's%s", seconds, more)
            self.warned_at = self.signed

    def declare_dead(self) -> None:
        """Declare the silent dead, and free what they held."""
        # Who could not sign declares nobody dead: when the database was away, or kept everybody waiting, silence says
        # nothing about the living.
        if self.seen_at is None or self.signed - self.steady_since < SILENCE:
            return
        silence = dt.timedelta(seconds=SILENCE)
        # A last sign in the future is from before the clock was put back.
        silent = Q(seen_at__lt=self.seen_at - silence) | Q(seen_at__gt=self.seen_at + silence)
        if died := LiveProcess.objects.filter(silent, dead_at=None).update(dead_at=self.seen_at):
            logger.warning("%d processes of the portal died or stalled; what they held is free.", died)
            self.free()

    def has_signed(self) -> bool:
        """Whether nobody takes this process for dead yet."""
        return self.is_known and clock.elapsed() - self.signed < SILENCE

    def release_all(self) -> None:
        """Hold nothing any more."""
        # What was held is free once the id that held it is missed.
        self.id, self.is_known = uuid.uuid4(), False

    def end(self) -> None:
        """Sign off: what is still held is free at once."""
        self.over.set()
        LiveProcess.objects.filter(pk=self.id, dead_at=None).update(dead_at=clock.now())


_lives: list[Life] = []


def start(kind: str) -> None:
    """Sign this process from now on, after its last fork."""
    _lives[:] = [Life(kind, import_string(settings.ON_DEAD_PROCESSES))]
    threading.Thread(target=_lives[0].run, name="signs of life", daemon=True).start()


def end() -> None:
    """Sign this process off, if it is known."""
    if life := _life():
        try:
            life.end()
        except Error:
            logger.warning("This process could not sign off; others notice soon that it is gone.")


@contextmanager
def released_on_error() -> Iterator[None]:
    """Release all that this process holds when the block raises."""
    try:
        yield
    except Exception:
        if life := _life():
            # Nobody goes on with it, and the database may be away, so that it cannot be said there.
            life.release_all()
        raise


def _life() -> Life | None:
    # One that came over by a fork is its parent's.
    return next((life for life in _lives if life.pid == os.getpid()), None)


def current() -> uuid.UUID | None:
    """Return this process's id; None for one that nobody watches, whose leases end by time."""
    life = _life()
    return life.id if life else None


def key() -> str:
    """Return a new name for something that this process holds."""
    mine = current()
    return f"{mine.hex if mine else ''}:{uuid.uuid4()}"


def is_of(key: str, dead: Collection[uuid.UUID]) -> bool:
    """Whether a dead process holds what goes by this name."""
    return any(key.startswith(f"{each.hex}:") for each in dead)


def may_claim(present: dt.datetime) -> bool:
    """Whether this process may take on work at `present`, the database's time."""
    # Its own clock must be right enough, and nobody may take it for dead.
    if abs(timezone.now() - present) > clock.CLAIMS_UP_TO:
        return False
    life = _life()
    return life is None or life.has_signed()


def certain_since(present: dt.datetime) -> dt.datetime | None:
    """Return since when the database's clock ran evenly up to `present`; None when no process ever signed."""
    life = _life()
    if life and life.has_jumped(present):
        life.note_jump(present)
    # One that began alone on its machine knows nothing of the time before.
    if life and not life.is_known:
        return present
    jumped_at: dt.datetime | None = LiveProcess.objects.aggregate(last=Max("jumped_at"))["last"]
    return jumped_at


def dead() -> set[uuid.UUID]:
    """Return the ids of those who died within a day; forget those before."""
    LiveProcess.objects.filter(dead_at__lt=clock.now() - KEPT).delete()
    return set(LiveProcess.objects.exclude(dead_at=None).values_list("pk", flat=True))


def living() -> set[uuid.UUID]:
    """Return the ids of those whom nobody declared dead."""
    return set(LiveProcess.objects.filter(dead_at=None).values_list("pk", flat=True))


def silences() -> dict[str, float]:
    """Return by kind the seconds until all of it count as dead, negative when they do."""
    present, longest = clock.now(), SILENCE + 2 * SIGN_EVERY
    # What lies further ahead was signed before the clock was put back; who lives has signed since.
    signed = LiveProcess.objects.filter(dead_at=None, seen_at__lte=present + dt.timedelta(seconds=longest))
    alive = signed.values_list("kind").annotate(last=Max("seen_at"))
    return {kind: longest - (present - last).total_seconds() for kind, last in alive}


def clocks() -> dict[str, list[float]]:
    """Return by kind the seconds by which each living process's clock is ahead, negative when behind."""
    ahead: dict[str, list[float]] = defaultdict(list)
    lately = clock.now() - dt.timedelta(seconds=2 * SILENCE)
    for kind, seconds in LiveProcess.objects.filter(dead_at=None, seen_at__gt=lately).values_list(
        "kind", "clock_ahead"
    ):
        ahead[kind].append(seconds)
    return ahead
