"""What blocks the invoices of a billing period that are not posted yet, by the preflight's rules, and what of the
settings no longer fits: found beside the pages, and kept."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from django.db.models import Max, QuerySet

from c3portal.database import clock
from c3portal.models import AuditEntry
from invoices.documents.rules import Fix, Problem, Severity
from invoices.models import AttentionCheck, BillingPeriod, Invoice, Posting
from invoices.overrides import drift
from invoices.preflight import contact_check
from invoices.preflight.preflight import OUTDATED, Group, Inspection, Verdict, inspect
from xero_integration.models import XeroConnection, XeroSettings

_Action = AuditEntry.Action
# What is done under these may change what blocks an invoice.
_CHANGES = (
    _Action.SETTINGS,
    _Action.MAPPING,
    _Action.CONTACT,
    _Action.CONNECTION,
    _Action.IMPORT,
    _Action.UPLOAD,
    _Action.WITHDRAW,
    _Action.IGNORE,
)


def check(period: BillingPeriod, connection: XeroConnection, *, anew: bool = False) -> AttentionCheck:
    """Check what is not posted of the period without asking Xero, and keep what was found; nothing is done where
    nothing changed since the last time, unless `anew`."""
    known = _known(period, connection)
    last = AttentionCheck.objects.filter(period=period).defer("invoice_ids").first()
    if last and not anew and last.known == known and last.connection_id == connection.pk:
        return last
    # What was rejected has Xero's own words for its cause.
    waiting = Invoice.objects.filter(period=period).uploadable().exclude(posting__status=Posting.Status.REJECTED)
    found = inspect(waiting, connection, invoice_status=XeroSettings.load().invoice_status, look_up_in_xero=False)
    groups = [group for group in found.groups() if _stops(group.problem)]
    kept, _ = AttentionCheck.objects.update_or_create(
        period=period,
        defaults={
            "connection": connection,
            "problems": [_kept(group) for group in groups],
            "invoice_ids": {key_of(group.problem): _ids(group) for group in groups},
            "drift": [
                {"words": each.words, "places": len(each.places), "url": where.url, "general": where.is_general}
                for each in drift.find(connection)
                if each.needs_mending and (where := each.places[0])
            ],
            "invoices": len(found.rows),
            "blocked": _stopped(found),
            "known": known,
            "checked_at": clock.now(),
        },
    )
    return kept


def forget(checks: QuerySet[AttentionCheck]) -> None:
    """Forget what these found to block."""
    found = checks.exclude(known="")
    found.update(problems=[], drift=[], invoice_ids={}, invoices=0, blocked=0, needs_attention=0, known="")


def problems(kept: AttentionCheck) -> list[tuple[Problem, int, dict[str, Decimal]]]:
    """Return what was found: the problem, how many invoices have it, and what they come to by currency."""
    return [
        (
            Problem(each["code"], each["subject"], each["words"], Fix(each["fix"]), Severity(each["severity"])),
            each["count"],
            {code: Decimal(amount) for code, amount in each["money"].items()},
        )
        for each in kept.problems
    ]


def key_of(problem: Problem) -> str:
    """Return what names a problem that blocks in an address."""
    facts = "\n".join((problem.code, problem.subject, problem.words))
    # It begins with a letter: within JSON a key of digits alone is taken for a place in a list.
    return f"b{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


def _ids(group: Group) -> list[str]:
    return [str(each.invoice.pk) for each in group.invoices]


def _known(period: BillingPeriod, connection: XeroConnection) -> str:
    """Return what changes whenever the outcome may."""
    last_change = AuditEntry.objects.filter(action__in=_CHANGES).aggregate(last=Max("pk"))["last"]
    imported = Invoice.objects.filter(period=period).aggregate(last=Max("imported_at"))["last"]
    return f"{connection.pk} {last_change} {imported} {connection.reference_read_at}"


def _stops(problem: Problem) -> bool:
    # Whether one looks the same as another, or is out of date, is asked of the whole list, not of a period (causes.py).
    if problem.code == contact_check.ALIKE:
        return True
    return problem.severity == Severity.BLOCKED and not problem.is_question and problem.code != OUTDATED


def _stopped(found: Inspection) -> int:
    return len(found.of(Verdict.BLOCKED))


def _kept(group: Group) -> dict[str, Any]:
    problem = group.problem
    return {
        "key": key_of(problem),
        "code": problem.code,
        "subject": problem.subject,
        "words": problem.words,
        "fix": str(problem.fix),
        "severity": str(problem.severity),
        "count": len(group.invoices),
        "money": {code: str(amount) for code, amount in group.money.items()},
    }
