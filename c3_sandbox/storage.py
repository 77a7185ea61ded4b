"""One writer at a time. SQLite would make writers poll for each other; a lock makes them queue."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

_writer = threading.Lock()


@contextmanager
def writing() -> Iterator[None]:
    """Hold the one write transaction of this process: what is read inside stays true until it commits."""
    with _writer, transaction.atomic():
        yield
