"""The Celery application. It wakes workers; no message holds the state of an invoice."""

from __future__ import annotations

import logging
import logging.config
import os
from typing import Any

from billiard.util import get_logger as get_pool_logger
from celery import Celery, Task, signals
from django.conf import settings
from django.db import Error

from c3portal.database import clock
from c3portal.processes import messages
from c3portal.telemetry import log_config, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")

logger = logging.getLogger(__name__)


class PunctualTask(Task[Any, Any]):
    """A task that is dropped when its message is older, by the database's clock, than its `good_for` seconds."""

    def __call__(self, *args: Any, **more: Any) -> Any:
        # After an hour without workers one sweep is enough.
        past_at = self.request.get("past_at")
        if isinstance(past_at, int | float) and clock.now().timestamp() > past_at:
            logger.info("%s came too late and was dropped.", self.name)
            return None
        return super().__call__(*args, **more) if self.request.called_directly else self.run(*args, **more)


messages.use()
app = Celery("c3portal", task_cls=PunctualTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["c3portal.notifications"])


@signals.celeryd_init.connect
@signals.setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Log as the web processes do."""
    # At both signals: a worker's own warnings come before Celery sets its log up, which it leaves alone once this is
    # connected.
    logging.config.dictConfig(settings.LOGGING)
    logging.captureWarnings(True)
    # The pool of a worker's processes says there when one of them dies.
    pool = get_pool_logger()
    pool.setLevel(logging.ERROR)
    pool.propagate = True
    # Celery says on the bare output that it stops, past every logger; that too is a line of the log, and nothing public
    # keeps it from the output. Only who runs tasks needs the module.
    from celery.apps import worker

    worker.safe_say = log_config.log_from_signal_handler  # type: ignore[attr-defined]


@signals.before_task_publish.connect
def send_trace(headers: dict[str, Any], **_: Any) -> None:
    """Send the trace id of whoever asks for a task along with it, else a new one."""
    headers["trace_id"] = tracing.current_id() or tracing.new_id()


@signals.before_task_publish.connect
def log_late_message(headers: dict[str, Any], **_: Any) -> None:
    """Send along until when a task with `good_for` is good, in epoch seconds of the database's clock."""
    good_for = headers.get("good_for")
    if good_for is None:
        return
    try:
        headers["past_at"] = clock.now().timestamp() + good_for
    except Error:
        # Better a sweep too many than none.
        logger.warning("A task was sent without an expiry: the database cannot be reached.")


@signals.task_prerun.connect
def receive_trace(task: Task[Any, Any], **_: Any) -> None:
    """Let a task and its logs carry the trace id of its message."""
    tracing.begin(tracing.well_formed(task.request.get("trace_id")) or tracing.new_id())


@signals.task_postrun.connect
def clear_trace(**_: Any) -> None:
    tracing.end()
