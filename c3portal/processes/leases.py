"""What one process alone may do, by a lease that it renews."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q

from c3portal.database import clock
from c3portal.models import Lease


def take(name: str, holder: str, seconds: float) -> Lease:
    """Take or renew the lease for `seconds`; return who has it (`holder`) and who else asked since the last renewal
    (`rival`). Raises django.db.Error."""
    now = clock.now()
    until = now + dt.timedelta(seconds=seconds)
    with transaction.atomic():
        lease, made = Lease.objects.get_or_create(name=name, defaults={"holder": holder, "until": until})
        if made:
            return lease
        # One that lasts longer than anybody may take it was written while the database's clock was ahead.
        free = Q(holder=holder) | Q(until__lt=now) | Q(until__gt=until)
        # Conditional, by the database's clock: of two processes one gets it, whatever their own clocks say.
        if Lease.objects.filter(free, name=name).update(holder=holder, until=until, rival=""):
            return Lease(name=name, holder=holder, until=until, rival=lease.rival if lease.holder == holder else "")
        Lease.objects.filter(name=name).update(rival=holder)
        return Lease.objects.get(name=name)


def give_back(name: str, holder: str) -> None:
    """Let the next process have it at once."""
    Lease.objects.filter(name=name, holder=holder).delete()
