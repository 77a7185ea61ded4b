"""The portal's shell as a Django app."""

from celery import signals
from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the system checks and the heartbeats of worker and scheduler."""

    name = "c3portal"

    def ready(self) -> None:
        from c3portal import checks  # noqa: F401
        from c3portal.users.sign_in import checks as sign_in_checks  # noqa: F401

        # Signals of a process that has forked for the last time.
        signals.worker_process_init.connect(begin_worker)
        signals.worker_process_shutdown.connect(end)
        signals.beat_init.connect(begin_scheduler)


def begin_worker(**_: object) -> None:
    from c3portal.processes import liveness

    liveness.start(liveness.Kind.WORKER)


def begin_scheduler(**_: object) -> None:
    from c3portal.processes import liveness

    liveness.start(liveness.Kind.SCHEDULER)


def end(**_: object) -> None:
    from c3portal.processes import liveness

    liveness.end()
