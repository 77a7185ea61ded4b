"""A fetch from C3, from its list of periods to the imports: each period comes in whole, or is told."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from c3_integration import fetches
from c3_integration.client.calls import C3
from c3_integration.client.errors import C3Error, C3Refused, Problem
from c3_integration.fetches import LeaseLost
from c3_integration.models import C3Fetch, C3Settings
from c3_integration.tokens import KeptTokens
from c3portal.audit import record as audit
from c3portal.database import clock, outages
from c3portal.outgoing.http_client import SinkFailed
from invoices.fetching import customers, downloads, known
from invoices.fetching.plan import Listed, Plan, plan
from invoices.models import BillingPeriod, ImportRun

if TYPE_CHECKING:
    from c3portal.audit.record import Source

logger = logging.getLogger(__name__)

# A period takes three hours and a half at the most: its download, the pauses between tries, looking through it and
# importing it, and waiting for another file. What is left of a long fetch comes with the next.
SOFT_TIME_LIMIT, TIME_LIMIT = 6 * 3600, 6 * 3600 + 300

State, Trigger = C3Fetch.State, C3Fetch.Trigger
DISK_FULL = (
    "The disk is full, so the download was not kept. What was imported until then is complete. Ask an administrator of "
    "the portal to make room, then fetch again."
)
BROKE = (
    "The portal made a mistake, so the fetch ended. What was imported until then is complete. The portal's log says "
    "more: ask an administrator."
)
TOOK_TOO_LONG = (
    f"The fetch took longer than {SOFT_TIME_LIMIT // 3600} hours, so it ended. What was imported until then is "
    "complete. Fetch again: the rest comes in then."
)
NOT_READABLE = "Of some of what C3 sent nothing was imported: its page says why."


def run(fetch: C3Fetch, source: Source = None) -> bool:
    """Do what a fetch that waits is for, and close it; return False when another process has it or it ended.

    Whatever is imported is imported whole; what fails is told by the fetch's `problem` and `reason`. Raises what is
    unforeseen, after noting that.
    """
    if not fetches.take(fetch):
        return False
    try:
        _work(fetch, source)
    except LeaseLost:
        logger.warning("Fetch %s was closed meanwhile; this process goes no further with it.", fetch.pk)
    except C3Error as error:
        # The reason, in C3's words, is on the fetch's page: it may name a customer.
        logger.warning(
            "Fetch %s failed: %s, RequestCorrelationID %s",
            fetch.pk,
            type(error).__name__,
            error.correlation_id or "none",
        )
        _fail(fetch, source, error.problem, str(error), error.correlation_id)
    except SoftTimeLimitExceeded:
        logger.warning("Fetch %s took too long.", fetch.pk)
        _fail(fetch, source, Problem.STOPPED, TOOK_TOO_LONG)
        raise
    except BaseException as error:
        is_full = outages.is_full(error)
        _fail(fetch, source, Problem.PORTAL, DISK_FULL if is_full else BROKE)
        if not is_full:
            raise
    finally:
        downloads.clear(fetch)
    return True


def _work(fetch: C3Fetch, source: Source) -> None:
    """Raises C3Error, LeaseLost."""
    app = C3Settings.load()
    zone = known.zone_of(app.time_zone)
    c3 = C3(app.api_url, KeptTokens(app))
    listed = [known.in_our_days(each, zone) for each in c3.periods()]
    known.keep_c3_ids(listed)
    planned = _planned(fetch, listed, zone)
    fetch.notes = [*planned.refused, *planned.notes]
    fetches.report(fetch, notes=fetch.notes)
    refusals = _bring_in_all(c3, planned, fetch, source)
    _enrich(c3, fetch)
    if refusals:
        raise refusals[0]
    if planned.refused:
        raise _NotUsable(planned.refused[0])
    if any(each["result"] == ImportRun.State.REFUSED for each in fetch.outcomes):
        raise _NotUsable(NOT_READABLE)
    _finish(fetch, source, State.DONE)


class _NotUsable(C3Error):
    """C3 sent something of which nothing can come in."""

    problem = Problem.DATA


def _planned(fetch: C3Fetch, listed: list[Listed], zone: dt.tzinfo) -> Plan:
    if fetch.only_period:
        return Plan([_asked_for(fetch.only_period, listed)])
    # Whoever presses a button wants what was taken back, too.
    taken_back = known.taken_back() if fetch.trigger == Trigger.SCHEDULE else ()
    today = clock.now().astimezone(zone).date()
    keep_fresh = dt.timedelta(days=settings.C3_KEEP_FRESH_DAYS)
    return plan(listed, known.known_periods(), today, keep_fresh, taken_back)


def _asked_for(wanted: str, listed: list[Listed]) -> Listed:
    """Return the period of this BillingId, or of this ID at C3. Raises C3Refused when neither is known."""
    for each in listed:
        if wanted in (each.billing_id, str(each.c3_id)):
            return each
    older = BillingPeriod.objects.filter(billing_id=wanted).exclude(c3_id=None).first()
    if older and older.c3_id is not None:
        return Listed(older.c3_id, older.billing_id, older.starts_on, older.ends_on)
    there = ", ".join(each.billing_id for each in listed) or "none"
    raise C3Refused(f"C3 lists no billing period {wanted}. It lists: {there}.")


def _bring_in_all(c3: C3, planned: Plan, fetch: C3Fetch, source: Source) -> list[C3Refused]:
    """Download and import each; what C3 refuses of one does not keep the others away. Raises any other C3Error."""
    refusals = []
    for period in planned.downloads:
        try:
            outcome = downloads.bring_in(c3, period, fetch, source)
        except SinkFailed as error:
            raise error.__cause__ or error from error
        except C3Error as error:
            _keep(fetch, downloads.failed(period, str(error), error.correlation_id))
            if not isinstance(error, C3Refused):
                raise
            refusals.append(error)
        else:
            _keep(fetch, outcome)
    return refusals


def _keep(fetch: C3Fetch, outcome: dict[str, Any]) -> None:
    fetch.outcomes = [*fetch.outcomes, outcome]
    fetches.report(fetch, outcomes=fetch.outcomes, bytes_read=fetch.bytes_read, lines=fetch.lines)


def _enrich(c3: C3, fetch: C3Fetch) -> None:
    fetches.report(fetch, period="")
    try:
        customers.enrich(c3)
    except C3Error as error:
        # Invoices do not need it.
        logger.warning("C3's customers could not be read: %s", error)
        fetch.notes = [*fetch.notes, f"What C3 knows of customers was not read: {error}"]


def _fail(fetch: C3Fetch, source: Source, problem: str, reason: str, correlation_id: str = "") -> None:
    facts = {"problem": problem, "reason": reason}
    if correlation_id:
        facts["correlation_id"] = correlation_id
    try:
        _finish(fetch, source, State.FAILED, **facts)
    except Exception:
        logger.exception("How fetch %s ended could not be noted.", fetch.pk)


def _finish(fetch: C3Fetch, source: Source, state: str, **facts: Any) -> None:
    fetches.finish(fetch, state, notes=fetch.notes, **facts)
    after: dict[str, Any] = {"Result": fetch.get_state_display(), "Reason": fetch.reason}
    after["Periods"] = [f"{each['billing_id']}: {each['result']}" for each in fetch.outcomes]
    after["RequestCorrelationID"] = fetch.correlation_id
    audit.record(
        source,
        audit.Action.IMPORT,
        "Fetched from C3",
        after={label: value for label, value in after.items() if value},
        actor=fetch.user,
    )
