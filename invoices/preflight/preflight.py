"""What would become of each invoice of a selection in Xero."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet, prefetch_related_objects

from invoices.documents import builder, corrections
from invoices.documents.builder import DocumentContext, Prepared
from invoices.documents.mapping import UnmappedAccount, UnmappedKind, UnmappedTax
from invoices.documents.rules import Fix, Problem, Severity
from invoices.duplicates import comparison
from invoices.models import DocumentType, Invoice, InvoiceLine, Onward, Posting
from invoices.posting import linking, outdated, ownership
from invoices.posting.reconciliation import FoundDocuments, numbers_of
from invoices.preflight import contact_check, likenesses, spelt_alike
from xero_integration import connections, contacts, reference
from xero_integration.client.errors import XeroError
from xero_integration.client.gateway import Gateway
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.models import CallBudget, XeroConnection, XeroSettings
from xero_integration.new_contacts import NewContact

NO_CONTACT_YET = ""
# Without the import row as it came, which is most of a line's bytes and says nothing to Xero.
LINES = Prefetch("lines", InvoiceLine.objects.defer("source"))
OUTDATED = "outdated"
TAKEN_CODES = ("taken", "same")
LINK_INSTEAD = (
    "Xero has a document with the number that is the same in contact, currency, total and lines, as when it was posted "
    "by hand. Link it, so that it counts as posted; nothing is sent to Xero."
)
TAKEN = "Xero has another document with the number. Change its number there or void it, then check again."


OTHER_NUMBER = (
    "What was posted before was voided or deleted in Xero, and its number is not free there any more: it goes under "
    "its number with a suffix (Settings → General)."
)


class Verdict(StrEnum):
    READY = "ready"
    WARNING = "warning"
    BLOCKED = "blocked"
    IN_XERO = "in_xero"


LABELS = {
    Verdict.READY: "Ready",
    Verdict.WARNING: "Needs a look",
    Verdict.BLOCKED: "Blocked",
    Verdict.IN_XERO: "Already in Xero",
}


@dataclass(frozen=True)
class Inspected:
    """One invoice and what was found; `prepared` is None when no document could be made. `same` is what somebody else
    put into Xero under its number, when that is the same document."""

    invoice: Invoice
    verdict: Verdict
    problems: tuple[Problem, ...]
    prepared: Prepared | None
    same: Mapping[str, Any] | None = None

    @property
    def may_go(self) -> bool:
        if any(problem.is_question for problem in self.problems):
            return False
        if self.verdict == Verdict.IN_XERO:
            return not _is_posted(self.invoice) and self.prepared is not None and not self.prepared.is_blocked
        return self.verdict in (Verdict.READY, Verdict.WARNING)


@dataclass(frozen=True)
class Seen:
    """What Xero has of the invoices that were looked up: by id a document of the invoice's number or marker, and those
    of whose number there are several."""

    documents: Mapping[uuid.UUID, Mapping[str, Any]]
    several: frozenset[uuid.UUID]


@dataclass(frozen=True)
class Look:
    """What a look in Xero showed, of invoices and (True) of credit notes, and how many calls it took."""

    found: Mapping[bool, FoundDocuments]
    calls: int = 0

    def at(self, rows: Sequence[Invoice], allowed: Decimal) -> Seen:
        """Return what it showed of these; totals may differ by what is `allowed`."""
        if not self.found:
            return Seen({}, frozenset())
        looked_up = [row for row in rows if not _is_posted(row)]
        documents = {row.pk: self.found[row.is_credit_note].document(row, allowed) for row in looked_up}
        return Seen(
            {pk: document for pk, document in documents.items() if document is not None},
            frozenset(row.pk for row in looked_up if not self.found[row.is_credit_note].is_only_one(row)),
        )


NO_LOOK = Look({})


@dataclass(frozen=True)
class Troubled:
    """An invoice with a problem; `detail` is about it alone, `other` the id of the one it looks like first."""

    invoice: Invoice
    detail: str
    other: uuid.UUID | None
    link: str = ""


@dataclass(frozen=True)
class Group:
    """Invoices that share one problem."""

    problem: Problem
    invoices: tuple[Troubled, ...]

    @property
    def money(self) -> dict[str, Decimal]:
        """Return what they come to, by currency."""
        return _sums(each.invoice for each in self.invoices)


@dataclass(frozen=True)
class Inspection:
    """The whole selection, by these settings; the check itself took `calls_made`. `calls_left` is None while Xero has
    not said; `lookup_error` says why Xero could not be asked."""

    rows: tuple[Inspected, ...]
    contacts_to_make: tuple[NewContact, ...]
    calls_made: int
    calls_needed: int
    calls_left: int | None
    app: XeroSettings
    lookup_error: str = ""

    @property
    def new_contacts(self) -> int:
        return len(self.contacts_to_make)

    def of(self, verdict: Verdict) -> list[Inspected]:
        return [row for row in self.rows if row.verdict == verdict]

    def postable(self) -> list[Invoice]:
        """Return what *Post N invoices* takes."""
        # What is in Xero and proved ours, but not known here to be, goes too, so that it is adopted.
        return [row.invoice for row in self.rows if row.may_go]

    def known_notes(self) -> list[Invoice]:
        """Return the credit notes to look up rather than send."""
        # Xero does not promise to refuse a credit note's number a second time.
        there = [row for row in self.of(Verdict.IN_XERO) if row.may_go]
        return [row.invoice for row in there if row.invoice.is_credit_note]

    def totals(self, verdict: Verdict) -> dict[str, Decimal]:
        return _sums(row.invoice for row in self.of(verdict))

    def calls_onward(self, choice: str) -> int:
        """Return how many calls more it takes at most to approve, or approve and send, what may go (an `Onward`)."""
        going = [row.prepared.document for row in self.rows if row.may_go and row.prepared]
        drafts = [each.is_credit_note for each in going if each.status != DocumentStatus.AUTHORISED]
        approvals = _lots(drafts.count(False)) + _lots(drafts.count(True))
        # One for each mail; Xero mails invoices alone.
        mails = sum(1 for each in going if not each.is_credit_note)
        return {Onward.APPROVE: approvals, Onward.SEND: approvals + mails}.get(Onward(choice), 0)

    def groups(self) -> list[Group]:
        """Return the problems with their invoices: what blocks first, then by how many have it."""
        found: dict[Problem, list[Troubled]] = defaultdict(list)
        for row in self.rows:
            for problem in row.problems:
                found[problem].append(
                    Troubled(row.invoice, problem.detail, comparison.other_of(row.invoice), problem.link)
                )
        groups = [Group(problem, tuple(invoices)) for problem, invoices in found.items()]
        return sorted(groups, key=lambda each: (each.problem.severity, -len(each.invoices), each.problem.words))


def inspect(
    invoices: QuerySet[Invoice],
    connection: XeroConnection,
    *,
    invoice_status: str,
    locked_as_drafts: bool = False,
    look_up_in_xero: bool = True,
    read_anew: bool = False,
    or_without: bool = False,
) -> Inspection:
    """Return what would become of each of `invoices`, in a constant number of queries.

    With `look_up_in_xero` the numbers are looked up, and what the organisation offers is read when that is older than
    `reference.LIFE`, with `read_anew` in any case; raises XeroUnavailable and XeroAuthError, or with `or_without` goes
    by what is known already where Xero cannot be asked.
    """
    rows = _selected(invoices)
    open_rows = [row for row in rows if not _is_posted(row)] if look_up_in_xero else []
    look, lookup_error = _looked(connection, open_rows, read_anew=read_anew, or_without=or_without)
    context = builder.read_context(connection, rows)
    allowed = ownership.tolerance_of(context.rows.app)
    seen = look.at(rows, allowed)
    recipients = {row.pk: context.billing.recipient(row) for row in rows}
    found = contact_check.check(connection, {each.tenant_id: each for each in recipients.values()}.values())
    alike = comparison.of_rows(row for row in rows if row.may_go)
    inspected = []
    known = linking.held_by_postings(connection, {ownership.id_of(one) for one in seen.documents.values()})
    for row in rows:
        key = recipients[row.pk].tenant_id
        contact_id = found.ids.get(key, NO_CONTACT_YET)
        prepared, problems = _prepare(row, invoice_status, context, contact_id, locked_as_drafts=locked_as_drafts)
        problems += found.problems.get(key, ())
        theirs = _theirs(row, seen, allowed)
        same = theirs if prepared and theirs and _is_same(prepared, theirs, known, row, seen) else None
        problems = (
            *problems,
            *(() if _is_posted(row) else corrections.problems(row, connection.pk)),
            *_outdated(row),
            *spelt_alike.problems(row),
            *_other_number(row),
            *_number(row, theirs, connection, is_same=bool(same)),
            *likenesses.problems(row, alike.get(row.pk)),
        )
        inspected.append(replace(_verdict(row, prepared, problems, seen), same=same))
    ready = [row for row in inspected if row.may_go and row.verdict != Verdict.IN_XERO]
    makes = {recipients[row.invoice.pk].tenant_id for row in ready}
    new = tuple(made for key, made in found.new.items() if key in makes)
    budget = CallBudget.objects.filter(connection=connection).first()
    left = budget.day_remaining if budget else None
    calls = _calls(ready, len(new))
    return Inspection(tuple(inspected), new, look.calls, calls, left, context.rows.app, lookup_error)


def _prepare(
    invoice: Invoice, status: str, context: DocumentContext, contact_id: str, *, locked_as_drafts: bool
) -> tuple[Prepared | None, tuple[Problem, ...]]:
    try:
        prepared = builder.build(invoice, status, contact_id, context, locked_as_drafts=locked_as_drafts)
    except UnmappedTax as error:
        return None, (Problem("tax", error.tax.key, str(error), Fix.TAXES),)
    except UnmappedKind as error:
        return None, (Problem("kind", "", str(error), Fix.KINDS),)
    except UnmappedAccount as error:
        return None, (Problem("account", "", str(error), Fix.SETTINGS),)
    return prepared, prepared.problems


def _is_posted(invoice: Invoice) -> bool:
    posting = getattr(invoice, "posting", None)
    return posting is not None and posting.status == Posting.Status.POSTED


def _selected(invoices: QuerySet[Invoice]) -> list[Invoice]:
    related = ("customer", "bill_to__same_as", "period", "posting", "corrects__posting__invoice")
    selected = invoices.select_related(*related).prefetch_related(LINES)
    return list(comparison.with_lookalikes(corrections.marked(spelt_alike.marked(outdated.marked(selected)))))


def _looked(
    connection: XeroConnection, rows: Sequence[Invoice], *, read_anew: bool, or_without: bool
) -> tuple[Look, str]:
    """Return what Xero shows of these, and with `or_without` why it could not be asked."""
    if not rows:
        return NO_LOOK, ""
    try:
        return _look(connection, rows, read_anew=read_anew), ""
    except XeroError as error:
        if not or_without:
            raise
        return NO_LOOK, str(error)


def _look(connection: XeroConnection, rows: Sequence[Invoice], *, read_anew: bool) -> Look:
    # Their numbers are looked for too.
    prefetch_related_objects(rows, "posting__past_documents")

    def look_up(gateway: Gateway) -> Look:
        # As few calls as can be: stale listings only, and numbers in lots or by pages, whichever takes fewer.
        if read_anew or reference.is_stale(connection):
            reference.read_for_posting(connection, gateway)
        contacts.refresh_listing(connection, gateway)
        found = gateway.find_many_invoices(_numbers(row for row in rows if not row.is_credit_note))
        notes = gateway.find_credit_notes(_numbers(row for row in rows if row.is_credit_note))
        shown = {
            False: FoundDocuments(found, DocumentType.INVOICE),
            True: FoundDocuments(notes, DocumentType.CREDIT_NOTE),
        }
        return Look(shown, gateway.calls)

    return connections.call(connection, look_up, click=True)


def _numbers(rows: Iterable[Invoice]) -> list[str]:
    return [number for row in rows for number in numbers_of(row)]


def _theirs(invoice: Invoice, seen: Seen, allowed: Decimal) -> Mapping[str, Any] | None:
    """Return the document that has the number of an invoice, and is not proved to be what the portal sent of it."""
    row = seen.documents.get(invoice.pk)
    return None if row is None or _is_posted(invoice) or ownership.is_ours(invoice, row, allowed) else row


def _is_same(prepared: Prepared, row: Mapping[str, Any], known: set[str], invoice: Invoice, seen: Seen) -> bool:
    """Whether it is what would be sent, the only one of its number, and no posting's."""
    is_free = ownership.id_of(row) not in known and invoice.pk not in seen.several
    return is_free and linking.is_same(prepared.document, row)


def _number(
    invoice: Invoice, row: Mapping[str, Any] | None, connection: XeroConnection, *, is_same: bool
) -> tuple[Problem, ...]:
    if row is None:
        return ()
    xero_id = ownership.id_of(row)
    link = connection.invoice_url(xero_id, credit_note=invoice.is_credit_note) if xero_id else ""
    if is_same:
        return (Problem("same", "", LINK_INSTEAD, Fix.LINK, link=link),)
    return (Problem("taken", "", TAKEN, Fix.XERO, detail=ownership.clash(invoice, row), link=link),)


def _other_number(invoice: Invoice) -> tuple[Problem, ...]:
    if _is_posted(invoice) or invoice.number_in_xero == invoice.xero_number:
        return ()
    detail = f"{invoice.xero_number} goes as {invoice.number_in_xero}."
    return (Problem("other_number", "", OTHER_NUMBER, Fix.NONE, Severity.WARNING, detail=detail),)


def _outdated(invoice: Invoice) -> tuple[Problem, ...]:
    reason = None if _is_posted(invoice) else outdated.why(invoice)
    if reason is None:
        return ()
    fix = Fix.HELD_BACK if reason == outdated.Outdated.HELD_BACK else Fix.NONE
    return (Problem(OUTDATED, "", outdated.WORDS[reason], fix),)


def _verdict(invoice: Invoice, prepared: Prepared | None, problems: tuple[Problem, ...], seen: Seen) -> Inspected:
    if _is_posted(invoice) or (
        invoice.pk in seen.documents and not any(each.code in (*TAKEN_CODES, OUTDATED) for each in problems)
    ):
        # To be known here as posted, it takes a decision all the same.
        open_questions = tuple(each for each in problems if each.code == likenesses.CODE and each.is_question)
        return Inspected(invoice, Verdict.IN_XERO, open_questions, prepared)
    if any(each.severity == Severity.BLOCKED for each in problems):
        return Inspected(invoice, Verdict.BLOCKED, problems, prepared)
    return Inspected(invoice, Verdict.WARNING if problems else Verdict.READY, problems, prepared)


def _sums(invoices: Iterable[Invoice]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in invoices:
        sums[each.currency] += each.total
    return dict(sorted(sums.items()))


def _calls(ready: Sequence[Inspected], new_contacts: int) -> int:
    notes = sum(1 for row in ready if row.invoice.is_credit_note)
    return sum(_lots(count) for count in (new_contacts, len(ready) - notes, notes))


def _lots(count: int) -> int:
    batch: int = settings.XERO_BATCH
    return ceil(count / batch)
