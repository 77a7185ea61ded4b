"""The one way out by HTTP: each answer bounded in time and size."""

from __future__ import annotations

import http.client
import io
import os
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

# Bytes of the status line and all headers together; servers send a few thousand.
LARGEST_HEAD = 64 * 1024
# Bytes of any answer as they arrive, with the sizes of its chunks.
LARGEST_ON_THE_WIRE = 64 * 1024 * 1024
CHUNK = 64 * 1024
# Of one chunk, unpacked, at a time: what is packed may hold a thousand times as much.
UNPACKED = 1024 * 1024
# Seconds, for whoever names none.
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 30.0


class AnswerUnreadable(requests.RequestException):
    """An answer began but is too large, too slow, cut short or packed otherwise than asked for."""


class AnswerTooLarge(http.client.HTTPException):
    """More arrived than is read of any answer."""


class _Wire(io.RawIOBase):
    """The bytes of one answer: until `give_up_at`, at most `left` of them, none `silence` seconds after another."""

    def __init__(self, sock: socket.socket, silence: float | None) -> None:
        seconds = sock.gettimeout()
        # One deadline for the whole call: a socket's own time-out begins anew with every byte that drips.
        self.give_up_at = time.monotonic() + (ANSWER_SECONDS if seconds is None else seconds)
        self.left, self._silence = LARGEST_HEAD, silence
        self._sock = sock
        # Counted by the socket, which is closed for good when the last of its readers is.
        self._reader = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self.give_up_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(seconds if self._silence is None else min(seconds, self._silence))
        size = self._reader.readinto(buffer)
        self.left -= size or 0
        if self.left < 0:
            raise AnswerTooLarge("The answer is too large.")
        return size

    def close(self) -> None:
        self._reader.close()
        super().close()


class _Reading:
    """Stands in for a socket where an answer is read from it."""

    def __init__(self, sock: socket.socket, silence: float | None) -> None:
        self.wire = _Wire(sock, silence)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.wire)


class _Answer(http.client.HTTPResponse):
    largest = LARGEST_ON_THE_WIRE
    silence: float | None = None

    def __init__(self, sock: socket.socket, *how: Any, **more: Any) -> None:
        reading = _Reading(sock, self.silence)
        self._wire = reading.wire
        super().__init__(reading, *how, **more)  # type: ignore[arg-type]

    def begin(self) -> None:
        super().begin()
        # The head is read; what follows may be longer.
        self._wire.left = self.largest


class BoundedHTTPConnection(HTTPConnection):
    """A connection whose time-out holds for the whole of an answer."""

    response_class = _Answer


class BoundedHTTPSConnection(HTTPSConnection):
    """The same over TLS."""

    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = BoundedHTTPConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = BoundedHTTPSConnection


class BoundedAdapter(HTTPAdapter):
    """Reads each answer whole, up to `largest` bytes once unpacked."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        # No call is repeated here.
        super().__init__(max_retries=0)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *how: Any, **more: Any) -> Any:
        """Return the answer with its content read. Raises requests.RequestException."""
        response = super().send(request, True, _whole(timeout), *how, **more)
        raw = response.raw
        try:
            content = self._taken(raw)
        except (AnswerUnreadable, HTTPError, http.client.HTTPException, OSError, zlib.error) as error:
            raw.close()
            raise AnswerUnreadable(f"The answer cannot be read: {error}", request=request) from error
        except BaseException:
            raw.close()
            raise
        response.raw = io.BytesIO(content)
        return response

    def _taken(self, raw: Any) -> bytes:
        return b"".join(_unpacked(raw, self.largest))


class Sink(Protocol):
    """What a long answer is written to; whatever `write` raises ends the call and comes out of it."""

    def write(self, data: bytes, /) -> object: ...


class SinkFailed(Exception):
    """The sink raised an OSError, as a full disk does; it is the cause."""


class LongAnswerAdapter(BoundedAdapter):
    """Writes the content of an answer with status 200 to `sink` as it comes, so that memory does not grow with it; any
    other is read as ever. Up to `largest` bytes, with no silence of more than `silence` seconds."""

    def __init__(self, sink: Sink, *, largest: int, silence: float, largest_refusal: int = LARGEST_HEAD) -> None:
        self.sink, self.largest_file = sink, largest
        self._pools = _pools(largest, silence)
        super().__init__(largest_refusal)

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def _taken(self, raw: Any) -> bytes:
        if raw.status != http.client.OK:
            return super()._taken(raw)
        for part in _unpacked(raw, self.largest_file):
            try:
                self.sink.write(part)
            except OSError as error:
                # Not the network's.
                raise SinkFailed(str(error)) from error
        return b""


def _pools(largest_file: int, longest_silence: float) -> dict[str, Callable[..., Any]]:
    """Return pools of connections whose answers may be as large as this and are never silent for longer."""

    class Answer(_Answer):
        largest, silence = largest_file, longest_silence

    class Plain(BoundedHTTPConnection):
        response_class = Answer

    class Secure(BoundedHTTPSConnection):
        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _whole(timeout: Any) -> Any:
    connect, answer = timeout if isinstance(timeout, tuple) else (CONNECT_SECONDS, timeout or ANSWER_SECONDS)
    # From the connection to the last byte.
    return Timeout(total=connect + answer, connect=connect, read=answer)


def _unpacked(raw: Any, largest: int) -> Iterator[bytes]:
    encoding = raw.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise AnswerUnreadable("It is packed in a way that was not asked for.")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
    total = 0
    for chunk in raw.stream(CHUNK, decode_content=False):
        for part in _parts(unpack, chunk) if unpack else (chunk,):
            total += len(part)
            if total > largest:
                raise AnswerUnreadable("It is too large.")
            yield part
    if unpack and total and not unpack.eof:
        raise AnswerUnreadable("It ends too soon.")


def _parts(unpack: Any, chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield unpack.decompress(chunk, UNPACKED)
        chunk = unpack.unconsumed_tail


class BoundedSession(requests.Session):
    """A session for calls to one service; `adapter` bounds its answers."""

    def __init__(self, adapter: BoundedAdapter) -> None:
        super().__init__()
        # No proxy and no password file of the machine.
        self.trust_env = False
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self.headers["Accept-Encoding"] = "gzip"
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: no redirect is followed."""
