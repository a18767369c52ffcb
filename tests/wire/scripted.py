"""A server that answers each connection with scripted bytes, at the pace the script says."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket, str], None]
"""Called with the connection and the first line of a request; may write what it likes."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def tls_alert(description: int) -> bytes:
    """What ends a handshake; RFC 8446, 6.2."""
    return bytes((21, 3, 3, 0, 2, 2, description))


def chunk(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def reset(connection: socket.socket) -> None:
    """Close so that the other side sees a reset, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def scripted_server(
    script: Script, tls: ssl.SSLContext | None = None, *, instead: Sequence[bytes] = ()
) -> Iterator[str]:
    """The server's `host:port` on loopback.

    instead: what the first connections are answered with, whatever they say.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    open_connections: list[socket.socket] = []
    left = list(instead)

    def serve(connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            answer = left.pop(0) if left else b""  # before anything blocks: clients come in pairs
            if answer:
                connection.recv(65_536)
                connection.sendall(answer)
                connection.close()
                return
            spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
            open_connections.append(spoken)
            request = b""
            while received := spoken.recv(65_536):
                request += received
                if b"\r\n\r\n" in request:
                    script(spoken, request.split(b"\r\n", 1)[0].decode())
                    request = b""

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


# Answers without an end


def drip(connection: socket.socket, text: bytes) -> None:
    """The same again and again, long after anybody should have hung up."""
    with suppress(OSError):
        while True:
            time.sleep(0.05)
            connection.sendall(text)


def drips_its_body(connection: socket.socket, _line: str) -> None:
    connection.sendall(HEAD)
    drip(connection, chunk(" "))


def drips_its_head(connection: socket.socket, _line: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Odd: ")
    drip(connection, b"x")


def goes_on_with_headers(connection: socket.socket, _line: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(connection, b"X-Odd: 1\r\n")


def says_continue(connection: socket.socket, _line: str) -> None:
    drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n")


def drips_a_length(connection: socket.socket, _line: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(connection, b" ")


def drips_an_error(connection: socket.socket, _line: str) -> None:
    connection.sendall(b"HTTP/1.1 503 Away\r\nContent-Length: 100000\r\n\r\n")
    drip(connection, b" ")


def says_nothing(connection: socket.socket, _line: str) -> None:
    with suppress(OSError):
        connection.recv(1)


ENDLESS = [
    drips_its_body, drips_its_head, goes_on_with_headers, says_continue, drips_a_length,
    drips_an_error, says_nothing,
]  # fmt: skip
