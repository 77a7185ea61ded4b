"""Gunicorn as the sandbox needs it: one process with many threads, on the loopback address."""

import os
from typing import Any

import django
from gunicorn.app.base import BaseApplication


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the sandbox. One process, so that limits, keys and the clock are shared without a store;
    threads, so that calls are truly simultaneous; the plain socket is at hand for cutting connections."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn's command line would have set."""
        options: dict[str, Any] = {
            "bind": f"127.0.0.1:{self.port}",
            "workers": 1,
            "threads": 64,
            "worker_class": "gthread",
            "keepalive": 75,
            "graceful_timeout": 1,
            "loglevel": "error",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the WSGI application, and begin to send webhooks."""
        from xero_sandbox.webhooks import delivery
        from xero_sandbox.wsgi import application

        delivery.start()
        return application


def main() -> None:
    """Migrate, seed when there is no organisation yet, then serve until told to stop."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "xero_sandbox.settings"
    django.setup()
    _prepare()
    from django.conf import settings

    Server(port=settings.PORT).run()


def _prepare() -> None:
    from django.core.management import call_command
    from django.db import connection

    from xero_sandbox import seeding

    call_command("migrate", verbosity=0, interactive=False)
    seeding.seed_when_empty()
    # An SQLite connection must not cross the fork into the worker.
    connection.close()
