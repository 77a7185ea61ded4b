"""What each control call does."""

from collections.abc import Iterable
from typing import Any

from django.db.models import F

from c3_sandbox import clock
from c3_sandbox.api import readings
from c3_sandbox.api.call_log import LONGEST_LOG, call_log
from c3_sandbox.billing import periods, seeding
from c3_sandbox.control.endpoint import ControlRefused
from c3_sandbox.faults.registry import Order, orders
from c3_sandbox.models import Customer, Invoice, Partner, Period
from c3_sandbox.storage import writing

Body = dict[str, Any]


def reset(body: Body) -> Any:
    """Start afresh: customers, periods, readings, clock, faults and log. The way in stays, and tokens stay good."""
    seeding.start_fresh(int(body.get("customers", seeding.CUSTOMERS)), int(body.get("periods", seeding.PERIODS)))
    clock.shift_to(0)
    orders.cancel()
    call_log.forget()
    return state({})


def state(body: Body) -> Any:
    """Tell the periods, newest first, with every invoice's total."""
    return {"periods": [_period(period) for period in _with_invoices(Period.objects.all())]}


def _with_invoices(found: Any) -> Iterable[Period]:
    return found.prefetch_related("invoices")  # type: ignore[no-any-return]


def _period(period: Period) -> Body:
    return {
        "id": period.pk,
        "billing_id": period.billing_id,
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "listed": period.listed,
        "lines": sum(invoice.line_count for invoice in period.invoices.all()),
        "totals": {invoice.number: str(invoice.total) for invoice in period.invoices.all()},
    }


def credentials(body: Body) -> Any:
    """Tell what C3 hands out offline for its API."""
    partner = seeding.partner()
    return {
        "directory_id": partner.directory_id,
        "client_id": str(partner.client_id),
        "client_secret": partner.client_secret,
        "scope": partner.scope,
        "resource": str(partner.resource),
    }


def end_tokens(body: Body) -> Any:
    """End every token that was given."""
    with writing():
        Partner.objects.update(token_generation=F("token_generation") + 1)
    return {}


def calls(body: Body) -> Any:
    """Tell the newest calls, oldest first."""
    return {"calls": [call.as_json() for call in call_log.newest(int(body.get("last", LONGEST_LOG)))]}


def forget(body: Body) -> Any:
    """Forget the calls."""
    call_log.forget()
    return {}


def choose_readings(body: Body) -> Any:
    """Choose among the readings of what C3 leaves open."""
    with writing():
        readings.choose(body)
    return readings.as_json()


def list_readings(body: Body) -> Any:
    """Tell the readings in force."""
    return readings.as_json()


def set_clock(body: Body) -> Any:
    """Set the clock `shift_seconds` ahead of real time, or move it `add_seconds` further."""
    if "shift_seconds" in body:
        clock.shift_to(float(body["shift_seconds"]))
    clock.shift_by(float(body.get("add_seconds", 0)))
    return {"shifted_seconds": clock.shifted_seconds()}


def list_faults(body: Body) -> Any:
    """Tell the orders with how often they met and struck."""
    return {"faults": orders.listed()}


def place_fault(body: Body) -> Any:
    """Order a fault."""
    return {"id": orders.place(Order(**body)).id}


def cancel_faults(body: Body) -> Any:
    """Lift all orders."""
    orders.cancel()
    return {}


def generate(body: Body) -> Any:
    """Make the next period; or `again` (a BillingId) anew, `same` (a BillingId) with some amounts changed."""
    with writing():
        if "again" in body:
            again = Period.objects.get(billing_id=body["again"])
            made = periods.generate_again(again, keep_listed=bool(body.get("keep_listed", True)))
        elif "same" in body:
            made = Period.objects.get(billing_id=body["same"])
            periods.change_amounts(made)
        else:
            made = periods.generate_next()
    return _period(made)


def rename_customer(body: Body) -> Any:
    """Rename the customer of the ERP id `erp_id` to `name`; `on_invoices` that are there too."""
    with writing():
        customer = Customer.objects.get(erp_id=body["erp_id"])
        periods.rename(customer, str(body["name"]), on_invoices=bool(body.get("on_invoices")))
    return {}


def change_customer(body: Body) -> Any:
    """Put `details` (C3's names) over what the customer calls answer of the customer of the ERP id `erp_id`."""
    with writing():
        customer = Customer.objects.get(erp_id=body["erp_id"])
        customer.details |= body["details"]
        customer.save(update_fields=["details"])
    return {}


def change_lines(body: Body) -> Any:
    """Put `fields` (C3's names) over every line of the invoice `number`, whatever they are then."""
    if not isinstance(body["fields"], dict):
        raise ControlRefused("fields must be an object.")
    with writing():
        for line in Invoice.objects.get(number=body["number"]).lines.all():
            line.own |= body["fields"]
            line.save(update_fields=["own"])
    return {}
