"""A document's status in words."""

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
    """Return Xero's word for a status, an unknown one as it is."""
    return NAMES.get(value, value)
