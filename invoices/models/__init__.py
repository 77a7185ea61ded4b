"""The billing domain, and how far each invoice has come on its way to Xero."""

from invoices.models.attention import AttentionCheck
from invoices.models.billing import (
    BilledTax,
    BillingPeriod,
    Customer,
    Invoice,
    InvoiceLine,
    LaterLine,
    LaterVersion,
)
from invoices.models.changes import ChangeCall, ChangeRequest, DocumentChange, PastDocument
from invoices.models.closing import OthersInXero, PeriodClosing
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
from invoices.models.listing import ListChoices
from invoices.models.overrides import AccountOverride, CustomerOverride, SubscriptionOrder, TaxOverride
from invoices.models.posting import (
    DocumentType,
    Onward,
    Payment,
    Posting,
    PostLog,
    SentDocument,
    Submission,
    Twin,
    Upload,
    UploadDraft,
    XeroAnswer,
)
from invoices.models.readback import AppliedCredit, DocumentEvent, ReadingState, XeroEvent
from invoices.models.trial import TrialDraft

__all__ = [
    "AccountOverride",
    "AppliedCredit",
    "AttentionCheck",
    "BillResellers",
    "BilledTax",
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
    "LaterLine",
    "LaterVersion",
    "ListChoices",
    "Onward",
    "OthersInXero",
    "PastDocument",
    "Payment",
    "PeriodClosing",
    "PostLog",
    "Posting",
    "ReadingState",
    "ReplacedCustomer",
    "ReplacedInvoice",
    "SentDocument",
    "Submission",
    "SubscriptionOrder",
    "TaxOverride",
    "TrialDraft",
    "Twin",
    "Upload",
    "UploadDraft",
    "XeroAnswer",
    "XeroEvent",
]
