"""Keeping what Xero showed of posted documents; the only place that writes what was read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import batched
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from invoices.models import AppliedCredit, DocumentEvent, Payment, Posting
from invoices.posting import sent_facts
from invoices.posting.balances import NOTHING
from invoices.readback import documents, words
from invoices.readback.documents import CreditKind, Paid, SetOff, Shown
from xero_integration.models import XeroConnection
from xero_integration.payloads import to_cents

Source = DocumentEvent.Source

AT_ONCE = 1000
_NOT_ACCEPTED = {
    "edits_told_at": None,
    "edits_accepted_at": None,
    "edits_accepted_by_id": None,
    "edits_accepted_because": "",
}


@dataclass(frozen=True)
class Kept:
    """How many documents of ours were shown, and Xero's ids of those of which something is new."""

    seen: int = 0
    changed: tuple[str, ...] = ()

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.seen + other.seen, self.changed + other.changed)


def keep(connection: XeroConnection, shown: Iterable[Shown], source: Source, asked_at: dt.datetime) -> Kept:
    """Keep what Xero showed when it was asked at `asked_at` (the database's clock); what was read later stays."""
    kept = Kept()
    for some in batched(shown, AT_ONCE):
        kept += _keep_some(connection, {each.xero_id.lower(): each for each in some}, source, asked_at)
    return kept


def _keep_some(connection: XeroConnection, by_id: Mapping[str, Shown], source: Source, asked_at: dt.datetime) -> Kept:
    postings = _postings(connection, by_id)
    news = {each.pk: _news(each, by_id[each.xero_id.lower()]) for each in postings}
    _older(asked_at).filter(pk__in=[pk for pk, one in news.items() if not one.is_any]).update(read_at=asked_at)
    changed = [each for each in postings if news[each.pk].is_any and _keep_one(each, news[each.pk], source, asked_at)]
    return Kept(len(postings), tuple(each.xero_id for each in changed))


def keep_missing(connection: XeroConnection, xero_ids: Collection[str], source: Source, asked_at: dt.datetime) -> Kept:
    """Keep that Xero has no documents of these ids any more, though it was asked for each."""
    if not xero_ids:
        return Kept()
    rows = Posting.objects.filter(connection=connection, status=Posting.Status.POSTED, xero_id__in=xero_ids)
    news = News({"edits": documents.MISSING, **_NOT_ACCEPTED}, None, None, [words.MISSING])
    lost = rows.exclude(edits=documents.MISSING).order_by("pk")
    changed = [each for each in lost if _keep_one(each, news, source, asked_at)]
    return Kept(0, tuple(each.xero_id for each in changed))


def without_parts(rows: QuerySet[Posting]) -> list[str]:
    """Return Xero's ids of those whose payments and set-offs, as they are kept, do not come to what was paid and
    credited."""
    found = rows.annotate(payments_sum=_sum_of(Payment), credits_sum=_sum_of(AppliedCredit)).values_list(
        "xero_id", "amount_paid", "payments_sum", "amount_credited", "credits_sum"
    )
    return [
        xero_id
        for xero_id, paid, payments, credited, credits in found
        if not (_is_sum(payments, paid) and _is_sum(credits, credited))
    ]


def _sum_of(part: type[Payment | AppliedCredit]) -> Subquery:
    parts = part._default_manager.filter(posting=OuterRef("pk")).order_by().values("posting")
    return Subquery(parts.annotate(sum=Sum("amount")).values("sum"))


def _is_sum(found: Decimal | None, told: Decimal | None) -> bool:
    # What Xero did not tell is no difference. SQLite adds up as floats.
    return told is None or to_cents(found or NOTHING) == told


def _postings(connection: XeroConnection, by_id: Mapping[str, Shown]) -> list[Posting]:
    rows = Posting.objects.filter(connection=connection, status=Posting.Status.POSTED)
    known = rows.filter(xero_id__in=[*by_id, *(each.xero_id for each in by_id.values())])
    return list(known.select_related("invoice").prefetch_related("payments", "applied_credits").order_by("pk"))


def _older(asked_at: dt.datetime) -> QuerySet[Posting]:
    # Whoever undid or read it meanwhile knows more than this answer.
    return Posting.objects.filter(Q(read_at=None) | Q(read_at__lt=asked_at), status=Posting.Status.POSTED)


@dataclass(frozen=True)
class News:
    """What differs from what is stored: columns, parts, and the sentences about it."""

    facts: dict[str, Any]
    payments: tuple[Paid, ...] | None
    credits: tuple[SetOff, ...] | None
    words: list[str]

    @property
    def is_any(self) -> bool:
        return bool(self.facts) or self.payments is not None or self.credits is not None


def _news(posting: Posting, shown: Shown) -> News:
    facts = _facts(posting, shown)
    return News(
        facts={name: value for name, value in facts.items() if getattr(posting, name) != value},
        payments=shown.payments if shown.payments != _payments(posting) else None,
        credits=shown.credits if shown.credits != _credits(posting) else None,
        words=words.of_changes(posting, shown, facts["edits"]),
    )


def _payments(posting: Posting) -> tuple[Paid, ...]:
    return tuple(Paid(each.payment_id, each.paid_on, each.amount, each.reference) for each in posting.payments.all())


def _credits(posting: Posting) -> tuple[SetOff, ...]:
    return tuple(
        SetOff(CreditKind(each.kind), each.xero_id, each.number, each.applied_on, each.amount)
        for each in posting.applied_credits.all()
    )


def _keep_one(posting: Posting, news: News, source: Source, asked_at: dt.datetime) -> bool:
    with transaction.atomic():
        row = _older(asked_at).filter(pk=posting.pk, xero_id=posting.xero_id)
        if not row.update(**news.facts, read_at=asked_at):
            return False
        _keep_payments(posting, news.payments)
        _keep_credits(posting, news.credits)
        if news.words:
            _note(posting, news, source)
    return True


def _note(posting: Posting, news: News, source: Source) -> None:
    DocumentEvent.objects.create(
        posting=posting,
        source=source,
        status=news.facts.get("xero_status", posting.xero_status),
        amount_due=news.facts.get("amount_due", posting.amount_due),
        facts=news.words,
    )


def _facts(posting: Posting, shown: Shown) -> dict[str, Any]:
    """Return the columns as this answer has them; what it does not say stays."""
    sent = posting.sent_facts or _as_invoiced(posting)
    edits = documents.edits(sent, shown)
    balance = shown.balance
    facts: dict[str, Any] = {
        "xero_status": shown.status or posting.xero_status,
        "xero_total": posting.xero_total if shown.total is None else shown.total,
        "amount_due": posting.amount_due if balance.due is None else balance.due,
        "amount_paid": posting.amount_paid if balance.paid is None else balance.paid,
        "amount_credited": posting.amount_credited if balance.credited is None else balance.credited,
        "paid_off_on": balance.paid_off_on,
        "sent_to_contact": posting.sent_to_contact if balance.sent_to_contact is None else balance.sent_to_contact,
        "xero_updated_at": balance.updated_at or posting.xero_updated_at,
        "edits": edits,
        # Else what is found now would be taken for what was sent the next time.
        "sent_facts": sent,
    }
    if edits != posting.edits:
        # What was accepted was another change.
        facts |= _NOT_ACCEPTED
    return facts


def _as_invoiced(posting: Posting) -> sent_facts.SentFacts:
    # Posted before what was sent was kept: what every document was proved to come to.
    facts = {"date": posting.invoice.issued_on.isoformat()}
    return sent_facts.with_total(facts, posting.xero_total)


def _keep_payments(posting: Posting, payments: tuple[Paid, ...] | None) -> None:
    if payments is None:
        return
    Payment.objects.filter(posting=posting).exclude(payment_id__in=[each.payment_id for each in payments]).delete()
    Payment.objects.bulk_create(
        [Payment(posting=posting, **asdict(each)) for each in payments],
        update_conflicts=True,
        unique_fields=["payment_id"],
        update_fields=["posting", "paid_on", "amount", "reference"],
    )


def _keep_credits(posting: Posting, found: tuple[SetOff, ...] | None) -> None:
    if found is None:
        return
    AppliedCredit.objects.filter(posting=posting).delete()
    AppliedCredit.objects.bulk_create(AppliedCredit(posting=posting, **asdict(each)) for each in found)
