"""What a fetch came to, in words for pages, commands and notices."""

from __future__ import annotations

from collections import Counter

from c3_integration.client.errors import Problem
from c3_integration.models import C3Fetch
from invoices.fetching.downloads import EMPTY
from invoices.models import ImportRun

COUNTED = (
    ("invoices_new", "{} new"),
    ("invoices_updated", "{} changed"),
    ("invoices_differing", "{} that differ from what was sent"),
    ("invoices_held_back", "{} held back"),
)
WAITING = (ImportRun.State.COLUMNS, ImportRun.State.READY)
IN_HAND = (ImportRun.State.WAITING, ImportRun.State.RUNNING)
# What to do when a fetch fails, by what stood in its way.
NEXT = {
    Problem.SETTINGS: "A System Admin corrects Settings → Invoices from C3 and presses Test there.",
    Problem.SIGN_IN: "A System Admin corrects Settings → Invoices from C3 and presses Test there.",
    Problem.REFUSED: "Ask C3's support, with the id of the call, then fetch again.",
    Problem.UNAVAILABLE: "Fetch again later; the morning's fetch tries by itself.",
    Problem.DATA: "Open the imports that were refused, have them corrected in C3, then fetch again.",
    Problem.STOPPED: "Fetch again.",
    Problem.PORTAL: "Ask an administrator of the portal, then fetch again.",
}


def result(fetch: C3Fetch) -> str:
    """Return what has come in by now, such as "120 invoices new, 3 changed"; one sentence without its stop."""
    counts: Counter[str] = Counter()
    # What waited for a person at the fetch's end has come in since.
    for run in ImportRun.objects.filter(pk__in=[each["run"] for each in fetch.outcomes if each.get("run")]):
        counts.update({name: getattr(run, name) for name, _ in COUNTED})
    parts = [words.format(f"{counts[name]:,}") for name, words in COUNTED if counts[name]]
    said = [f"{_invoices(parts[0])}{''.join(f', {part}' for part in parts[1:])}"] if parts else []
    said += _waiting(fetch)
    return "; ".join(said) or "nothing new"


def _invoices(first: str) -> str:
    count, _, rest = first.partition(" ")
    return f"{count} {'invoice' if count == '1' else 'invoices'} {rest}"


def _waiting(fetch: C3Fetch) -> list[str]:
    said = []
    if count := len(waiting_runs(fetch)):
        said.append(f"{_periods(count)} for someone to match columns or look at the dry run")
    if count := sum(each["result"] in IN_HAND for each in fetch.outcomes):
        said.append(f"{_periods(count)} for a worker to import")
    return said


def _periods(count: int) -> str:
    return "1 period waits" if count == 1 else f"{count} periods wait"


def waiting_runs(fetch: C3Fetch) -> list[ImportRun]:
    """Return the imports of this fetch that still wait for a person."""
    keys = [each["run"] for each in fetch.outcomes if each.get("run") and each["result"] in WAITING]
    return list(ImportRun.objects.filter(pk__in=keys, state__in=WAITING).order_by("pk"))


def next_step(fetch: C3Fetch) -> str:
    """Return what to do about a fetch that failed, "" where there is nothing."""
    return NEXT.get(Problem(fetch.problem), "") if fetch.problem else ""


def outcome_words(outcome: dict[str, object], run: ImportRun | None) -> str:
    """Return what became of one period: where its import stands now, else why there was none."""
    if run is not None:
        return str(run.get_state_display())
    return "Nothing in it" if outcome["result"] == EMPTY else "Failed"
