"""What the preflight says of an invoice that looks like another one."""

from __future__ import annotations

from c3portal.formats import amounts
from invoices.documents.rules import Fix, Problem, Severity
from invoices.duplicates.comparison import Likeness, Lookalike
from invoices.models import Customer, Invoice, Posting
from invoices.models.statuses import IN_PROGRESS

CODE = "looks_same"
LIKE = {
    Likeness.SAME: "The same lines and total as {}, {}.",
    Likeness.REKEYED: "The same lines and total as {}, {}, but another customer key.",
    Likeness.NEAR: "The same customer, dates and currency as {}, {}, with other lines or another total.",
    Likeness.PARTED: "It was set aside for {}, {}, which is not like it any more.",
    Likeness.BESIDE: "The customer has another invoice for the same dates in one billing: {}, {}.",
}


def where(other: Invoice) -> str:
    """Return the relative clause that says where an invoice is."""
    status = getattr(getattr(other, "posting", None), "status", "")
    if status == Posting.Status.POSTED:
        return "which is in Xero"
    return "which is on its way to Xero" if status in IN_PROGRESS else "which is not in Xero"


def sentence(invoice: Invoice, found: Lookalike) -> str:
    """Return which other invoice this one looks like."""
    other = found.other
    words = LIKE[found.likeness].format(other.number, where(other))
    if found.likeness == Likeness.REKEYED:
        return f"{words} There: {_who(other.customer)}. Here: {_who(invoice.customer)}."
    if other.total == invoice.total:
        return words
    totals = [amounts.written(each.total, each.currency) for each in (other, invoice)]
    return f"{words} Its total is {totals[0]}, this one's {totals[1]}."


def _who(customer: Customer) -> str:
    has_key = customer.key_from == Customer.Key.TENANT
    return f"{customer.name} ({customer.tenant_id if has_key else 'no tenant id'})"


def subject(invoice: Invoice, found: Lookalike) -> str:
    """Return what those have in common that one decision may be about: how alike, both billings, where the other is."""
    return f"{found.likeness} {invoice.period.billing_id} {found.other.period.billing_id} {where(found.other)}"


def problems(invoice: Invoice, found: Lookalike | None) -> tuple[Problem, ...]:
    """Return the problem with an invoice that looks like another one; those of one billing like those of another share
    it."""
    if found is None:
        return ()
    of_billing = f"an invoice of billing {found.other.period.billing_id}"
    return (
        Problem(
            CODE,
            subject(invoice, found),
            LIKE[found.likeness].format(of_billing, where(found.other)),
            Fix.DECISION,
            Severity.WARNING,
            sentence(invoice, found),
            is_question=found.holds,
        ),
    )
