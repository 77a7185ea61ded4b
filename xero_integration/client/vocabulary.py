"""The words of Xero's own that the portal stores, compares with and asks by: each in one place. Pure.

Pages need them, and xero-python, which knows them all, costs a process 0.2 s and 7 MB to import: web processes do not
(`xero_models`). A test holds each word here against xero-python.
"""

from __future__ import annotations

from enum import StrEnum


class SalesType(StrEnum):
    """The `Type` of the documents that the portal makes."""

    INVOICE = "ACCREC"
    CREDIT_NOTE = "ACCRECCREDIT"


class DocumentStatus(StrEnum):
    """The `Status` of an invoice or credit note."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    AUTHORISED = "AUTHORISED"
    PAID = "PAID"
    VOIDED = "VOIDED"
    DELETED = "DELETED"


# What frees its number.
GONE = (DocumentStatus.VOIDED, DocumentStatus.DELETED)


class PaymentStatus(StrEnum):
    """The `Status` of a payment that was taken back."""

    DELETED = "DELETED"


class RecordStatus(StrEnum):
    """The `Status` of an account, contact, tax rate or tracking option that is in use."""

    ACTIVE = "ACTIVE"


class AccountType(StrEnum):
    """The `Type` of the accounts that sales may be posted to."""

    REVENUE = "REVENUE"
    SALES = "SALES"
    OTHERINCOME = "OTHERINCOME"


class TaxType(StrEnum):
    """The tax types outside of all tax; every other is read from the organisation."""

    NONE = "NONE"
    BASEXCLUDED = "BASEXCLUDED"
