"""`--scheduler c3portal.scheduler:Scheduler`, as the release before named it: `c3portal.processes.scheduler`."""

from c3portal.processes.scheduler import Scheduler

__all__ = ["Scheduler"]
