"""Celery's messages from Redis, of which an unreadable one ends no worker."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)


class _Reads:
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # It is no JSON, or not in the shape of a message. Kombu (5.7) lets the error end the worker's loop, and has
            # no public place to catch it before that. It is gone from the queue by then; the next sweep finds what it
            # stood for.
            logger.error("A message that cannot be read was left out: %s.", type(error).__name__)
            return True


class Channel(_Reads, redis.Channel):
    """A channel to one server."""


class Transport(redis.Transport):
    Channel = Channel


class SentinelChannel(_Reads, redis.SentinelChannel):
    """A channel to whichever server the sentinels name."""


class SentinelTransport(redis.SentinelTransport):
    Channel = SentinelChannel


def use() -> None:
    """Have Celery read by these."""
    transport, sentinel = f"{__name__}:Transport", f"{__name__}:SentinelTransport"
    TRANSPORT_ALIASES.update({"redis": transport, "rediss": transport, "sentinel": sentinel})
