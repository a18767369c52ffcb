"""Connections on which a read timeout is for the whole answer: its head, its body, its end.

A socket's own timeout begins anew with every byte, so that a server which sends one every few
seconds would be listened to for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


def time_answers(
    manager: urllib3.PoolManager,
    *,
    silence: float,
    connections: tuple[type[HTTPConnection], type[HTTPSConnection]] = (
        HTTPConnection,
        HTTPSConnection,
    ),
) -> None:
    """Let the pools that a manager makes from now on keep to the time of whole answers.

    silence:     seconds that may pass between two parts of an answer.
    connections: the classes that open connections by HTTP and by HTTPS.
    """

    class Plain(_Timed, connections[0]):  # type: ignore[misc, valid-type]
        longest_silence = silence

    class Secure(_Timed, connections[1]):  # type: ignore[misc, valid-type]
        longest_silence = silence

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def give_time(answer: urllib3.BaseHTTPResponse, seconds: float) -> None:
    """Let an answer that has begun take so many seconds from now on."""
    connection = answer.connection
    if isinstance(connection, _Timed) and connection.source:
        connection.source.until = time.monotonic() + seconds


class _Timed:
    """What `http.client` asks a connection for is how it reads an answer."""

    longest_silence: float
    timeout: Any
    source: _Source | None = None

    def response_class(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        """`timeout` is the read timeout by now; of a proxy's CONNECT that of connecting."""
        seconds = self.timeout if isinstance(self.timeout, int | float) else self.longest_silence
        self.source = _Source(sock, time.monotonic() + seconds, self.longest_silence)
        return http.client.HTTPResponse(self.source, **options)  # type: ignore[arg-type]


class _Source(io.RawIOBase):
    """The bytes of one answer. until: monotonic seconds."""

    def __init__(self, sock: socket.socket, until: float, silence: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self.until, self._silence = until, silence

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(left, self._silence))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
