"""What imports overwrite of customers, kept for taking those imports back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from invoices.importing.decisions import CHUNK
from invoices.models import Customer, ImportRun, ReplacedCustomer

# What an import writes of a customer that is there.
FIELDS = ("name", "erp_id", "email", "country")


def keep(run: ImportRun, written: Iterable[tuple[Customer, Customer]]) -> None:
    """Keep of customers how they are stored and what the run writes (before, after), the same or not."""
    # The same too: that a later import says it again is why undoing the one before must leave it.
    ReplacedCustomer.objects.bulk_create(
        [ReplacedCustomer(run=run, customer=was, before=_fields(was), after=_fields(new)) for was, new in written],
        update_conflicts=True,
        unique_fields=["run", "customer"],
        update_fields=["after"],
    )


def put_back(run: ImportRun) -> int:
    """Put back what the run overwrote and nothing wrote since; what a later import wrote goes back as far once that one
    is undone. Returns of how many customers something was put back."""
    count = 0
    for chunk in itertools.batched(run.replaced_customers.select_related("customer").order_by("pk"), CHUNK):
        rows = ReplacedCustomer.objects.filter(customer__in=[each.customer_id for each in chunk], pk__gt=chunk[0].pk)
        others = list(rows.exclude(run=run).order_by("pk"))
        changed = []
        for each in chunk:
            later = next((row for row in others if row.customer_id == each.customer_id and row.pk > each.pk), None)
            if later:
                later.before |= {name: each.before[name] for name in FIELDS if later.before[name] == each.after[name]}
            elif _restore(each):
                changed.append(each.customer)
        ReplacedCustomer.objects.bulk_update(others, ["before"])
        Customer.objects.bulk_update(changed, FIELDS)
        count += len(changed)
    run.replaced_customers.all().delete()
    return count


def _restore(kept: ReplacedCustomer) -> bool:
    """Set on the customer what it was, where it is still what the import wrote; return whether anything was."""
    customer, now = kept.customer, _fields(kept.customer)
    back = {name: kept.before[name] for name in FIELDS if now[name] == kept.after[name] != kept.before[name]}
    for name, text in back.items():
        setattr(customer, name, text)
    return bool(back)


def _fields(customer: Customer) -> dict[str, str]:
    return {name: getattr(customer, name) for name in FIELDS}
