"""Which credit notes are to be set against which invoice by now, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from c3portal.formats import amounts
from invoices.changes import asking
from invoices.changes.allocations import amount_of, details_of
from invoices.changes.asking import Wanted
from invoices.models import AppliedCredit, DocumentChange, DocumentType, Invoice, Posting, Twin
from invoices.models.statuses import CHANGE_IN_PROGRESS, ChangeKind, ChangeStatus
from invoices.posting.balances import NOTHING
from xero_integration.client.vocabulary import GONE, DocumentStatus
from xero_integration.models import XeroConnection, XeroSettings

if TYPE_CHECKING:
    from c3portal.models import User


def due() -> QuerySet[Posting]:
    """Return the credit notes that something is to be asked of now."""
    return _open_notes().filter(_of_corrections() | _by_setting())


def queue_due(connection: XeroConnection) -> int:
    """Ask for what is due, once each. Returns for how many credit notes."""
    if not due().filter(connection=connection).exists():
        return 0
    with transaction.atomic():
        # Who comes second sees what the first asked for.
        notes = asking.held(due(), connection)
        waiting = due().filter(pk__in=notes.values("pk"))
        # One by one: the next sees what is taken by those before it.
        asked = (asking.ask([each], connection=connection, user=None) for each in _wanted(waiting))
        return sum(each.queued for each in asked)


def again(note: Posting, user: User) -> bool:
    """Ask once more for a credit note of a correction to be set against its invoice. Returns False when nothing is left
    to ask, or it is asked already. The caller wakes a worker after commit."""
    with transaction.atomic():
        rows = asking.held(_open_notes().filter(pk=note.pk), note.connection)
        wanted = list(_wanted(_open_notes().filter(_is_owed_on_what_it_corrects(), pk__in=rows.values("pk"))))
        return asking.ask(wanted, connection=note.connection, user=user).queued > 0


def _wanted(notes: QuerySet[Posting]) -> Iterator[Wanted]:
    for note in notes.select_related("invoice__corrects__posting__invoice").order_by("pk"):
        if wanted := of_correction(note) if note.invoice.corrects else of_oldest(note):
            yield wanted


def of_correction(note: Posting) -> Wanted | None:
    """Return what is to be asked for a credit note that corrects an invoice, None while neither has anything left."""
    corrected = note.invoice.corrects
    return _against(note, corrected.posting) if corrected else None


def of_oldest(note: Posting) -> Wanted | None:
    """Return what is to be asked for a credit note that came as a negative invoice: the oldest open invoice of its
    contact that it was not set against yet."""
    for invoice in _open_invoices_of(note).select_related("invoice").order_by("invoice__issued_on", "invoice__number"):
        if wanted := _against(note, invoice):
            return wanted
    return None


def _open_invoices_of(note: Posting) -> QuerySet[Posting]:
    asked = _changes(note).exclude(status=ChangeStatus.WITHDRAWN).values_list("details", flat=True)
    rows = _owing().filter(connection=note.connection_id, invoice__currency=note.invoice.currency)
    rows = rows.filter(sent_facts__contact=note.sent_facts.get("contact", ""))
    return rows.exclude(xero_id__in=[each["invoice"] for each in asked])


def _against(note: Posting, invoice: Posting) -> Wanted | None:
    free = min(left_of(note), owed_on(invoice))
    if free <= 0:
        return None
    # Not before either document: https://developer.xero.com/documentation/api/accounting/creditnotes/
    day = max(timezone.localdate(), note.invoice.issued_on, invoice.invoice.issued_on)
    before = _allocated(note, invoice)
    return Wanted(note, ChangeKind.ALLOCATE, details_of(invoice, free, on=day.isoformat(), before=before))


def left_of(note: Posting) -> Decimal:
    """Return how much credit is left on a credit note."""
    total = abs(note.invoice.total) if note.xero_total is None else note.xero_total
    done = sum((amount_of(each) for each in _changes(note).filter(status=ChangeStatus.DONE)), NOTHING)
    return min(total - done, total if note.amount_due is None else note.amount_due)


def owed_on(invoice: Posting) -> Decimal:
    """Return how much is owed on an invoice, by what was last read, less what was set against it since."""
    since = Q(status__in=CHANGE_IN_PROGRESS) | Q(status=ChangeStatus.DONE, updated_at__gte=invoice.read_at)
    asked = DocumentChange.objects.filter(since, kind=ChangeKind.ALLOCATE, details__invoice=invoice.xero_id)
    return (invoice.amount_due or NOTHING) - sum(map(amount_of, asked), NOTHING)


def _allocated(note: Posting, invoice: Posting) -> Decimal:
    # As read of the credit note, and what was done since.
    rows = note.applied_credits.filter(kind=AppliedCredit.Kind.ALLOCATION, xero_id__iexact=invoice.xero_id)
    read = sum(rows.values_list("amount", flat=True), NOTHING)
    done = _changes(note).filter(status=ChangeStatus.DONE, details__invoice=invoice.xero_id)
    return max(read, sum(map(amount_of, done), NOTHING))


def _changes(note: Posting) -> QuerySet[DocumentChange]:
    return DocumentChange.objects.filter(posting=note, kind=ChangeKind.ALLOCATE, xero_id=note.xero_id)


def _open_notes() -> QuerySet[Posting]:
    """Return the approved credit notes with credit left, that are there once and nothing is asked of."""
    rows = Posting.objects.alias(sent_contact=KT("sent_facts__contact")).filter(
        Q(amount_due=None) | Q(amount_due__gt=0),
        status=Posting.Status.POSTED,
        document_type=DocumentType.CREDIT_NOTE,
        xero_status=DocumentStatus.AUTHORISED,
    )
    busy = DocumentChange.objects.in_progress().filter(posting=OuterRef("pk"))
    return rows.exclude(Exists(busy)).exclude(Exists(Twin.objects.filter(posting=OuterRef("pk"))))


def _of_corrections() -> Q:
    """Return the condition that a credit note corrects such an invoice, and was never asked to be set against it."""
    asked = DocumentChange.objects.filter(
        posting=OuterRef("pk"), kind=ChangeKind.ALLOCATE, xero_id=OuterRef("xero_id")
    ).exclude(status=ChangeStatus.WITHDRAWN)
    return _is_owed_on_what_it_corrects() & ~Q(Exists(asked))


def _by_setting() -> Q:
    """Return the condition that a credit note came as a negative invoice since Settings → General has them set against
    the oldest open invoice, and that Xero refused none of it; its contact has such an invoice."""
    since = XeroSettings.objects.filter(allocate_credit_notes=True).values_list("allocate_since", flat=True).first()
    if since is None:
        return Q(pk__in=[])
    refused = DocumentChange.objects.filter(
        posting=OuterRef("pk"), kind=ChangeKind.ALLOCATE, xero_id=OuterRef("xero_id"), status=ChangeStatus.REFUSED
    )
    same = {"connection": OuterRef("connection"), "invoice__currency": OuterRef("invoice__currency")}
    open_ones = _owing().alias(contact=KT("sent_facts__contact")).filter(contact=OuterRef("sent_contact"), **same)
    is_later = Q(upload__created_at__gte=since, invoice__corrects__isnull=True)
    return is_later & Q(Exists(open_ones)) & ~Q(Exists(refused))


def _is_owed_on_what_it_corrects() -> Q:
    """Return the condition that a credit note corrects an approved invoice on which something is owed."""
    corrected = _owing().filter(invoice=OuterRef("invoice__corrects"), connection=OuterRef("connection"))
    return Q(Exists(corrected))


def _owing() -> QuerySet[Posting]:
    """Return the approved invoices on which something is owed."""
    return Posting.objects.filter(
        status=Posting.Status.POSTED,
        document_type=DocumentType.INVOICE,
        xero_status=DocumentStatus.AUTHORISED,
        amount_due__gt=0,
    )


NOTHING_OWED = "Nothing is owed on the invoice any more, so the credit stays with the customer."


@dataclass(frozen=True)
class Standing:
    """How a credit note stands with the invoice that it corrects, in a sentence; `may_ask`: a person may ask once
    more."""

    words: str
    may_ask: bool = False


def standing(note: Invoice) -> Standing:
    """Return how a credit note stands with the invoice that it `corrects`; both postings should be loaded."""
    posting, corrected = getattr(note, "posting", None), note.corrects
    against = getattr(corrected, "posting", None)
    if note.ignored_because:
        return Standing("Excluded from Xero: it does not go to Xero.")
    if posting is None or posting.status != Posting.Status.POSTED or against is None:
        return Standing(f"Not in Xero yet. {_then(against)}")
    if posting.xero_status in GONE:
        return Standing("Voided or deleted in Xero.")
    last = _changes(posting).order_by("-pk").first()
    if last is not None:
        return _asked(last, posting)
    if posting.xero_status in (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED):
        return Standing(f"It waits for approval in Xero. {_then(against)}")
    if against.xero_status in (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED):
        return Standing("The invoice waits for approval in Xero; then this is set against it.")
    if not owed_on(against) > 0:
        return Standing(NOTHING_OWED)
    return Standing("It is about to be set against the invoice.")


def _then(against: Posting | None) -> str:
    is_approved = against is not None and against.xero_status in (DocumentStatus.AUTHORISED, DocumentStatus.PAID)
    if against is not None and is_approved and not owed_on(against) > 0:
        return NOTHING_OWED
    return "Once it is approved there, it is set against the invoice."


def _asked(change: DocumentChange, posting: Posting) -> Standing:
    code = posting.invoice.currency
    sum_and_number = f"{amounts.written(amount_of(change), code)} against {change.details['number']}"
    if change.status == ChangeStatus.DONE:
        rest = left_of(posting)
        stays = f" {amounts.written(rest, code)} of it stays with the customer." if rest > 0 else ""
        return Standing(f"Set in Xero: {sum_and_number}.{stays}")
    if change.status == ChangeStatus.REFUSED:
        return Standing(f"Xero refused to set {sum_and_number}: {change.message}", may_ask=True)
    if change.status == ChangeStatus.WITHDRAWN:
        return Standing(f"Not asked any more: {sum_and_number}.", may_ask=True)
    return Standing(f"{change.get_status_display()}: to be set {sum_and_number}.")
