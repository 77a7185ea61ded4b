"""How the status of a document in Xero is called on the pages."""

from django import template

from xero_integration.client.vocabulary import DocumentStatus

register = template.Library()

NAMES: dict[str, str] = {
    DocumentStatus.DRAFT: "Draft",
    DocumentStatus.SUBMITTED: "Awaiting approval",
    DocumentStatus.AUTHORISED: "Approved",
    DocumentStatus.PAID: "Paid",
    DocumentStatus.VOIDED: "Voided",
    DocumentStatus.DELETED: "Deleted",
}


@register.filter
def xero_status(value: str) -> str:
    """Return Xero's own words for a document's status, and a status that is not known as it is."""
    return NAMES.get(value, value)
