"""From invoices to documents for Xero."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings

from invoices.documents import (
    billing_contact,
    corrections,
    exact_sum,
    kept,
    mapping,
    orders,
    places,
    references,
    rules,
    size,
)
from invoices.documents.billing_contact import BillingRules
from invoices.documents.kept import Kept
from invoices.documents.places import LineChoice, PlaceRules
from invoices.documents.rules import Fix, Problem, Severity
from invoices.models import (
    CustomerOverride,
    DocumentType,
    Invoice,
    InvoiceLine,
    Posting,
)
from xero_integration import contacts, proof, reference
from xero_integration.client.vocabulary import DocumentStatus, TaxType
from xero_integration.contacts import LinkedContact
from xero_integration.models import DifferencePolicy, TaxRate, XeroConnection
from xero_integration.payloads import Charge, Document, line, reference_text, to_cents


@dataclass(frozen=True)
class Refused:
    """An invoice that must not be sent, and why."""

    words: str


@dataclass(frozen=True)
class Own:
    """A customer's own settings; what is empty stays the default."""

    theme_id: str = ""
    invoice_status: str = ""
    due_days: int | None = None
    bill_resellers: str = ""
    purchase_order: str = ""
    requires_purchase_order: bool = False


@dataclass(frozen=True)
class Differences:
    """What is done about a total that Xero would make differ by up to `limit`."""

    policy: str
    limit: Decimal
    account_code: str
    tax_type: str


@dataclass(frozen=True)
class DocumentContext:
    """What of the organisation, the settings and the overrides goes into documents."""

    accounts: mapping.AccountRules
    taxes: mapping.TaxRules
    theme_id: str
    organisation: rules.Organisation
    differences: Differences
    customers: Mapping[str, Own] = field(default_factory=dict)
    billing: BillingRules = field(default_factory=BillingRules)
    reference_template: str = ""
    orders: Mapping[uuid.UUID, tuple[str, ...]] = field(default_factory=dict)
    kept: Kept | None = None

    @property
    def places(self) -> PlaceRules:
        """What decides where lines go."""
        return PlaceRules(self.accounts, self.taxes, self.organisation.accounts)

    @property
    def rows(self) -> Kept:
        """The rows that it was read from. Raises ValueError for one that was made of nothing but values."""
        if self.kept is None:
            raise ValueError("This context was not read.")
        return self.kept


@dataclass(frozen=True)
class Prepared:
    document: Document
    choices: tuple[LineChoice, ...]
    proof: proof.Proof
    problems: tuple[Problem, ...]
    reference_because: str = ""

    @property
    def is_blocked(self) -> bool:
        return any(problem.severity == Severity.BLOCKED for problem in self.problems)


def marker(invoice: Invoice) -> str:
    """Return the text in a document's Url or Reference that proves it to be ours: always the same of one attempt. Those
    of all attempts begin with that of the first (`first_marker`)."""
    return f"{first_marker(invoice)}-{invoice.attempt + 1}" if invoice.attempt else first_marker(invoice)


def first_marker(invoice: Invoice) -> str:
    """Return the marker of an invoice that was never taken back."""
    return f"C3-{invoice.pk.hex[:12]}"


def address(invoice: Invoice) -> str:
    """Return the invoice's address in the portal, which proves what releases before sent with it."""
    return f"{settings.PORTAL_URL}{invoice.get_absolute_url()}"


def url(invoice: Invoice) -> str:
    """Return the invoice's address in the portal with its marker, "" when Xero would refuse it."""
    # Xero refuses an address with its own name in it, and one that names no host.
    where = f"{address(invoice)}?marker={marker(invoice)}"
    return "" if "xero" in where.casefold() or not urlsplit(where).netloc else where


def build_documents(connection: XeroConnection, postings: Sequence[Posting]) -> dict[int, Document | Refused]:
    """Return the document by posting id, or why there must be none; in the postings' order, in a constant number of
    queries."""
    invoices = Invoice.objects.filter(pk__in=[each.invoice_id for each in postings])
    invoices = invoices.select_related(
        "customer", "bill_to__same_as", "period", "posting", "corrects__posting__invoice"
    ).prefetch_related("lines")
    by_id = {each.pk: each for each in invoices}
    rows = Posting.objects.filter(pk__in=[each.pk for each in postings])
    uploads = rows.values_list("pk", "upload__invoice_status", "upload__locked_as_drafts")
    statuses = {pk: (status, locked_as_drafts) for pk, status, locked_as_drafts in uploads}
    context = read_context(connection, by_id.values())
    keys = {context.billing.recipient(each).tenant_id for each in by_id.values()}
    linked = contacts.of_customers(connection, keys)
    return {
        each.pk: _document_or_refusal(each, by_id[each.invoice_id], *statuses[each.pk], linked=linked, context=context)
        for each in postings
    }


def _document_or_refusal(
    posting: Posting,
    invoice: Invoice,
    status: str,
    locked_as_drafts: bool,
    *,
    linked: Mapping[str, LinkedContact],
    context: DocumentContext,
) -> Document | Refused:
    recipient = context.billing.recipient(invoice)
    contact = linked.get(recipient.tenant_id)
    if contact is None:
        who = "The customer" if recipient == invoice.customer else f"The reseller “{recipient.name}”"
        return Refused(f"{who} has no contact in Xero yet. Upload again.")
    if contact.why_unusable:
        return Refused(contact.why_unusable)
    if (posting.document_type == DocumentType.CREDIT_NOTE) != invoice.is_credit_note:
        return Refused("The total's sign changed with a later import. Upload again.")
    try:
        prepared = build(invoice, status, contact.contact_id, context, locked_as_drafts=locked_as_drafts)
    except mapping.Unmapped as error:
        return Refused(str(error))
    found = (*corrections.problems(invoice, posting.connection_id), *prepared.problems)
    blocking = [each.of_this_one for each in found if each.severity == Severity.BLOCKED]
    return Refused(" ".join(blocking)) if blocking else prepared.document


def read_context(connection: XeroConnection, invoices: Iterable[Invoice] = ()) -> DocumentContext:
    """Return what documents of `invoices` for this organisation are made with, in at most two queries."""
    found = kept.read(connection)
    app = found.app
    theme = reference.find_theme(app, connection, found.themes) if app.theme_name or app.theme_id else None
    return DocumentContext(
        accounts=places.account_rules(
            {kind: getattr(app, name) for kind, name in places.CODE_FIELDS.items()}, found.accounts
        ),
        taxes=places.tax_rules(found.rates, found.taxes),
        # A theme that is set but not there is a problem of every document, never a silent fall to the standard one.
        theme_id=theme.theme_id if theme else app.theme_id or app.theme_name,
        organisation=_organisation(connection, found),
        differences=Differences(
            app.difference_policy, app.difference_limit, app.rounding_account_code, _untaxed(found.rates)
        ),
        customers={own.customer.tenant_id: _own(own) for own in found.customers},
        billing=billing_contact.rules_of(found.bill_resellers, found.customers),
        reference_template=app.reference_template,
        orders=orders.of_invoices(invoices, found.orders),
        kept=found,
    )


def _own(row: CustomerOverride) -> Own:
    return Own(
        row.theme_id,
        row.invoice_status,
        row.due_days,
        row.bill_resellers,
        row.purchase_order,
        row.requires_purchase_order,
    )


def _untaxed(rates: Sequence[TaxRate]) -> str:
    # Outside of all tax where the organisation has such a type, else the first of 0 %.
    none = [rate.tax_type for rate in rates if rate.effective_rate == 0]
    return next((each for each in TaxType if each in none), none[0] if none else "")


def read_own() -> dict[str, Own]:
    """Return what customers have of their own, by tenant id."""
    return {each.customer.tenant_id: _own(each) for each in CustomerOverride.objects.select_related("customer")}


def _organisation(connection: XeroConnection, found: Kept) -> rules.Organisation:
    locks = [day for day in (connection.period_lock_date, connection.end_of_year_lock_date) if day]
    return rules.Organisation(
        name=connection.name,
        currencies=found.currencies,
        accounts=found.offered,
        themes=frozenset(each.theme_id for each in found.themes),
        locked_until=max(locks, default=None),
        two_people=found.app.two_people,
    )


def build(
    invoice: Invoice, status: str, contact_id: str, context: DocumentContext, *, locked_as_drafts: bool = False
) -> Prepared:
    """Return the document for an invoice whose customer, reseller, period and lines are loaded.

    The recipient's own status goes before `status`; with `locked_as_drafts` what lies in a locked period goes as a
    draft. Raises mapping.Unmapped for a line without a place.
    """
    # How a document looks and when it is due is between the partner and whoever gets it.
    recipient = context.billing.recipient(invoice)
    own = context.customers.get(recipient.tenant_id, Own())
    of_lines = () if invoice.purchase_order else context.orders.get(orders.named_by(invoice), ())
    named = _named(invoice, own, of_lines)
    shown, because = references.shown(context.reference_template, named)
    lines = list(invoice.lines.all())
    to, country = context.places, context.billing.tax_country(invoice)
    chosen = [places.choose(each, invoice.customer, country, to) for each in lines]
    document = Document(
        is_credit_note=invoice.is_credit_note,
        number=invoice.number_in_xero,
        contact_id=invoice.contact_id or contact_id,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on if own.due_days is None else invoice.issued_on + dt.timedelta(days=own.due_days),
        currency=invoice.currency,
        status=own.invoice_status or status,
        reference=reference_text(shown, "" if _bears_url(invoice) else marker(invoice)),
        url=url(invoice),
        theme_id=own.theme_id or context.theme_id,
        lines=tuple(
            line(_charge(each, choice, rate), invoice.currency, is_credit_note=invoice.is_credit_note)
            for each, (choice, rate) in zip(lines, chosen, strict=True)
        ),
    )
    locked = context.organisation.locked_until
    if locked_as_drafts and locked and document.issued_on <= locked:
        document = replace(document, status=DocumentStatus.DRAFT.value)
    prepared = _proven(document, invoice, lines, tuple(choice for choice, _ in chosen), context)
    unlike = orders.several(named.order, of_lines, own.purchase_order, document.reference) if of_lines else []
    prepared = replace(prepared, reference_because=because, problems=(*prepared.problems, *unlike))
    if named.order or not own.requires_purchase_order:
        return prepared
    missing = references.order_missing(recipient.tenant_id, recipient.name)
    return replace(prepared, problems=(missing, *prepared.problems))


def _named(invoice: Invoice, own: Own, of_lines: Sequence[str]) -> references.Named:
    """`of_lines`: the PO number of each line's subscription, where any has one and the invoice came with none."""
    order, order_from = own.purchase_order, "Settings → Customers"
    if invoice.purchase_order:
        order, order_from = invoice.purchase_order, "its file"
    elif of_lines:
        order, order_from = orders.joined(of_lines, own.purchase_order), "Settings → PO numbers"
    return references.Named(
        order,
        order_from,
        invoice.period.billing_id,
        invoice.number,
        invoice.xero_number,
        _corrected(invoice),
    )


def _corrected(invoice: Invoice) -> str:
    posting = getattr(invoice.corrects, "posting", None)
    return posting.number_in_xero if posting else ""


def _bears_url(invoice: Invoice) -> bool:
    # Credit notes have no Url: https://developer.xero.com/documentation/api/accounting/creditnotes/
    return bool(url(invoice)) and not invoice.is_credit_note


def _charge(each: InvoiceLine, choice: LineChoice, rate: mapping.Rate) -> Charge:
    return Charge(
        name=each.name,
        sku=each.sku,
        # What a correction takes over of usage has quantity and rate in its words already.
        is_usage=each.kind == InvoiceLine.Kind.AZURE and not each.account_code,
        quantity=each.quantity,
        unit_price=each.unit_price,
        subtotal=each.subtotal,
        starts_on=each.charge_start,
        ends_on=each.charge_end,
        account_code=choice.account_code,
        tax_type=rate.tax_type,
        tax_rate=rate.percentage,
    )


def _proven(
    document: Document,
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    choices: tuple[LineChoice, ...],
    context: DocumentContext,
) -> Prepared:
    sign = -1 if invoice.is_credit_note else 1
    invoiced = [sign * (to_cents(each.subtotal) + to_cents(each.tax)) for each in lines]
    total, extra = (
        _expected(invoice, context.differences) if sum(invoiced) == abs(invoice.total) else (invoice.total, [])
    )
    found = proof.prove(document, invoiced, abs(total))
    policy = context.differences
    is_small = abs(found.difference) <= policy.limit
    if not found.is_equal and is_small and policy.policy == DifferencePolicy.ROUNDING_LINE:
        if policy.account_code and policy.tax_type:
            document = proof.with_rounding_line(document, found.difference, policy.account_code, policy.tax_type)
            found = replace(found, in_xero=document.total)
        else:
            extra.append(Problem("rounding", "", "No account is set for rounding lines.", Fix.SETTINGS))
    warn_up_to = policy.limit if policy.policy == DifferencePolicy.WARN else None
    is_own_theme = document.theme_id != context.theme_id
    own = context.customers.get(context.billing.recipient(invoice).tenant_id, Own())
    known = rules.problems(
        document,
        found,
        context.organisation,
        warn_up_to=warn_up_to,
        is_own_theme=is_own_theme,
        is_own_status=bool(own.invoice_status),
    )
    return Prepared(document, choices, found, (*extra, *known, *size.problems(document)))


def _expected(invoice: Invoice, policy: Differences) -> tuple[Decimal, list[Problem]]:
    """Return the total that the document is to come to, and what is to be said of amounts finer than a cent."""
    exact = exact_sum.of(invoice)
    if exact is None:
        return invoice.total, []
    may_differ = abs(exact.difference) <= policy.limit and exact.keeps_its_sign
    adds_line = may_differ and policy.policy == DifferencePolicy.ROUNDING_LINE
    warns = may_differ and policy.policy == DifferencePolicy.WARN
    said = exact_sum.problem(exact, adds_line=adds_line, warns=warns)
    return exact.due if adds_line else invoice.total, [said]
