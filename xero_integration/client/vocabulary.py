"""Xero's words that the portal stores or compares with. Pure."""

from __future__ import annotations

from enum import StrEnum


# Not taken from xero-python, which costs a process 0.2 s and 7 MB to import: web processes do without (`xero_models`).
# A test holds each word against it. https://developer.xero.com/documentation/api/accounting/types/
class SalesType(StrEnum):
    INVOICE = "ACCREC"
    CREDIT_NOTE = "ACCRECCREDIT"


class DocumentStatus(StrEnum):
    """`Status` of a document."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    AUTHORISED = "AUTHORISED"
    PAID = "PAID"
    VOIDED = "VOIDED"
    DELETED = "DELETED"


# As Xero's pages name them.
STATUS_WORDS: dict[str, str] = {
    DocumentStatus.DRAFT: "Draft",
    DocumentStatus.SUBMITTED: "Awaiting approval",
    DocumentStatus.AUTHORISED: "Approved",
    DocumentStatus.PAID: "Paid",
    DocumentStatus.VOIDED: "Voided",
    DocumentStatus.DELETED: "Deleted",
}
# What frees its number.
GONE = (DocumentStatus.VOIDED, DocumentStatus.DELETED)


# `Changes` of what a document's history tells of a mail. No documentation lists them; any other word tells nothing.
MAILED = ("Emailed", "Email Sent", "Invoice Sent")


class PaymentStatus(StrEnum):
    """`Status` of a payment that was taken back."""

    DELETED = "DELETED"


class OrganisationClass(StrEnum):
    """`Class` of organisations that may mail less than others."""

    DEMO = "DEMO"
    TRIAL = "TRIAL"


class RecordStatus(StrEnum):
    """`Status` of reference data in use."""

    ACTIVE = "ACTIVE"


class AccountType(StrEnum):
    """`Type` of accounts that take sales."""

    REVENUE = "REVENUE"
    SALES = "SALES"
    OTHERINCOME = "OTHERINCOME"


class TaxType(StrEnum):
    """`TaxType` outside of all tax; every other is read from the organisation."""

    NONE = "NONE"
    BASEXCLUDED = "BASEXCLUDED"
