"""How many calls it takes to know for a day what becomes of posted documents in Xero.

All documents are posted and open; then the day: one quarter of an hour after another what people do in Xero meanwhile,
and the poll that is due; in the middle of it the night's full reading. The quarters do not pass, they are declared
over. At the end each document's state must be that of the books. Writes its section of docs/performance.md; `--quick`
is a small one that writes nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import invoices
from bench.environment import Stage, tally
from bench.measure import UNLIMITED
from bench.repeated import verdict
from bench.section import REPORT, put_section

if TYPE_CHECKING:
    from xero_integration.models import XeroConnection

MOST = 1.2
TITLE = "What became of it"
POLLS = 24 * 4
PAGE = 1000
YESTERDAY = -24 * 3600.0


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    documents: int = 20_000
    changes: int = 500
    polls: int = POLLS


QUICK = Plan(documents=400, changes=24, polls=8)


@dataclass(frozen=True)
class Outcome:
    """The calls of the day, the fewest that can do, and how many documents are shown otherwise than Xero has them."""

    calls: int
    least: int
    wrong: int

    @property
    def ratio(self) -> float:
        return self.calls / self.least


def run(folder: Path, plan: Plan) -> Outcome:
    """Post the documents and live through the day."""
    with Stage(folder) as stage:
        stage.control.set_limits(**UNLIMITED)
        # What is posted today would be listed with every change of today.
        stage.control.shift_clock(YESTERDAY)
        (connection,) = stage.connect()
        _post(connection, plan.documents)
        stage.control.shift_clock(0)
        _read(connection)
        stage.control.forget()
        _live_through_the_day(stage, connection, plan)
        calls = len(stage.control.calls())
        return Outcome(calls, _least(plan), _wrong(stage))


def _post(connection: XeroConnection, count: int) -> None:
    from invoices.models import Invoice, Posting
    from invoices.posting import queueing, sender, worker

    invoices.make(count, customers=max(1, count // 20), lines=1)
    queueing.enqueue(Invoice.objects.all(), connection=connection, user=None, invoice_status="AUTHORISED")
    worker.reconcile_and_link_contacts(connection)
    while sender.send_next(connection):
        pass
    posted = Posting.objects.filter(status="posted").count()
    if posted != count:
        raise RuntimeError(f"Only {posted} of {count} were posted.")


def _read(connection: XeroConnection, *, at_night: bool = False) -> None:
    """Read what is due, once a wait or a night is over."""
    from c3portal.database import clock
    from invoices.models import ReadingState
    from invoices.readback import schedule

    now = clock.now()
    rows = ReadingState.objects.filter(connection=connection)
    rows.update(next_poll_at=now)
    if at_night:
        rows.update(reconciled_at=now - dt.timedelta(days=2))
    if connection.pk not in schedule.due():
        raise RuntimeError("Nothing is due, though the wait is over.")
    schedule.read(connection)
    if not rows.filter(changes_read_until__gte=now).exists():
        raise RuntimeError("It was not read.")


def _live_through_the_day(stage: Stage, connection: XeroConnection, plan: Plan) -> None:
    from invoices.models import Invoice

    numbers = list(Invoice.objects.order_by("number").values_list("number", "total")[: plan.changes * 4 : 4])
    done = 0
    for poll in range(plan.polls):
        until = plan.changes * (poll + 1) // plan.polls
        for turn, (number, total) in enumerate(numbers[done:until], start=done):
            _change(stage, turn, number, is_credit_note=total < 0)
        done = until
        _read(connection, at_night=poll == plan.polls // 2)


def _change(stage: Stage, turn: int, number: str, *, is_credit_note: bool) -> None:
    if is_credit_note:
        stage.control.void(number, type="ACCRECCREDIT")
    elif turn % 3 == 0:
        stage.control.void(number)
    elif turn % 3 == 1:
        stage.control.pay(number)
    else:
        stage.control.pay(number, "1.00")


def _least(plan: Plan) -> int:
    """Return the fewest calls: one for each kind of document and poll, and in place of one of these polls at night one
    for each 1,000 documents."""
    notes = plan.documents // 40
    night = math.ceil((plan.documents - notes) / PAGE) + math.ceil(notes / PAGE)
    return 2 * (plan.polls - 1) + night


def _wrong(stage: Stage) -> int:
    from invoices.models import Posting

    rows = Posting.objects.filter(status="posted").values_list("invoice__xero_number", "xero_status")
    known = dict(rows)
    books = {each["number"]: each["status"] for each in stage.control.documents()}
    return sum(1 for number, status in books.items() if known.get(number) != status)


def section(outcome: Outcome, plan: Plan) -> str:
    """Return the section of the report."""
    calls = f"{outcome.calls:,} = {outcome.ratio:.2f} × | {verdict(outcome.ratio <= MOST)}"
    target = f"at most {MOST} × the {outcome.least:,} that it takes at least"
    return f"""## {TITLE}

Measured on {dt.datetime.now(tz=dt.UTC).date()} with `make bench` ({os.cpu_count()} processors, {platform.system()}
{platform.machine()}, Python {platform.python_version()}): {plan.documents:,} open documents, every 40th a credit note,
and a day in which {plan.changes:,} of them are paid, paid in part or voided in Xero.

| what | target | measured | |
|---|---|---|---|
| Calls to know it within a quarter of an hour | {target} | {calls} |
| Documents whose state is not that of the books at its end | 0 | {outcome.wrong:,} | {verdict(not outcome.wrong)} |

The least possible: Xero tells a change only to who asks, and has one list for invoices and one for credit notes, so
{plan.polls} times a day one call each. Since `If-Modified-Since` misses some changes, one of these times everything is
read: a call for each 1,000. What is measured above that are payments of what changed since the last poll before the
night, which that list leaves out. With a webhook each document that it names is read at once: one call for each moment
in which something happens, {plan.changes:,} at most, which nobody can do without who wants to know it within a minute.
"""


def main() -> int:
    """Run from the command line; exit 1 when it takes too many calls or a state is wrong."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a few documents; writes nothing")
    quick = arguments.parse_args().quick
    plan = QUICK if quick else Plan()
    with tempfile.TemporaryDirectory(prefix="readback-") as folder:
        outcome = run(Path(folder), plan)
    rows = [("Calls", outcome.calls), ("Least", outcome.least), ("Ratio", round(outcome.ratio, 3))]
    print(tally([*rows, ("Wrong", outcome.wrong)]))
    if not quick:
        put_section(TITLE, section(outcome, plan))
        print(f"Written: {REPORT.name}, {TITLE}")
    return 1 if outcome.wrong or outcome.ratio > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
