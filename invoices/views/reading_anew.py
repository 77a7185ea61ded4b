"""What an organisation offers, read anew where a page is about to rely on it."""

from __future__ import annotations

from xero_integration import connections, reference
from xero_integration.client.errors import XeroError
from xero_integration.models import XeroConnection


def read_anew(connection: XeroConnection) -> str:
    """Read what the organisation offers where that is older than a minute; return why it could not be read."""
    if not connection.is_usable:
        return f"{connection.name} is not connected."
    if not reference.is_stale(connection):
        return ""
    try:
        connections.call(connection, lambda gateway: reference.read_for_posting(connection, gateway), click=True)
    except XeroError as error:
        return str(error)
    return ""
