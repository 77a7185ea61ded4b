"""A document's status in words."""

from django import template

from xero_integration.client.vocabulary import STATUS_WORDS

register = template.Library()


@register.filter
def xero_status(value: str) -> str:
    """Return Xero's word for a status, an unknown one as it is."""
    return STATUS_WORDS.get(value, value)
