"""The scopes an app may ask for, in words for the consent page."""

IDENTITY = {
    "openid": "know who you are",
    "profile": "see your name",
    "email": "see your e-mail address",
    "offline_access": "stay connected while you are away",
}
GRANULAR = {
    "accounting.settings": "view and change organisation settings, accounts and tax rates",
    "accounting.settings.read": "view organisation settings, accounts and tax rates",
    "accounting.contacts": "view and change contacts",
    "accounting.contacts.read": "view contacts",
    "accounting.invoices": "view and change invoices and credit notes",
    "accounting.invoices.read": "view invoices and credit notes",
    "accounting.payments": "view and change payments",
    "accounting.payments.read": "view payments",
    "accounting.attachments": "view and add attachments",
    "accounting.attachments.read": "view attachments",
}
BROAD = {
    "accounting.transactions": "view and change invoices, credit notes, payments and bank transactions",
    "accounting.transactions.read": "view invoices, credit notes, payments and bank transactions",
}
WORDS = IDENTITY | GRANULAR | BROAD

_SETTINGS = ("accounting.settings",)
_INVOICES = ("accounting.invoices", "accounting.transactions")
_PAYMENTS = ("accounting.payments", "accounting.transactions")
_NEEDED = {
    "Organisation": _SETTINGS,
    "Accounts": _SETTINGS,
    "BrandingThemes": _SETTINGS,
    "TaxRates": _SETTINGS,
    "Currencies": _SETTINGS,
    "TrackingCategories": _SETTINGS,
    "Contacts": ("accounting.contacts",),
    "Invoices": _INVOICES,
    "CreditNotes": _INVOICES,
    "Payments": _PAYMENTS,
    "Prepayments": _PAYMENTS,
    "Overpayments": _PAYMENTS,
}


def unknown(scopes: list[str], broad_allowed: bool) -> list[str]:
    """Return the scopes that this app cannot have; the broad ones only apps from before March 2026 can."""
    allowed = IDENTITY.keys() | GRANULAR.keys() | (BROAD.keys() if broad_allowed else set())
    return [scope for scope in scopes if scope not in allowed]


def suffice(granted: set[str], resource: str, writes: bool) -> bool:
    """Tell whether the granted scopes open this resource; a `.read` scope opens it for reading only.

    What does not exist needs no scope to be not found.
    """
    families = _NEEDED.get(resource, ())
    if resource not in _NEEDED or granted.intersection(families):
        return True
    return not writes and bool(granted.intersection(f"{family}.read" for family in families))
