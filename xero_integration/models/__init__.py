"""What the portal keeps about Xero."""

from xero_integration.models.calls import CallBudget, CallCount
from xero_integration.models.connections import (
    DifferencePolicy,
    InvoiceStatus,
    TokenSet,
    XeroConnection,
    XeroSettings,
)
from xero_integration.models.reference import (
    Account,
    BrandingTheme,
    Contact,
    ContactLink,
    Currency,
    ReferenceData,
    TaxRate,
    TrackingCategory,
    UnlinkedContact,
)

__all__ = [
    "Account",
    "BrandingTheme",
    "CallBudget",
    "CallCount",
    "Contact",
    "ContactLink",
    "Currency",
    "DifferencePolicy",
    "InvoiceStatus",
    "ReferenceData",
    "TaxRate",
    "TokenSet",
    "TrackingCategory",
    "UnlinkedContact",
    "XeroConnection",
    "XeroSettings",
]
