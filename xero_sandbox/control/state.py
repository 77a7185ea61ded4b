"""Control calls about the run itself: reset, state, calls, faults, clock and limits."""

from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

from xero_sandbox import clock, seeding
from xero_sandbox.api.idempotency import keys
from xero_sandbox.api.limits import limits
from xero_sandbox.control.endpoint import ControlRefused
from xero_sandbox.faults.registry import Order, orders
from xero_sandbox.models import ENDED, Document, Organisation, dollars
from xero_sandbox.monitor.call_log import call_log

Body = dict[str, Any]


def reset(body: Body) -> Any:
    """Start afresh: documents, reference data, keys, limits, clock, faults and memory. `keep_apps` spares the apps."""
    seeding.start_fresh(keep_apps=bool(body.get("keep_apps")))
    clock.shift_to(0)
    limits.reset()
    keys.reset()
    orders.cancel()
    call_log.reset()
    return {"organisations": [_named(one) for one in Organisation.objects.all()]}


def _named(one: Organisation) -> Body:
    return {
        "tenant_id": str(one.tenant_id),
        "name": one.name,
        "short_code": one.short_code,
        "base_currency": one.base_currency,
    }


def forget(body: Body) -> Any:
    """Forget calls and violations, keeping everything in the books."""
    call_log.reset()
    limits.most_in_flight = 0
    return {}


def state(body: Body) -> Any:
    """Tell what is in the books and how callers behaved."""
    return {
        "organisations": [_named(one) | _books(one) for one in Organisation.objects.all()],
        "calls": dict(sorted(call_log.counts.items())),
        "max_in_flight": limits.most_in_flight,
        "violations": [violation.as_json() for violation in call_log.violations],
        "violation_counts": dict(Counter(violation.kind for violation in call_log.violations)),
        "clock_shift_seconds": clock.shifted_seconds(),
        "limits": asdict(limits.settings),
    }


def _books(one: Organisation) -> Body:
    rows = list(one.documents.all())
    return {
        "contacts": one.contacts.count(),
        "documents": {kind: _summary([row for row in rows if row.type == kind]) for kind in ("ACCREC", "ACCRECCREDIT")},
        "duplicates": _duplicates([row for row in rows if row.status not in ENDED]),
        "mailed_again": _mailed_again(one),
    }


def _summary(rows: list[Document]) -> Body:
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        totals[row.currency][row.status] += row.total_cents
    return {
        "count": len(rows),
        "by_status": dict(Counter(row.status for row in rows)),
        "totals": {
            currency: {status: str(dollars(cents)) for status, cents in by_status.items()}
            for currency, by_status in totals.items()
        },
    }


def _duplicates(rows: list[Document]) -> Body:
    """Return what more than one live document shares of what tells documents apart, with their numbers."""
    found: Body = {}
    for field in ("number", "url", "reference"):
        shared: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows:
            # A purchase order or a period is the reference of many; it is all that tells apart what bears no address.
            if (value := getattr(row, field)) and not (field == "reference" and row.url):
                shared[row.type, value].append(row.number)
        found[field] = {value: numbers for (_, value), numbers in shared.items() if len(numbers) > 1}
    return found


def _mailed_again(one: Organisation) -> dict[str, int]:
    """Return the invoices that were mailed more than once. Whether a person asked for it cannot be known here."""
    counts = Counter(one.documents.filter(mails__isnull=False).values_list("number", flat=True))
    return {number: count for number, count in counts.items() if count > 1}


def calls(body: Body) -> Any:
    """Return the log of calls, oldest first; `last` limits it."""
    logged = [call.as_json() for call in list(call_log.calls)]
    return {"calls": logged[-int(body["last"]) :] if "last" in body else logged}


def place_fault(body: Body) -> Any:
    """Order a fault (see `faults.registry.Order` for its fields)."""
    return orders.place(Order(**{name: _plain(value) for name, value in body.items()})).as_json()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int) else float(value)


def list_faults(body: Body) -> Any:
    """Return all orders."""
    return {"faults": orders.listed()}


def cancel_faults(body: Body) -> Any:
    """Lift the order with this `id`, or all."""
    orders.cancel(int(body["id"]) if "id" in body else None)
    return list_faults(body)


def set_clock(body: Body) -> Any:
    """Set the clock `shift_seconds` ahead of real time, or move it `add_seconds` further."""
    if "shift_seconds" in body:
        clock.shift_to(float(body["shift_seconds"]))
    if "add_seconds" in body:
        clock.shift_by(float(body["add_seconds"]))
    return {"now": clock.now().isoformat(), "clock_shift_seconds": clock.shifted_seconds()}


def set_limits(body: Body) -> Any:
    """Change limits: minute, day, concurrent, app_minute, minute_seconds, latency_seconds."""
    for name, value in body.items():
        if not hasattr(limits.settings, name):
            raise ControlRefused(f"There is no limit {name!r}.")
        setattr(limits.settings, name, float(value) if name.endswith("_seconds") else int(value))
    return asdict(limits.settings)
