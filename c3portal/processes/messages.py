"""Celery's messages from Redis: neither an unreadable one nor a broker that is killed ends a worker."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError

logger = logging.getLogger(__name__)


class _Survives:
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # It is no JSON, or not in the shape of a message. Kombu (5.7) lets the error end the worker's loop, and has
            # no public place to catch it before that. It is gone from the queue by then; the next sweep finds what it
            # stood for.
            logger.error("A message that cannot be read was left out: %s.", type(error).__name__)
            return True

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        # A worker that lost its broker closes the channel of a connection that it has given up already. Kombu (5.7)
        # then meets None and ends the worker, where an error of the connection is one that it goes on after. What was
        # unacknowledged comes back by the visibility time-out, or by the next sweep.
        if self.connection.client is None:  # type: ignore[attr-defined]
            raise RedisConnectionError("The connection to the broker was given up.")
        return super()._connparams(asynchronous)  # type: ignore[misc, no-any-return]


class Channel(_Survives, redis.Channel):
    """A channel to one server."""


class Transport(redis.Transport):
    Channel = Channel


class SentinelChannel(_Survives, redis.SentinelChannel):
    """A channel to whichever server the sentinels name."""


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


def use() -> None:
    """Have Celery read by these."""
    transport, sentinel = f"{__name__}:Transport", f"{__name__}:SentinelTransport"
    TRANSPORT_ALIASES.update({"redis": transport, "rediss": transport, "sentinel": sentinel})
