"""C3's calls: what each answers to a caller with a good token."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from c3_sandbox import wire
from c3_sandbox.api import customers, lines
from c3_sandbox.api.answers import Answer, refusal, success
from c3_sandbox.api.readings import current
from c3_sandbox.models import Customer, Period

# As many as the call's name promises.
LISTED = 9


class BadRequest(ValueError):
    """What was asked makes no sense; the words say why."""


def billing_periods(request: HttpRequest) -> Answer:
    """Answer the nine newest periods, newest first."""
    return _all([_period(period) for period in Period.objects.filter(listed=True)[:LISTED]])


def _period(period: Period) -> dict[str, Any]:
    return {
        "ID": period.pk,
        "StartDate": lines.midnight(period.start),
        "EndDate": lines.midnight(period.end),
        "BillingId": period.billing_id,
    }


def invoice_lines(request: HttpRequest, period_id: str = "") -> Answer:
    """Answer the lines of a period, or of the newest one."""
    readings = current()
    try:
        tenants = _tenants(request)
    except BadRequest as error:
        return refusal(readings, "The request is not valid.", str(error))
    period = _find(period_id)
    if period is None:
        return refusal(readings, "Billing period not found.", f"There is no billing period {period_id}.", code=404)
    return lines.download(period, tenants, readings)


def _find(period_id: str) -> Period | None:
    if not period_id:
        return Period.objects.filter(listed=True).first()
    return Period.objects.filter(pk=int(period_id)).first() if period_id.isdecimal() else None


def _tenants(request: HttpRequest) -> list[str]:
    """Return the tenants asked for: documented is one text with commas, seen in use is an array; empty means all."""
    if not request.body.strip():
        return []
    try:
        body = wire.decode(request.body)
    except wire.NotJson as error:
        raise BadRequest("The body is not JSON.") from error
    given = body.get("TenantIds") if isinstance(body, dict) else None
    parts = given.split(",") if isinstance(given, str) else given or []
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadRequest("TenantIds is neither a text nor an array of texts.")
    return [_guid(part) for part in parts if part.strip()]


def _guid(text: str) -> str:
    try:
        return str(UUID(text.strip()))
    except ValueError as error:
        raise BadRequest(f"{text.strip()!r} is not a tenant's id.") from error


def active_customers(request: HttpRequest) -> Answer:
    """Answer the active customers."""
    readings = current()
    return _all([customers.active(customer, readings) for customer in Customer.objects.all()])


def customer_details(request: HttpRequest) -> Answer:
    """Answer the active customers' details."""
    return _all([customers.details(customer) for customer in Customer.objects.all()])


def _all(rows: list[dict[str, Any]]) -> Answer:
    return success(map(wire.encode, rows), len(rows))
