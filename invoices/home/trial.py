"""The test draft on its way to Xero and out again. A step may be pressed any number of times: there is one draft."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.database import clock
from c3portal.models import User
from invoices.home.trial_document import CONTACT, Plan
from invoices.models import DocumentType, TrialDraft
from invoices.posting.responses import KINDS, Recorded, read_results, recorded
from xero_integration import connections
from xero_integration.client import document_lists, refusals, timeouts
from xero_integration.client.errors import Problem, XeroError, XeroOutcomeUnknown, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Answer
from xero_integration.client.vocabulary import GONE, STATUS_WORDS, DocumentStatus
from xero_integration.models import XeroConnection

State = TrialDraft.State
_INVOICE = KINDS[DocumentType.INVOICE]
NOT_THERE_YET = "Xero does not show it. The call may still be under way: look again in a minute."
LEFT_OUT = "Xero's answer left it out."
# What is tried again by a person alone.
_UNAVAILABLE = {
    Problem.UNREACHABLE: "Xero could not be reached.",
    Problem.UNREADABLE: "Xero's answer could not be read.",
    Problem.INCOMPLETE: "Xero's answer was not whole.",
    Problem.STALLED: "The portal was too slow just now.",
}
_DELETABLE = (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED)


def latest(connection: XeroConnection) -> TrialDraft | None:
    """Return the organisation's last test draft."""
    return TrialDraft.objects.select_related("connection", "created_by").filter(connection=connection).first()


def post(connection: XeroConnection, plan: Plan, user: User, *, source: Source) -> TrialDraft:
    """Post a test draft, or go on with the one that is under way: what an answer was lost of is looked for first, and
    sent again only where Xero cannot have it. Returns it as it is then; no error is raised."""
    trial = _opened(connection, plan, user, source)
    with _held(trial, State.NEW, State.POSTING) as holder:
        if holder:
            _post(trial, plan, holder, source)
    trial.refresh_from_db()
    return trial


def delete(trial: TrialDraft, *, source: Source) -> None:
    """Delete the draft in Xero, unless it is gone already; it stays as it is where that fails, and says why."""
    with _held(trial, State.POSTED) as holder:
        if holder:
            _delete(trial, holder, source)
    trial.refresh_from_db()


def _opened(connection: XeroConnection, plan: Plan, user: User, source: Source) -> TrialDraft:
    open_ones = TrialDraft.objects.select_related("connection").filter(connection=connection, state__in=TrialDraft.OPEN)
    if there := open_ones.first():
        return there
    pk = uuid.uuid4()
    try:
        with transaction.atomic():
            made = TrialDraft.objects.create(
                pk=pk,
                connection=connection,
                number=f"C3-TEST-{pk.hex[:12]}",
                created_by=user,
                **_made_of(plan),
            )
            after = {"Number": made.number, "Account": made.account, "Tax": made.tax, "Contact": CONTACT}
            record(source, Action.OPERATION, f"Test draft for {connection.name}", after=after)
    except IntegrityError:
        # Someone else pressed at the same moment.
        return open_ones.get()
    return made


def _made_of(plan: Plan) -> dict[str, Any]:
    return {"account": plan.account, "tax": plan.tax, "currency": plan.currency, "expected": plan.total}


@contextmanager
def _held(trial: TrialDraft, *states: str) -> Iterator[uuid.UUID | None]:
    """Hold the draft, read anew, while a step of it is done; None where it is in none of `states`, or someone else is
    at it."""
    holder, now = uuid.uuid4(), clock.now()
    free = Q(held_until=None) | Q(held_until__lt=now)
    rows = TrialDraft.objects.filter(free, pk=trial.pk, state__in=states)
    if not rows.update(holder=holder, held_until=now + timeouts.call_lease()):
        yield None
        return
    try:
        trial.refresh_from_db()
        yield holder
    finally:
        TrialDraft.objects.filter(pk=trial.pk, holder=holder).update(holder=None, held_until=None)


def _keep(trial: TrialDraft, holder: uuid.UUID, source: Source = None, **facts: Any) -> bool:
    """Keep what became of it, while it is still held; a new state is recorded."""
    state = facts.get("state", trial.state)
    if state in (State.DELETED, State.REJECTED):
        facts["ended_at"] = clock.now()
    with transaction.atomic():
        if not TrialDraft.objects.filter(pk=trial.pk, holder=holder).update(**facts):
            return False
        if state in (State.POSTED, State.REJECTED, State.DELETED) and state != trial.state:
            after = {"State": State(state).label} | ({"Xero": words} if (words := facts.get("message")) else {})
            record(source, Action.OPERATION, f"Test draft {trial.number}", after=after)
    return True


def _post(trial: TrialDraft, plan: Plan, holder: uuid.UUID, source: Source) -> None:
    try:
        found = _found(trial) if trial.state == State.POSTING else None
    except XeroError as error:
        _keep(trial, holder, message=_words(error))
        return
    if found:
        _keep(trial, holder, source, **_in_xero(found))
    elif trial.called_at and clock.now() < trial.called_at + timeouts.settles_after():
        _keep(trial, holder, message=NOT_THERE_YET)
    else:
        _send(trial, plan, holder, source)


def _found(trial: TrialDraft) -> Recorded | None:
    """Return what Xero has under the number, which is no one else's. Raises XeroError."""
    rows = connections.call(trial.connection, lambda gateway: gateway.find_invoices([trial.number]), click=True)
    found = [each for row in rows if (each := recorded(_INVOICE, row))]
    return min(found, key=lambda each: each.status in GONE, default=None)


def _send(trial: TrialDraft, plan: Plan, holder: uuid.UUID, source: Source) -> None:
    # It costs 0.2 s to import, which no other page is to wait for.
    from xero_integration.xero_models import named_body

    body = named_body(plan.document(trial.number, timezone.localdate()), CONTACT)
    key, now = uuid.uuid4(), clock.now()
    # From here on Xero may have it, whatever ends this process; and whoever took too long on the way sends nothing.
    stored: dict[str, Any] = {"body": body, "key": key, "called_at": now, "held_until": now + timeouts.call_lease()}
    if not _keep(trial, holder, state=State.POSTING, message="", **stored, **_made_of(plan)):
        return
    trial.state = State.POSTING
    try:
        answer = connections.call(
            trial.connection, lambda gateway: gateway.create_documents("Invoices", body, str(key), now), click=True
        )
    except XeroRejected as error:
        _keep(trial, holder, source, **_refused(_words(error), is_number_taken=error.is_number_taken))
    except XeroOutcomeUnknown as error:
        _keep(trial, holder, message=str(error))
    except XeroError as error:
        # Nothing was recorded, and nothing was sent before that Xero may have.
        _keep(trial, holder, state=State.NEW, called_at=None, message=_words(error))
    else:
        _keep(trial, holder, source, **_answered(trial, answer))


def _answered(trial: TrialDraft, answer: Answer) -> dict[str, Any]:
    results = read_results(_INVOICE, {0: trial.number}, answer.rows(_INVOICE.endpoint))
    if refusal := results.refused.get(0):
        return _refused(refusal.words, is_number_taken=refusal.is_number_taken)
    found = results.recorded.get(0)
    return _in_xero(found) if found else {"message": LEFT_OUT}


def _refused(words: str, *, is_number_taken: bool) -> dict[str, Any]:
    # The number is this draft's own: whatever has it is the draft, sent before, and the next press finds it.
    return {"state": State.POSTING if is_number_taken else State.REJECTED, "message": words}


def _in_xero(found: Recorded) -> dict[str, Any]:
    is_gone = found.status in GONE
    return {
        "state": State.DELETED if is_gone else State.POSTED,
        "xero_id": found.xero_id,
        "xero_status": found.status,
        "total": found.total,
        "message": found.message,
    }


def _delete(trial: TrialDraft, holder: uuid.UUID, source: Source) -> None:
    try:
        row = _shown(trial)
    except XeroError as error:
        _keep(trial, holder, message=_words(error))
        return
    status = str(row.get("Status") or "")[:20]
    # What Xero does not show any more is not in its books either: organisations for trying out begin afresh.
    if not row or status in GONE:
        _keep(trial, holder, source, **_ended(status))
    elif status not in _DELETABLE:
        words = f"It is {STATUS_WORDS.get(status, status).lower()} in Xero, so it cannot be deleted. Void it there."
        _keep(trial, holder, xero_status=status, message=words)
    else:
        _end(trial, holder, source)


def _shown(trial: TrialDraft) -> dict[str, Any]:
    """Return the draft as Xero has it now, {} where it has none. Raises XeroError."""
    rows = connections.call(
        trial.connection,
        lambda gateway: document_lists.with_ids(gateway, _INVOICE.endpoint, [trial.xero_id]),
        click=True,
    )
    return next(iter(rows), {})


def _end(trial: TrialDraft, holder: uuid.UUID, source: Source) -> None:
    element = {_INVOICE.id_key: trial.xero_id, "Status": DocumentStatus.DELETED.value}
    body, key, now = json.dumps({_INVOICE.endpoint: [element]}).encode(), uuid.uuid4(), clock.now()
    if not _keep(trial, holder, key=key, held_until=now + timeouts.call_lease(), message=""):
        return
    try:
        answer = connections.call(
            trial.connection,
            lambda gateway: gateway.change_documents(_INVOICE.endpoint, body, str(key), now),
            click=True,
        )
    except XeroError as error:
        _keep(trial, holder, message=_words(error))
        return
    row = next(iter(answer.rows(_INVOICE.endpoint)), {})
    if row.get("Status") in GONE and not refusals.read(row):
        _keep(trial, holder, source, **_ended(str(row["Status"])))
    else:
        refusal = refusals.read(row)
        _keep(trial, holder, message=refusal.words if refusal else LEFT_OUT)


def _ended(status: str) -> dict[str, Any]:
    return {"state": State.DELETED, "xero_status": status, "message": ""}


def _words(error: XeroError) -> str:
    """Return why, without a promise that the portal goes on by itself; of a refusal what Xero said of the draft."""
    if isinstance(error, XeroUnavailable):
        return _UNAVAILABLE.get(error.problem, str(error))
    if isinstance(error, XeroRejected):
        said = [words for each in error.elements if (words := refusals.messages(each, "ValidationErrors"))]
        return "; ".join(said) or str(error)
    return str(error)
