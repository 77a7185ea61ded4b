"""Celery's messages from Redis or Valkey, of which one that cannot be read ends no worker."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)


class _Reads:
    """Leaves a message out that is no JSON, or not in the shape of a message; it is gone from the queue by then.

    Kombu (5.7) lets the error end the worker's loop, and has no public place to catch it before that. What such a
    message stood for is found by the next sweep.
    """

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.error("A message that cannot be read was left out: %s.", type(error).__name__)
            return True


class Channel(_Reads, redis.Channel):
    """A channel to one server."""


class Transport(redis.Transport):
    """Redis, by its own address."""

    Channel = Channel


class SentinelChannel(_Reads, redis.SentinelChannel):
    """A channel to whichever server the sentinels name."""


class SentinelTransport(redis.SentinelTransport):
    """Redis, by its sentinels."""

    Channel = SentinelChannel


def use() -> None:
    """Have Celery read by these."""
    transport, sentinel = f"{__name__}:Transport", f"{__name__}:SentinelTransport"
    TRANSPORT_ALIASES.update({"redis": transport, "rediss": transport, "sentinel": sentinel})
