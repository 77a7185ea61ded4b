"""What a document is in Xero, in words."""

from decimal import Decimal

from django import template

from invoices.models import Posting
from invoices.readback import states
from xero_integration.client.vocabulary import STATUS_WORDS

register = template.Library()


@register.filter
def xero_status(value: str) -> str:
    """Return Xero's word for a status, an unknown one as it is."""
    return STATUS_WORDS.get(value, value)


def _known(posting: object) -> Posting | None:
    # A template has a text in place of the posting that an invoice lacks.
    return posting if isinstance(posting, Posting) else None


@register.filter
def xero_state(posting: object) -> str:
    """Return what the document is in Xero, its status as it is where that is unknown."""
    state = states.state_of(_known(posting))
    return str(state.label) if state else getattr(posting, "xero_status", "")


@register.filter
def is_gone(posting: object) -> bool:
    """Return whether it was voided or deleted in Xero, or is not shown there any more."""
    return states.is_gone(_known(posting))


@register.filter
def asks(posting: object) -> bool:
    """Return whether it was changed in Xero and nobody decided about it."""
    return states.asks(_known(posting))


@register.filter
def signed(posting: Posting, name: str) -> Decimal | None:
    """Return the posting's amount of this name with the sign of the invoice's total."""
    return states.signed(posting, getattr(posting, name))
