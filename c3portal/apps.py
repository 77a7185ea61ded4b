"""The portal's shell as a Django app."""

from celery import signals
from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the system checks, and has the processes that run tasks or send them give signs of life."""

    name = "c3portal"

    def ready(self) -> None:
        """Import the checks, which registers them, and wait for processes to begin, past their last fork."""
        from c3portal import checks  # noqa: F401
        from c3portal.users.sign_in import checks as sign_in_checks  # noqa: F401

        signals.worker_process_init.connect(begin_worker)
        signals.worker_process_shutdown.connect(end)
        signals.beat_init.connect(begin_scheduler)


def begin_worker(**_: object) -> None:
    """A process that runs tasks has begun."""
    from c3portal.processes import liveness

    liveness.start(liveness.Kind.WORKER)


def begin_scheduler(**_: object) -> None:
    """The scheduler has begun."""
    from c3portal.processes import liveness

    liveness.start(liveness.Kind.SCHEDULER)


def end(**_: object) -> None:
    """A process that runs tasks ends in good order."""
    from c3portal.processes import liveness

    liveness.end()
