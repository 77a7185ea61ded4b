"""The one thing to do next about an invoice, and what else can be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.urls import reverse

from invoices.models import HeldBackInvoice, Invoice, Posting
from invoices.models.statuses import IN_PROGRESS
from invoices.readback import states
from xero_integration.client.vocabulary import DocumentStatus

Status = Posting.Status
COMPARE = "Compare with now"
DRAFTS = (DocumentStatus.DRAFT, DocumentStatus.SUBMITTED)


@dataclass(frozen=True)
class Step:
    """A button or a line of the menu: it opens `url`, or posts `form` to it; `busy` is what it says meanwhile."""

    words: str
    url: str
    form: Mapping[str, str] = field(default_factory=dict)
    icon: str = ""
    busy: str = ""
    new_tab: bool = False


@dataclass(frozen=True)
class Standing:
    """What of an invoice decides what is next; `posting` is None while it was never uploaded."""

    invoice: Invoice
    posting: Posting | None
    may_change: bool
    may_exclude: bool = False
    may_credit: bool = False
    looks_like_another: bool = False
    is_outdated: bool = False
    held_back: HeldBackInvoice | None = None

    @property
    def is_posted(self) -> bool:
        return self.posting is not None and self.posting.status == Status.POSTED


def of(found: Standing) -> tuple[Step | None, list[Step]]:
    """Return what is next, None where nothing is, and the rest."""
    first = _first(found) if found.may_change else _look(found)
    return first, [each for each in _others(found) if first is None or each.words != first.words]


def _first(found: Standing) -> Step | None:
    invoice, posting = found.invoice, found.posting
    if posting is not None and posting.status in IN_PROGRESS:
        return _under_way(posting)
    if states.asks(posting):
        return Step("Decide about the change", "#document-edits")
    if invoice.ignored_because:
        form = {"period": invoice.period.billing_id, "only": str(invoice.pk), "page": str(invoice.pk)}
        return Step("Include again", reverse("take_up_invoices"), form)
    if posting is not None and found.is_posted and posting.total_difference:
        return Step(COMPARE, reverse("invoice_changed", args=[invoice.pk]), icon="layout-three-columns")
    if posting is not None and found.is_posted:
        return next(_onward(found, posting), None) or _look(found)
    if found.looks_like_another:
        return Step("Decide about the other invoice", "#look-alike")
    if found.is_outdated:
        return _newer(found.held_back)
    return _post(invoice, posting)


def _under_way(posting: Posting) -> Step:
    upload = reverse("upload", args=[posting.upload_id])
    if posting.status == Status.UNCERTAIN:
        check = reverse("upload_check", args=[posting.upload_id])
        return Step("Check with Xero now", check, {"upload": str(posting.upload_id)}, "arrow-repeat", "Asking Xero…")
    return Step("Watch the upload", upload)


def _newer(held_back: HeldBackInvoice | None) -> Step:
    if held_back is None:
        return Step("Import the file again", reverse("import_invoices"))
    return Step("See what is held back", f"{reverse('held_back')}?run={held_back.run_id}")


def _post(invoice: Invoice, posting: Posting | None) -> Step:
    mine = {"period": invoice.period.billing_id}
    if posting is not None and posting.status == Status.REJECTED:
        url = reverse("upload_again", args=[posting.upload_id])
        return Step("Upload again…", url, {"invoice": str(invoice.pk)}, "arrow-repeat", "Checking…")
    if posting is not None and posting.status == Status.UNDONE:
        return Step("Post again…", reverse("post_again"), mine | {"page": str(invoice.pk)}, busy="Checking…")
    return Step(
        "Check and post…", reverse("upload_to_xero"), mine | {"invoice": str(invoice.pk)}, "cloud-upload", "Checking…"
    )


def _onward(found: Standing, posting: Posting) -> Iterator[Step]:
    """Yield what is left until the customer has it."""
    if states.is_gone(posting) or not posting.xero_id:
        return
    if posting.xero_status in DRAFTS:
        yield Step("Approve…", reverse("invoice_approve", args=[found.invoice.pk]), icon="check-circle")
    elif not found.invoice.is_credit_note and not posting.sent_to_contact:
        yield Step("Send…", reverse("invoice_send", args=[found.invoice.pk]), icon="send")


def _look(found: Standing) -> Step | None:
    posting = found.posting
    if posting is not None and posting.xero_url:
        return Step("Open in Xero", posting.xero_url, icon="box-arrow-up-right", new_tab=True)
    if posting is not None and posting.status in IN_PROGRESS:
        return Step("Watch the upload", reverse("upload", args=[posting.upload_id]))
    return None


def _others(found: Standing) -> Iterator[Step]:
    invoice, posting = found.invoice, found.posting
    if found.may_change and posting is not None and found.is_posted:
        yield from _changes(found, posting)
    if found.may_credit and found.may_change:
        yield Step("Credit…", reverse("invoice_credit", args=[invoice.pk]), icon="receipt")
    yield Step("What Xero receives", reverse("payload", args=[invoice.pk]), icon="journal-text")
    if posting is not None:
        yield Step("Open the upload", reverse("upload", args=[posting.upload_id]), icon="cloud-upload")
    if posting is not None and posting.xero_url:
        yield Step("Open in Xero", posting.xero_url, icon="box-arrow-up-right", new_tab=True)
    if found.may_exclude and found.may_change:
        yield Step("Exclude from Xero", "#exclude", icon="pause-circle")


def _changes(found: Standing, posting: Posting) -> Iterator[Step]:
    pk = found.invoice.pk
    yield Step(COMPARE, reverse("invoice_changed", args=[pk]), icon="layout-three-columns")
    if states.is_gone(posting):
        return
    yield from _onward(found, posting)
    if posting.sent_to_contact and posting.xero_status not in DRAFTS and not found.invoice.is_credit_note:
        yield Step("Send again…", reverse("invoice_send", args=[pk]), icon="send")
    yield Step("Take back in Xero…", reverse("invoice_take_back", args=[pk]), icon="arrow-return-left")
