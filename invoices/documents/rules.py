"""What Xero would refuse or make otherwise than invoiced."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from xero_integration.accounts import AccountFacts, sales_problem
from xero_integration.client.vocabulary import DocumentStatus
from xero_integration.payloads import LARGEST_AMOUNT, MAX_REFERENCE, Document, is_exact
from xero_integration.proof import Proof

# https://developer.xero.com/documentation/api/accounting/invoices/ (InvoiceNumber)
MAX_NUMBER = 255


class Severity(StrEnum):
    BLOCKED = "blocked"
    WARNING = "warning"


class Fix(StrEnum):
    """Where a problem is mended."""

    SETTINGS = "settings"
    ACCOUNTS = "accounts"
    TAXES = "taxes"
    KINDS = "kinds"
    CUSTOMERS = "customers"
    CONTACTS = "contacts"
    CHOOSE_CONTACT = "choose_contact"
    SAME_CONTACT = "same_contact"
    DRAFTS = "drafts"
    DECISION = "decision"
    PURCHASE_ORDER = "purchase_order"
    ORDERS = "orders"
    HELD_BACK = "held_back"
    XERO = "xero"
    LINK = "link"
    AWAITING = "awaiting"
    NONE = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an invoice; equal ones share a line on the page.

    `words` say what is wrong and what to do, without naming the invoice; `detail` what is to be said of this one,
    `link` where it is to be seen in Xero. `is_question`: nothing blocks it, but it waits until a person has answered,
    with one of the `answers` (key and name) where the page offers some.
    """

    code: str
    subject: str
    words: str
    fix: Fix
    severity: Severity = Severity.BLOCKED
    detail: str = field(default="", compare=False)
    is_question: bool = False
    link: str = field(default="", compare=False)
    answers: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def of_this_one(self) -> str:
        return self.detail or self.words


@dataclass(frozen=True)
class Organisation:
    name: str
    currencies: frozenset[str]
    accounts: Mapping[str, AccountFacts]
    themes: frozenset[str]
    locked_until: dt.date | None = None
    # Whoever uploads an invoice may not approve it.
    two_people: bool = False


def problems(
    document: Document,
    proof: Proof,
    organisation: Organisation,
    *,
    warn_up_to: Decimal | None = None,
    is_own_theme: bool = False,
    is_own_status: bool = False,
) -> list[Problem]:
    """Return what is known against a document.

    `warn_up_to` is the difference (Decimal, absolute, in its currency) up to which an unequal total only warns; None
    blocks every difference. `is_own_theme`: the theme is the customer's own;
    `is_own_status`: its status is.
    """
    return [
        *_currency(document, organisation),
        *_accounts(document, organisation),
        *_theme(document, organisation, Fix.CUSTOMERS if is_own_theme else Fix.SETTINGS),
        *_lock_dates(document, organisation),
        *_two_people(document, organisation, Fix.CUSTOMERS if is_own_status else Fix.AWAITING),
        *_form(document),
        *_amounts(document),
        *_total(document, proof, warn_up_to),
    ]


def _currency(document: Document, organisation: Organisation) -> Iterable[Problem]:
    if organisation.currencies and document.currency not in organisation.currencies:
        yield Problem(
            "currency",
            document.currency,
            f"{organisation.name} is not subscribed to currency {document.currency}. "
            "Add it in Xero under Settings → Currencies, then read the organisation again.",
            Fix.XERO,
        )


def _accounts(document: Document, organisation: Organisation) -> Iterable[Problem]:
    for code in sorted({line.account_code for line in document.lines}):
        if problem := sales_problem(organisation.accounts, code, organisation.name):
            yield Problem("account", code, problem.words, Fix.ACCOUNTS)


def theme_missing(organisation: str) -> str:
    return f"The chosen theme is no longer there in {organisation}. Choose another."


def _theme(document: Document, organisation: Organisation, fix: Fix) -> Iterable[Problem]:
    if document.theme_id and document.theme_id not in organisation.themes:
        yield Problem(
            "theme",
            document.theme_id,
            theme_missing(organisation.name),
            fix,
        )


def _lock_dates(document: Document, organisation: Organisation) -> Iterable[Problem]:
    # https://developer.xero.com/documentation/api/accounting/organisation/ (PeriodLockDate, EndOfYearLockDate)
    locked = organisation.locked_until
    if locked and document.status == DocumentStatus.AUTHORISED and document.issued_on <= locked:
        yield Problem(
            "locked",
            locked.isoformat(),
            f"{organisation.name} is locked up to {locked:%-d %B %Y}, and approved invoices dated until then are "
            "refused. Post them as drafts, or change the lock date in Xero.",
            Fix.DRAFTS,
        )


def _two_people(document: Document, organisation: Organisation, fix: Fix) -> Iterable[Problem]:
    if organisation.two_people and document.status == DocumentStatus.AUTHORISED:
        where = "Settings → Customers has it arrive" if fix == Fix.CUSTOMERS else "It would arrive"
        yield Problem(
            "two_people",
            "",
            f"{where} as approved, and whoever uploads an invoice may not approve it. Post it as awaiting approval: "
            "then another person approves it.",
            fix,
        )


def _form(document: Document) -> Iterable[Problem]:
    if not document.lines:
        yield Problem("lines", "", "The invoice has no lines.", Fix.NONE)
    if not 0 < len(document.number) <= MAX_NUMBER or not _is_plain(document.number):
        yield Problem(
            "number",
            "",
            f"Xero takes numbers of 1 to {MAX_NUMBER} plain characters only, not of quotation marks alone.",
            Fix.NONE,
        )
    if len(document.reference) > MAX_REFERENCE:
        yield Problem("reference", "", f"Xero takes references of at most {MAX_REFERENCE} characters.", Fix.NONE)
    if document.due_on < document.issued_on:
        yield Problem("due", "", "It is due before it is issued.", Fix.CUSTOMERS, Severity.WARNING)


def _is_plain(number: str) -> bool:
    # No look-up can ask for one of nothing but what no filter of Xero's can hold.
    return number.isascii() and number.isprintable() and bool(number.strip('"\\ '))


def _amounts(document: Document) -> Iterable[Problem]:
    amounts = [document.total, *(line.line_amount for line in document.lines)]
    if not all(map(is_exact, amounts[1:])):
        yield Problem("digits", "", "The amount of a line has more digits than can be sent to Xero.", Fix.NONE)
    elif max(map(abs, amounts)) > LARGEST_AMOUNT:
        yield Problem(
            "amount",
            "",
            f"Xero takes no amount beyond {LARGEST_AMOUNT:,}, neither of a line nor in total. Divide the invoice at "
            "its source and import that, or ignore it here.",
            Fix.NONE,
        )


def _total(document: Document, proof: Proof, warn_up_to: Decimal | None) -> Iterable[Problem]:
    if proof.is_equal:
        return
    small = warn_up_to is not None and abs(proof.difference) <= warn_up_to
    severity = Severity.WARNING if small else Severity.BLOCKED
    words = "Xero would come to another total than the invoice, by its rounding."
    yield Problem("total", "", words, Fix.SETTINGS, severity, str(proof))
