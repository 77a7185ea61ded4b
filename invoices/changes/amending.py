"""Posted documents that differ from what would be sent now: how, and which ways there are to bring them in line."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from c3portal.formats import amounts
from invoices.changes import asking, line_differences, plan, updates
from invoices.changes.asking import Asked, Wanted
from invoices.changes.line_differences import Differences
from invoices.changes.plan import Fate, Planned
from invoices.corrections import limit
from invoices.documents import builder, mapping, orders
from invoices.documents.builder import DocumentContext, Prepared
from invoices.documents.rules import Severity
from invoices.importing import later, locks
from invoices.models import DocumentType, Invoice, InvoiceLine, LaterVersion, Posting
from invoices.models.statuses import ChangeKind
from invoices.posting import responses, sent_documents
from invoices.posting.sent_documents import Element
from xero_integration import contacts
from xero_integration.client.vocabulary import STATUS_WORDS, DocumentStatus
from xero_integration.contacts import LinkedContact
from xero_integration.models import XeroConnection
from xero_integration.payloads import Document

if TYPE_CHECKING:
    from c3portal.models import User

LINES = Prefetch("invoice__lines", InvoiceLine.objects.defer("source"))
RELATED = ("sent_document", "invoice__bill_to__same_as", "invoice__period", "invoice__corrects__posting__invoice")
NO_CONTACT = "Whoever gets it has no contact in Xero any more. Link one under Customers."
OTHER_SIGN = "Its total changed its sign, and in Xero that is another kind of document."
NOT_KEPT = (
    "What was sent of it is not kept line by line: it was linked, or an earlier release posted it. So nobody can see "
    "what an update would change."
)
EDITED = "It was changed in Xero, and an update would overwrite that."
EDITED_SINCE = "It was changed in Xero, so what was sent is not what the customer has. Credit it by hand."
BUSY = "Something is asked of it already. Wait until that is done."
TWICE = "It is in Xero twice. Void one there first."
UNREAD = "It is not known how it stands in Xero. Refresh it first."
NOT_SHOWN = "Xero does not show it any more. Refresh it, or post it again, on its own page."
NOTHING = "Nothing differs by now."


class Way(StrEnum):
    """How a document is brought in line."""

    UPDATE = "update"
    UNDO = "undo"
    CREDIT = "credit"


@dataclass(frozen=True)
class Amendment:
    """A posted document beside what would be sent now. `sent` is None where that is not kept, `now` where no document
    can be made of the invoice (`problems` says why). `why_not` has the ways that are closed."""

    posting: Posting
    version: LaterVersion | None
    sent: Element | None
    now: Element | None
    document: Document | None
    problems: tuple[str, ...]
    why_not: Mapping[Way, str] = field(default_factory=dict)

    @property
    def differences(self) -> Differences | None:
        """Return how the two differ, None while one is not known."""
        return line_differences.of(self.sent, self.now) if self.sent and self.now else None

    @property
    def differs(self) -> bool:
        found = self.differences
        return self.version is not None if found is None else found.is_any

    @property
    def total_now(self) -> Decimal | None:
        """Return the total that it would come to, signed as the invoice's."""
        if self.document is None:
            return None
        return -self.document.total if self.document.is_credit_note else self.document.total

    @property
    def change(self) -> Decimal:
        """Return by how much its total would change, 0 while that is not known."""
        return Decimal(0) if self.total_now is None else self.total_now - self.posting.invoice.total

    def allows(self, way: Way) -> bool:
        return way not in self.why_not


def of(postings: QuerySet[Posting]) -> list[Amendment]:
    """Return each of these that is posted beside what would be sent now, by today's settings and the newest file; in a
    constant number of queries for each organisation."""
    rows = postings.select_related(*RELATED).prefetch_related(LINES)
    planned = plan.of(rows)
    found: list[Amendment] = []
    by_connection = sorted(planned, key=lambda each: each.posting.connection_id)
    for _, some in groupby(by_connection, key=lambda each: each.posting.connection_id):
        found += _of_connection(list(some))
    return sorted(found, key=lambda each: each.posting.invoice.number)


def differing(postings: QuerySet[Posting], *, by_settings: bool = False) -> list[Amendment]:
    """Return those that a later file changed; with `by_settings` those too that today's settings would send
    otherwise."""
    changed = LaterVersion.objects.filter(invoice=OuterRef("invoice"))
    rows = postings if by_settings else postings.filter(Exists(changed))
    return [each for each in of(rows) if each.differs]


def _of_connection(planned: list[Planned]) -> list[Amendment]:
    connection = planned[0].posting.connection
    postings = [each.posting for each in planned]
    versions = later.newest_of([each.invoice_id for each in postings])
    sent = sent_documents.of(postings)
    stored = {each.invoice_id: each.invoice for each in postings}
    changed = {pk: later.as_invoice(stored[pk], version) for pk, version in versions.items()}
    today = _Today.read(connection, stored.values(), changed)
    found = []
    for each in planned:
        posting, version = each.posting, versions.get(each.posting.invoice_id)
        invoice = changed.get(posting.invoice_id, posting.invoice)
        document, problems = today.document(posting, invoice, sent.get(posting.pk))
        element = as_element(document) if document else None
        amendment = Amendment(posting, version, sent.get(posting.pk), element, document, problems)
        found.append((amendment, each.fate))
    credited = limit.Credited(each.posting.invoice for each, fate in found if not _why_no_credit_note(each, fate))
    return [replace(each, why_not=_why_not(each, fate, credited)) for each, fate in found]


@dataclass(frozen=True)
class _Today:
    """What documents of an organisation are made with now."""

    context: DocumentContext
    linked: Mapping[str, LinkedContact]

    @classmethod
    def read(
        cls, connection: XeroConnection, stored: Iterable[Invoice], changed: Mapping[uuid.UUID, Invoice]
    ) -> _Today:
        """`stored` are the invoices as they are stored, `changed` by id as a later file has them."""
        invoices = list(stored)
        context = builder.read_context(connection, [each for each in invoices if each.pk not in changed])
        context = replace(context, orders={**context.orders, **orders.of_loaded(changed.values(), context.rows.orders)})
        # It keeps the status that it has.
        customers = {key: replace(own, invoice_status="") for key, own in context.customers.items()}
        context = replace(context, customers=customers)
        who = {context.billing.recipient(each).tenant_id for each in (*invoices, *changed.values())}
        return cls(context, contacts.of_customers(connection, who))

    def document(self, posting: Posting, invoice: Any, sent: Element | None) -> tuple[Document | None, tuple[str, ...]]:
        """Return the document as it would be now, under the number and marker that it has, and what forbids sending
        it."""
        recipient = self.context.billing.recipient(invoice)
        contact = self.linked.get(recipient.tenant_id)
        status = posting.xero_status if posting.xero_status in updates.OPEN else DocumentStatus.DRAFT.value
        try:
            prepared = builder.build(invoice, status, contact.contact_id if contact else "", self.context)
        except mapping.Unmapped as error:
            return None, (str(error),)
        words = [NO_CONTACT] if contact is None else []
        words += [contact.why_unusable] if contact and contact.why_unusable else []
        return _as_sent(prepared, posting, sent), (*words, *_blocking(prepared))


def _blocking(prepared: Prepared) -> list[str]:
    return [each.of_this_one for each in prepared.problems if each.severity == Severity.BLOCKED]


def _as_sent(prepared: Prepared, posting: Posting, sent: Element | None) -> Document:
    document = replace(prepared.document, number=posting.number_in_xero)
    # What an earlier release sent has its marker in the Reference, which is written anew: then it moves to the Url.
    return replace(document, url=str(sent.get("Url") or document.url)) if sent else document


def as_element(document: Document) -> Element:
    """Return a document as it is sent, amounts as Decimal."""
    # Few need it, and it takes its time to load.
    from xero_integration.xero_models import documents_body

    kind = responses.KINDS[DocumentType.CREDIT_NOTE if document.is_credit_note else DocumentType.INVOICE]
    return sent_documents.elements(documents_body([document]), kind)[document.number]


def _why_not(amendment: Amendment, fate: Fate, credited: limit.Credited) -> dict[Way, str]:
    reasons = {
        Way.UPDATE: _why_no_update(amendment, fate),
        Way.UNDO: _why_no_undo(amendment, fate),
        Way.CREDIT: _why_no_credit_note(amendment, fate) or _why_no_more(amendment, credited),
    }
    return {way: words for way, words in reasons.items() if words}


def _status(posting: Posting) -> str:
    return STATUS_WORDS.get(posting.xero_status, posting.xero_status)


COMMON = {Fate.UNDER_WAY: BUSY, Fate.TWICE: TWICE, Fate.MISSING: NOT_SHOWN, Fate.UNKNOWN: UNREAD}


def _why_no_update(amendment: Amendment, fate: Fate) -> str:
    posting = amendment.posting
    if fate in COMMON:
        return COMMON[fate]
    if posting.xero_status not in updates.OPEN:
        return f"In Xero it is: {_status(posting)}. Only a draft, or one that awaits approval, is changed in place."
    if posting.edits:
        return EDITED
    if amendment.sent is None:
        return NOT_KEPT
    if amendment.document and amendment.document.is_credit_note != (posting.document_type == DocumentType.CREDIT_NOTE):
        return OTHER_SIGN
    return " ".join(amendment.problems) or ("" if amendment.differs else NOTHING)


def _why_no_undo(amendment: Amendment, fate: Fate) -> str:
    if fate == Fate.SETTLED:
        return "It is paid or credited in Xero, so it can be neither deleted nor voided there."
    if fate == Fate.LOCKED:
        return "Its date lies in a period that is locked in Xero, so it cannot be voided there."
    return COMMON.get(fate, "")


def _why_no_credit_note(amendment: Amendment, fate: Fate) -> str:
    """Return what forbids a correction whatever else corrects the invoice."""
    posting = amendment.posting
    if fate in COMMON:
        return COMMON[fate]
    if posting.xero_status not in (DocumentStatus.AUTHORISED, DocumentStatus.PAID):
        return f"In Xero it is: {_status(posting)}. A correction is for what was approved or paid."
    if posting.edits:
        return EDITED_SINCE
    if amendment.sent is None:
        return NOT_KEPT
    if amendment.total_now is None:
        return " ".join(amendment.problems)
    if posting.invoice.total < 0:
        return "It is a credit note itself."
    return "" if amendment.change else "Its total is the same, so there is nothing to credit."


def _why_no_more(amendment: Amendment, credited: limit.Credited) -> str:
    """Return what other corrections leave no room for."""
    invoice, change = amendment.posting.invoice, amendment.change
    if earlier := credited.corrected_by(invoice):
        return f"It was corrected already, by {earlier}: credit the rest by hand."
    if change < 0 and -change > (left := credited.left(invoice)):
        return (
            f"{amounts.written(-change, invoice.currency)} is more than what is left of it to be credited, "
            f"{amounts.written(left, invoice.currency)}."
        )
    return ""


def digest(amendments: Iterable[Amendment]) -> str:
    """Return what stands for these changes, so that what is asked is what was shown."""
    found = hashlib.sha256()
    for each in amendments:
        found.update(json.dumps([each.posting.xero_id, each.now], default=str, sort_keys=True).encode())
    return found.hexdigest()


def update(
    postings: QuerySet[Posting],
    *,
    connection: XeroConnection,
    user: User | None,
    reason: str = "",
    seen: str | None = None,
    by_settings: bool = True,
) -> Asked | None:
    """Ask Xero to write those of these documents anew that may be; None when they are not any more what a person was
    shown (`seen`, of `digest`). The caller wakes a worker after commit."""
    with transaction.atomic():
        # No import puts another version in place of the one that is asked for.
        locks.nobody_decides()
        found = differing(asking.held(postings, connection), by_settings=by_settings)
        chosen = [each for each in found if each.allows(Way.UPDATE)]
        if seen is not None and digest(chosen) != seen:
            return None
        wanted = [Wanted(each.posting, ChangeKind.UPDATE, _details(each)) for each in chosen]
        return asking.ask(wanted, connection=connection, user=user, reason=reason)


def _details(amendment: Amendment) -> dict[str, Any]:
    element = json.loads(json.dumps(amendment.now, default=float))
    return updates.details(element, amendment.posting, amendment.version.pk if amendment.version else None)
