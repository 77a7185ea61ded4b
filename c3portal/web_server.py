"""`--config python:c3portal.web_server`, as the Procfile of the release before calls gunicorn."""

from c3portal.processes.gunicorn_conf import (
    Worker,
    keepalive,
    logconfig_dict,
    post_worker_init,
    when_ready,
    worker_exit,
)

__all__ = ["Worker", "keepalive", "logconfig_dict", "post_worker_init", "when_ready", "worker_exit"]
