"""The words of each notice: what happened, what it means for the money, what to do next. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from c3portal.formats import amounts

REASONS_SHOWN = 5
REASON_LENGTH = 200
SUBJECT_LENGTH = 255
MOMENT = re.compile(r"<(\d{4}-\d\d-\d\dT[0-9:.]+\+00:00)>")


@dataclass(frozen=True)
class Words:
    subject: str
    body: str


@dataclass(frozen=True)
class Sum:
    """A number of invoices, and their totals by currency."""

    count: int = 0
    totals: Mapping[str, Decimal] = field(default_factory=dict)

    def __str__(self) -> str:
        money = " and ".join(amounts.written(total, currency) for currency, total in sorted(self.totals.items()))
        return f"{invoices(self.count)}, {money}" if money else invoices(self.count)


@dataclass(frozen=True)
class UploadOutcome:
    """What became of an upload; `reasons` are (words, how many invoices each stopped), most first."""

    organisation: str
    started_at: dt.datetime
    by: str
    period: str
    posted: Sum
    refused: Sum
    waited_for: Sum
    withdrawn: int
    uploaded_again: int
    differing: int
    reasons: Sequence[tuple[str, int]]


def moment(at: dt.datetime) -> str:
    """Return a mark for a point in time, which `in_zone` turns into words for each reader."""
    return f"<{at.astimezone(dt.UTC).isoformat(timespec='seconds')}>"


def in_zone(text: str, zone: dt.tzinfo) -> str:
    """Return `text` with its moments as this zone's clocks show them."""

    def words(found: re.Match[str]) -> str:
        at = dt.datetime.fromisoformat(found[1]).astimezone(zone)
        return f"{at:%A} {at.day} {at:%B %Y}, {at:%H:%M} ({zone})"

    return MOMENT.sub(words, text)


def invoices(count: int) -> str:
    """Return "1 invoice", "5,000 invoices"."""
    return "1 invoice" if count == 1 else f"{count:,} invoices"


def upload_finished(outcome: UploadOutcome) -> Words:
    """Return the notice of an upload that finished."""
    summary = [f"{invoices(outcome.posted.count)} in Xero"]
    if outcome.refused.count:
        summary.append(f"{outcome.refused.count:,} rejected")
    if outcome.waited_for.count:
        summary.append(f"{outcome.waited_for.count:,} confirming with Xero")
    end = "finished, but for the last answers" if outcome.waited_for.count else "finished"
    intro = (
        f"Upload of {moment(outcome.started_at)} to {outcome.organisation}: {end}. "
        f"By {outcome.by}; billing period: {outcome.period}."
    )
    return _words(
        f"{outcome.organisation}: {', '.join(summary)}",
        intro,
        "\n".join(_counts(outcome)),
        _reasons(outcome.reasons),
        _next_step(outcome),
    )


def _counts(outcome: UploadOutcome) -> Iterable[str]:
    yield f"In Xero: {outcome.posted}."
    if outcome.differing:
        yield f"Of these, {outcome.differing:,} with another total in Xero."
    if outcome.refused.count:
        yield f"Rejected by Xero: {outcome.refused}. Not in Xero."
    if outcome.waited_for.count:
        yield f"Confirming with Xero: {outcome.waited_for}. Not seen in Xero yet."
    if outcome.withdrawn:
        yield f"Withdrawn: {invoices(outcome.withdrawn)}."
    if outcome.uploaded_again:
        yield f"Uploaded again since: {invoices(outcome.uploaded_again)}."


def _reasons(reasons: Sequence[tuple[str, int]]) -> str:
    if not reasons:
        return ""
    lines = [f"- {invoices(count)}: {_short(words)}" for words, count in reasons[:REASONS_SHOWN]]
    if rest := reasons[REASONS_SHOWN:]:
        more = "another reason" if len(rest) == 1 else f"{len(rest):,} other reasons"
        lines.append(f"- {invoices(sum(count for _, count in rest))}: {more}")
    return "\n".join(["Why they were rejected:", *lines])


def _next_step(outcome: UploadOutcome) -> str:
    if outcome.waited_for.count:
        return "What to do: wait; nothing is sent twice. If it takes long, press “Check with Xero now” on the upload."
    if outcome.refused.count:
        return "What to do: fix them, then press “Upload again” on the upload's page. Nothing is sent twice."
    return "Nothing is left to do."


def credit_notes(count: int) -> str:
    """Return "1 credit note is", "5,000 credit notes are"."""
    return "1 credit note is" if count == 1 else f"{count:,} credit notes are"


def posted_twice(organisation: str, count: int, totals: Mapping[str, Decimal]) -> Words:
    """Return the notice of `count` credit notes in Xero more than once; `totals` by currency, each counted once."""
    sums = ", ".join(amounts.written(total, currency) for currency, total in sorted(totals.items()))
    return _words(
        f"{organisation}: {credit_notes(count)} in Xero more than once",
        f"Their customers are credited more than once. Once, they come to {sums}.",
        "What to do: void all but one of each in Xero; the upload's page links them. "
        "Then press “Check with Xero now” there.",
    )


@dataclass(frozen=True)
class Changed:
    """How many documents were changed in Xero, of which billing periods, and in what way (words and how many each)."""

    sum: Sum
    periods: Sequence[str]
    ways: Mapping[str, int]


def changed_in_xero(organisation: str, found: Changed) -> Words:
    """Return the notice of documents that somebody changed in Xero after they were posted."""
    count = found.sum.count
    one = count == 1
    ways = "\n".join(f"- {words}: {invoices(each)}" for words, each in found.ways.items() if each)
    return _words(
        f"{organisation}: {invoices(count)} {'was' if one else 'were'} changed in Xero",
        f"{found.sum}, of the billing period{'' if len(found.periods) == 1 else 's'} "
        f"{_short(', '.join(found.periods))}.",
        ways,
        "What is voided or deleted in Xero is not owed any more.",
        "What to do: in the list, accept each, post it again, or exclude it.",
    )


def needs_reconnecting(organisation: str, reason: str, connected: str, waiting: int) -> Words:
    """Return the notice of a connection that Xero refuses for `reason`; `connected`: by whom and when, or ""."""
    return _words(
        f"{organisation}: the connection to Xero needs reconnecting",
        f"{_sentence(reason)} {connected}".strip(),
        _what_waits(waiting, "are sent once it is connected again"),
        "What to do: as System Admin or Finance Admin, press “Reconnect to Xero” at the top of the page, and allow "
        f"access as a Xero user of {organisation}.",
    )


def token_dies(organisations: str, days: int, at: dt.datetime, last_used_at: dt.datetime, waiting: int) -> Words:
    """Return the notice of a refresh token that ends at `at`, within `days` days."""
    return _words(
        f"{organisations}: the sign-in to Xero ends within {days} days",
        f"Last renewed on {moment(last_used_at)}, it ends on {moment(at)}. Uploads then stop.",
        _what_waits(waiting, "are sent once the sign-in works"),
        "What to do: press “Refresh” beside the connection. If that fails, connect to Xero again. "
        "If it works, an administrator looks at the worker and the scheduler.",
    )


def day_limit(organisation: str, until: dt.datetime, waiting: int) -> Words:
    """Return the notice of a daily limit used up `until` then."""
    return _words(
        f"{organisation}: Xero's daily limit is reached",
        f"The portal goes on by itself on {moment(until)}.",
        _what_waits(waiting, "are sent then, each once"),
        "What to do: nothing. Before you enter a waiting invoice in Xero by hand, withdraw it on its upload's page.",
    )


def mapping_drift(organisation: str, findings: Sequence[tuple[str, Sequence[str]]]) -> Words:
    """Return the notice of choices that no longer fit; `findings` are (words, places of use)."""
    many = len(findings) != 1
    lines = [f"- {words}{_places(places)}" for words, places in findings]
    return _words(
        f"{organisation}: {len(findings):,} chosen {'things no longer fit' if many else 'thing no longer fits'}",
        f"Changed in {organisation} since they were chosen:",
        "\n".join(lines),
        "Invoices that need them are blocked; all others are posted.",
        "What to do: choose anew in Settings, or undo the change in Xero and press “Refresh”.",
    )


def _places(places: Sequence[str]) -> str:
    return f" Used in: {_short('; '.join(places))}." if places else ""


def c3_fetch_failed(at: dt.datetime, reason: str, next_step: str, correlation_id: str) -> Words:
    """Return the notice of a fetch from C3 that failed at `at`; `correlation_id` is C3's id of its last call, or ""."""
    return _words(
        "Fetching invoices from C3 failed",
        f"It failed on {moment(at)}. {_sentence(reason)}",
        "New or changed billing periods may be missing here. Nothing was sent to Xero.",
        f"What to do: {next_step or 'open the page of the fetch.'}",
        f"C3's id of the last call: {correlation_id}" if correlation_id else "",
    )


def c3_fetch_waits(files: Sequence[str]) -> Words:
    """Return the notice of what came from C3 and waits until someone matches its columns."""
    many = len(files) != 1
    periods = f"{len(files):,} billing periods" if many else "A billing period"
    return _words(
        f"{periods} from C3 {'wait' if many else 'waits'} for someone to match columns",
        f"{_short(', '.join(files))}.",
        "Their invoices are not in the portal yet.",
        "What to do: open them from the list of invoices and confirm the columns, once.",
    )


def webhook_test(by: str) -> Words:
    """Return the text of a test that `by` sends."""
    return _words("A test of this webhook", f"{by} pressed “Send a test”. Nothing is left to do.")


def _what_waits(waiting: int, then: str) -> str:
    if not waiting:
        return "No invoice is waiting."
    verb = "waits" if waiting == 1 else "wait"
    return f"{invoices(waiting)} {verb}: none is lost or sent twice; they {then}."


def _sentence(words: str) -> str:
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= REASON_LENGTH else f"{words[: REASON_LENGTH - 1].rstrip()}…"


def _words(subject: str, *paragraphs: str) -> Words:
    return Words(" ".join(subject.split())[:SUBJECT_LENGTH], "\n\n".join(each for each in paragraphs if each))
