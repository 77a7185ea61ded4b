"""The billing domain, and how far each invoice has come on its way to Xero."""

from invoices.models.billing import BillingPeriod, Customer, Invoice, InvoiceLine
from invoices.models.imports import ImportFinding, ImportRun
from invoices.models.overrides import AccountOverride, CustomerOverride, TaxOverride
from invoices.models.posting import DocumentType, Payment, Posting, PostLog, Submission, Twin, Upload, UploadDraft

__all__ = [
    "AccountOverride",
    "BillingPeriod",
    "Customer",
    "CustomerOverride",
    "DocumentType",
    "ImportFinding",
    "ImportRun",
    "Invoice",
    "InvoiceLine",
    "Payment",
    "PostLog",
    "Posting",
    "Submission",
    "TaxOverride",
    "Twin",
    "Upload",
    "UploadDraft",
]
