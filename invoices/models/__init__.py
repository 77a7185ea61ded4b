"""The billing domain, and how far each invoice has come on its way to Xero."""

from invoices.models.billing import BillingPeriod, Customer, Invoice, InvoiceLine
from invoices.models.changes import ChangeCall, ChangeRequest, DocumentChange, PastDocument
from invoices.models.imports import (
    BillResellers,
    DuplicateDecision,
    HeldBackInvoice,
    ImportFinding,
    ImportProfile,
    ImportRun,
    ImportSettings,
    KindRule,
    ReplacedCustomer,
    ReplacedInvoice,
)
from invoices.models.overrides import AccountOverride, CustomerOverride, TaxOverride
from invoices.models.posting import (
    DocumentType,
    Onward,
    Payment,
    Posting,
    PostLog,
    Submission,
    Twin,
    Upload,
    UploadDraft,
)
from invoices.models.readback import AppliedCredit, DocumentEvent, ReadingState, XeroEvent

__all__ = [
    "AccountOverride",
    "AppliedCredit",
    "BillResellers",
    "BillingPeriod",
    "ChangeCall",
    "ChangeRequest",
    "Customer",
    "CustomerOverride",
    "DocumentChange",
    "DocumentEvent",
    "DocumentType",
    "DuplicateDecision",
    "HeldBackInvoice",
    "ImportFinding",
    "ImportProfile",
    "ImportRun",
    "ImportSettings",
    "Invoice",
    "InvoiceLine",
    "KindRule",
    "Onward",
    "PastDocument",
    "Payment",
    "PostLog",
    "Posting",
    "ReadingState",
    "ReplacedCustomer",
    "ReplacedInvoice",
    "Submission",
    "TaxOverride",
    "Twin",
    "Upload",
    "UploadDraft",
    "XeroEvent",
]
