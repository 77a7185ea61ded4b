"""`python -m c3portal.processes.healthcheck web|worker|beat|ready`: exit 0 when that process of this container does its
work; `ready` prints the answer of /health/ready."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

PATIENCE_SECONDS = 5


def web() -> bool:
    """Whether it serves pages, as a load balancer asks."""
    return _get("/health/web")[0] == 200


def ready() -> bool:
    """Whether everything is at work; prints what is and what is not."""
    status, output = _get("/health/ready")
    sys.stdout.write(f"{output}\n")
    return status == 200


def _get(path: str) -> tuple[int, str]:
    port = int(os.environ.get("PORT", "8000"))
    host = os.environ.get("WEB_BIND", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    name = urlsplit(os.environ.get("PORTAL_URL", "http://localhost")).hostname or "localhost"
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": name})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        # No status, and the reason.
        return 0, f"no answer: {error}"
    finally:
        connection.close()


def worker() -> bool:
    """Whether this worker answers over the broker."""
    from celery import current_app

    name = f"{os.environ.get('WORKER_NAME', 'worker')}@{socket.gethostname()}"
    return bool(current_app.control.ping(destination=[name], timeout=PATIENCE_SECONDS))


def beat() -> bool:
    """Whether the scheduler sent a heartbeat lately."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")
    django.setup()
    from c3portal.processes import heartbeats

    age = heartbeats.age(heartbeats.Process.SCHEDULER)
    return age is not None and age <= heartbeats.longest_silence(heartbeats.Process.SCHEDULER)


# The image holds no curl, so each is asked from inside. Run as a file with -P, `web` loads nothing of the portal; the
# others cost a second of one processor.
QUESTIONS: dict[str, Callable[[], bool]] = {"web": web, "worker": worker, "beat": beat, "ready": ready}

if __name__ == "__main__":
    sys.exit(not QUESTIONS[sys.argv[1]]())
