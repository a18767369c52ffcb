"""One HTTPS server for many hosts, and the proxy that leads to it."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import trustme


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked. `query` and `form` keep the last value of each name."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def queries(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, str]:
        assert self.headers.get("content-type") == "application/x-www-form-urlencoded", self
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def bearer(self) -> str:
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return value if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, kw_only=True)
class Response:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer; `retry_after="1"` becomes the header `retry-after`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        status=status,
        headers={"content-type": "application/json; charset=utf-8", **named},
        body=json.dumps(document).encode(),
    )


Site = Callable[[Request], Response]


@dataclass(kw_only=True)
class Fault:
    """An answer that is given instead, `times` times, to requests whose target has `part`."""

    host: str
    part: str
    response: Response
    times: int


@dataclass
class Web:
    """Hosts by name (`*.azurecr.io` for any below), what was asked of them, and faults to come."""

    sites: dict[str, Site] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    keeps_requests: bool = True
    faults: list[Fault] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, host: str, part: str, response: Response, *, times: int = 1) -> None:
        self.faults.append(Fault(host=host, part=part, response=response, times=times))

    def asked(self, host: str, part: str = "") -> list[Request]:
        """The requests so far to a host with `part` in their target."""
        return [each for each in self.requests if each.host == host and part in each.target]

    def respond(self, request: Request) -> Response:
        with self.lock:
            if self.keeps_requests:
                self.requests.append(request)
            for fault in self.faults:
                if fault.host == request.host and fault.part in request.target and fault.times:
                    fault.times -= 1
                    return fault.response
        site = self.sites.get(request.host) or self.sites.get("*." + request.host.partition(".")[2])
        return site(request) if site else answer({"error": "no such host"}, 421)


def _handler(web: Web, *, only_host: str = "") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing: what was asked is in `Web.requests`."""

        def _serve(self) -> None:
            request = Request(
                method=self.command,
                host=only_host or self.headers.get("host", "").partition(":")[0],
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self._body(),
            )
            response = web.respond(request)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name in response.headers}:
                self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients hang up; that is no news."""


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(web: Web, certificates: trustme.CA, *names: str, port: int = 0) -> Iterator[int]:
    """The sites by HTTPS on a port of loopback (0: a free one), with a certificate for `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.issue_cert(*names, "127.0.0.1", "localhost").configure_cert(context)
    server = _Server(("127.0.0.1", port), _handler(web))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    with _running(server) as serving_port:
        web.port = serving_port
        yield serving_port


@contextmanager
def serving_plain(web: Web, host: str) -> Iterator[int]:
    """One host by HTTP, for what has no TLS in reality either."""
    with _running(_Server(("127.0.0.1", 0), _handler(web, only_host=host))) as port:
        yield port


@contextmanager
def proxy_to(port: int, own: int = 0) -> Iterator[int]:
    """A CONNECT proxy (RFC 9110, 9.3.6) that leads every host to `port`; yields its own."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

        def do_CONNECT(self) -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.wfile.flush()
                with suppress(OSError):
                    _pump(self.connection, server)
            self.close_connection = True

    with _running(_Server(("127.0.0.1", own), Handler)) as listening:
        yield listening


def _pump(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    while True:
        readable, _, _ = select.select([one, other], [], [], 120)
        if not readable:
            return
        for each in readable:
            if not (data := each.recv(65_536)):
                return
            peers[each].sendall(data)
