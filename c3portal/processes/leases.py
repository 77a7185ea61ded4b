"""What one process alone may do: it holds a lease in the database, renews it, and is replaced when it is gone.

Taken by conditional UPDATE and judged by the database's clock, so of two processes one gets it, whatever their own
clocks say.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q

from c3portal.database import clock
from c3portal.models import Lease


def take(name: str, holder: str, seconds: float) -> Lease:
    """Take or renew the lease `name` for `holder` and return it as it is then: `holder` is who has it now, `rival` who
    else asked since it was last renewed. Raises django.db.Error when the database is away."""
    now = clock.now()
    until = now + dt.timedelta(seconds=seconds)
    with transaction.atomic():
        lease, made = Lease.objects.get_or_create(name=name, defaults={"holder": holder, "until": until})
        if made:
            return lease
        # One that lasts longer than anybody may take it was written while the database's clock was ahead.
        free = Q(holder=holder) | Q(until__lt=now) | Q(until__gt=until)
        if Lease.objects.filter(free, name=name).update(holder=holder, until=until, rival=""):
            return Lease(name=name, holder=holder, until=until, rival=lease.rival if lease.holder == holder else "")
        Lease.objects.filter(name=name).update(rival=holder)
        return Lease.objects.get(name=name)


def give_back(name: str, holder: str) -> None:
    """Let the next process have it at once."""
    Lease.objects.filter(name=name, holder=holder).delete()
