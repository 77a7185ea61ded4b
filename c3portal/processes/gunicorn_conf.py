"""Gunicorn's settings beyond its command line (`--config python:c3portal.processes.gunicorn_conf`)."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

import environ
from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from c3portal.telemetry import log_config

logconfig_dict = log_config.config(environ.Env())

# Pages renew themselves every other second, which is as long as gunicorn by itself keeps a connection at rest: it hung
# up on them in the middle of asking. Longer than proxies (60 to 120 s) and browsers keep one, so that these end it.
keepalive = 150

# Whoever neither sends nor takes a byte for so many seconds of a request has gone.
STALLED_SECONDS = 30


def when_ready(server: Any) -> None:
    """Have the system end what stalls while a thread waits for it."""
    # Connections inherit it from what listens.
    for listener in server.LISTENERS:
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", STALLED_SECONDS, 0))


class Worker(ThreadWorker):  # type: ignore[misc]
    """Waits for the other side to hang up in the request's own thread, two seconds at most."""

    def handle(self, conn: Any) -> Any:
        # Gunicorn (27.0) waits in the thread that takes connections in, so that a few who never hang up keep everybody
        # out.
        goes_on = super().handle(conn)
        if goes_on is False:
            with contextlib.suppress(OSError):
                util.close_graceful(conn.sock.dup())
                conn.sock.shutdown(socket.SHUT_RD)
        return goes_on


def post_worker_init(worker: object) -> None:
    from c3portal.processes import liveness

    liveness.start(liveness.Kind.WEB)


def worker_exit(server: object, worker: object) -> None:
    from c3portal.processes import liveness

    liveness.end()
