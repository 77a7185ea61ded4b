"""How the status of a document in Xero is called on the pages."""

from django import template

register = template.Library()

NAMES = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting approval",
    "AUTHORISED": "Approved",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


@register.filter
def xero_status(value: str) -> str:
    """Return Xero's own words for a document's status, and a status that is not known as it is."""
    return NAMES.get(value, value)
