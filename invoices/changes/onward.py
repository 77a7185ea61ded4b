"""What would become of each posted document when it is approved or sent."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from c3portal.database import clock
from invoices.changes import plan
from invoices.documents import billing_contact
from invoices.models import DocumentChange, DocumentType, Posting, Twin
from invoices.models.statuses import CHANGE_IN_PROGRESS, ChangeKind, ChangeStatus
from invoices.readback import states
from xero_integration.client.vocabulary import DocumentStatus, OrganisationClass
from xero_integration.contact_names import plain_email
from xero_integration.models import Contact, ContactLink, XeroConnection, XeroSettings

if TYPE_CHECKING:
    from c3portal.models import User

# https://developer.xero.com/documentation/api/accounting/invoices/#emailing-an-invoice
MAILS_A_DAY = 1000
MAILS_A_DAY_OF = {OrganisationClass.TRIAL: 20, OrganisationClass.DEMO: 0}
# Xero does not say when its day begins.
DAY = dt.timedelta(hours=24)
APPROVABLE = (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED)
APPROVED = (DocumentStatus.AUTHORISED, DocumentStatus.PAID)


class Fate(StrEnum):
    """What becomes of a document."""

    APPROVE = "approved"
    SEND = "sent"
    SEND_AGAIN = "sent_again"
    DONE = "approved_already"
    SENT = "sent_already"
    MAY_BE_SENT = "may_have_been_sent"
    LOCKED = "locked"
    OWN_UPLOAD = "own_upload"
    CHANGED = "changed"
    NOT_APPROVED = "not_approved"
    CREDIT_NOTE = "credit_note"
    NO_ADDRESS = "no_address"
    NO_MAILS_LEFT = "no_mails_left"
    GONE = "gone"
    TWICE = "twice"
    UNDER_WAY = "under_way"
    UNKNOWN = "unknown"


KINDS = {Fate.APPROVE: ChangeKind.APPROVE, Fate.SEND: ChangeKind.SEND, Fate.SEND_AGAIN: ChangeKind.SEND}
# A mail left, or may have.
ENDED = (ChangeStatus.DONE, ChangeStatus.UNTOLD)
# Only asked for again by a person who knows.
SENT_BEFORE = (Fate.SENT, Fate.MAY_BE_SENT)


@dataclass(frozen=True)
class Step:
    """A document, what becomes of it, and the address that a mail goes to."""

    posting: Posting
    fate: Fate
    address: str = ""

    @property
    def kind(self) -> ChangeKind | None:
        """Return what has to be asked of Xero, None for nothing."""
        return KINDS.get(self.fate)


@dataclass(frozen=True)
class Share:
    """How many share a fate in a currency, and how much they come to."""

    fate: Fate
    currency: str
    count: int
    total: Decimal


def of_approval(postings: QuerySet[Posting], user: User | None) -> list[Step]:
    """Return what becomes of each of these that is posted when `user` approves it, by what Xero last showed."""
    two_people = XeroSettings.load().two_people
    rows = _posted(postings)
    own = _own(postings, user) if two_people else set()
    return [Step(each, _approved(each, is_own=each.pk in own)) for each in rows]


def _own(postings: QuerySet[Posting], user: User | None) -> set[int]:
    """Return which of these `user` uploaded, or wrote anew as they are in Xero now; all where it is nobody in
    particular, who is no second person."""
    if user is None:
        return set(postings.values_list("pk", flat=True))
    written = DocumentChange.objects.filter(
        posting=OuterRef("pk"),
        xero_id=OuterRef("xero_id"),
        kind=ChangeKind.UPDATE,
        status=ChangeStatus.DONE,
        request__created_by=user,
    )
    return set(postings.filter(Q(upload__created_by=user) | Exists(written)).values_list("pk", flat=True))


def of_sending(
    postings: QuerySet[Posting], *, again: bool = False, left: Mapping[XeroConnection, int] | None = None
) -> list[Step]:
    """Return what becomes of each of these that is posted when it is sent; `again`: what was sent before too; `left`:
    `mails_left` where that is at hand."""
    rows = _posted(postings)
    addresses, known = _addresses(rows), dict(left or {})
    left = known | {each: mails_left(each) for each in {row.connection for row in rows} - known.keys()}
    used: Counter[XeroConnection] = Counter()
    steps = []
    for each in rows:
        step = Step(each, _sent(each, addresses.get(each.pk, ""), again=again), addresses.get(each.pk, ""))
        if step.kind:
            used[each.connection] += 1
            if used[each.connection] > left[each.connection]:
                step = Step(each, Fate.NO_MAILS_LEFT, step.address)
        steps.append(step)
    return steps


def shown(steps: Iterable[Step]) -> str:
    """Return `plan.digest` of what goes, or may go when a person asks for it once more."""
    return plan.digest((each.posting, each.fate) for each in steps if each.kind or each.fate in SENT_BEFORE)


def mails_a_day(connection: XeroConnection) -> int:
    """Return how many mails Xero sends a day for an organisation of this kind."""
    return next((most for kind, most in MAILS_A_DAY_OF.items() if kind == connection.organisation_class), MAILS_A_DAY)


def mails_left(connection: XeroConnection) -> int:
    """Return how many more the portal may ask for now; what people send in Xero itself it does not know."""
    lately = Q(status__in=ENDED, updated_at__gt=clock.now() - DAY)
    used = Q(connection=connection, kind=ChangeKind.SEND) & (lately | Q(status__in=CHANGE_IN_PROGRESS))
    return max(0, mails_a_day(connection) - DocumentChange.objects.filter(used).count())


def shares(steps: Iterable[Step]) -> list[Share]:
    """Return how many and how much by fate and currency, in the order of `Fate`; credit notes count negative."""
    sums: dict[tuple[Fate, str], list[Decimal]] = {}
    for each in steps:
        sums.setdefault((each.fate, each.posting.invoice.currency), []).append(each.posting.invoice.total)
    return list(_shares(sums))


def _shares(sums: dict[tuple[Fate, str], list[Decimal]]) -> Iterator[Share]:
    order = list(Fate)
    for fate, currency in sorted(sums, key=lambda key: (order.index(key[0]), key[1])):
        totals = sums[fate, currency]
        yield Share(fate, currency, len(totals), sum(totals, Decimal(0)))


def _posted(postings: QuerySet[Posting]) -> list[Posting]:
    changes = DocumentChange.objects.filter(posting=OuterRef("pk"))
    ended = changes.filter(xero_id=OuterRef("xero_id"), kind=ChangeKind.SEND, status__in=ENDED)
    rows = postings.filter(status=Posting.Status.POSTED).annotate(
        is_twice=Exists(Twin.objects.filter(posting=OuterRef("pk"))),
        is_under_way=Exists(changes.in_progress()),
        last_send=Subquery(ended.order_by("-pk").values("status")[:1]),
        recipient=billing_contact.recipient_key("invoice__"),
    )
    return list(rows.select_related("invoice__customer", "connection").order_by("invoice__number"))


def _left(posting: Posting) -> Fate | None:
    """Return why nothing is asked of it, whatever it is."""
    if posting.is_under_way:  # type: ignore[attr-defined]
        return Fate.UNDER_WAY
    if posting.is_twice:  # type: ignore[attr-defined]
        return Fate.TWICE
    if states.is_gone(posting):
        return Fate.GONE
    if posting.xero_status not in (*APPROVABLE, *APPROVED):
        return Fate.UNKNOWN
    return None


def _approved(posting: Posting, *, is_own: bool) -> Fate:
    if left := _left(posting):
        return left
    if posting.xero_status in APPROVED:
        return Fate.DONE
    if states.asks(posting):
        return Fate.CHANGED
    if plan.is_locked(posting):
        return Fate.LOCKED
    return Fate.OWN_UPLOAD if is_own else Fate.APPROVE


def _sent(posting: Posting, address: str, *, again: bool) -> Fate:
    if posting.document_type == DocumentType.CREDIT_NOTE:
        return Fate.CREDIT_NOTE
    if left := _left(posting):
        return left
    if posting.xero_status not in APPROVED:
        return Fate.NOT_APPROVED
    if not again and posting.last_send == ChangeStatus.UNTOLD:  # type: ignore[attr-defined]
        return Fate.MAY_BE_SENT
    if not again and posting.sent_to_contact:
        return Fate.SENT
    if not plain_email(address):
        return Fate.NO_ADDRESS
    return Fate.SEND_AGAIN if was_sent(posting) else Fate.SEND


def was_sent(posting: Posting) -> bool:
    """Whether it was sent before, or may have been, as far as is known; of `of_sending`."""
    return bool(posting.sent_to_contact or posting.last_send)  # type: ignore[attr-defined]


def _addresses(rows: Collection[Posting]) -> dict[int, str]:
    """Return by posting the address of its contact, as Xero's contacts were last read."""
    connections = {each.connection_id for each in rows}
    links = ContactLink.objects.filter(connection__in=connections)
    linked = {(each.connection_id, each.customer_key): each.contact_id for each in links}
    contacts = {
        each.pk: (
            each.edits.get("contact", {}).get("now")
            or each.sent_facts.get("contact")
            or linked.get((each.connection_id, each.recipient), "")  # type: ignore[attr-defined]
        ).lower()
        for each in rows
    }
    found = Contact.objects.filter(connection__in=connections)
    emails = {contact_id.lower(): email for contact_id, email in found.values_list("contact_id", "email")}
    return {pk: emails.get(contact_id, "") for pk, contact_id in contacts.items()}
