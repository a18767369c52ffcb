"""A proxy before a real server that breaks the requests that its faults name.

The action needs no hook for it: it is given the proxy's address, by TLS of an authority of the
proxy's own. Behind it stands the test bed's API server, or its registry. What a fault does to a
request is in `acts`.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import math
import re
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import trustme
import yaml

WRITE = (
    r"^(POST|PUT|PATCH|DELETE) (?!.*(dryRun=All|/authorization\.k8s\.io/|/coordination\.k8s\.io/))"
)
"""A request that changes the app: a question does not, nor does the lock of the run."""
WATCH = r"^GET .*[?&]watch="
LIST = r"^GET .*[?&]limit="

Headers = Mapping[str, str] | http.client.HTTPMessage
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "accept-encoding", "authorization")
_PIECE = 65_536
_LONGEST_IDLE = 5.0
"""Seconds for which a connection to the server behind is used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The server behind. tls: None for plain HTTP.

    authorization: of each request; None: what whoever uses the proxy sends.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    authorization: str | None = None

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port)


def api_server(kubeconfig: str) -> Upstream:
    """That of a kubeconfig's file, as its user: a client certificate or a token."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:
            for name in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[name]) + b"\n")
            pair.flush()
            tls.load_cert_chain(pair.name)
    host, _, port = cluster["server"].removeprefix("https://").partition(":")
    token = user.get("token", "")
    return Upstream(
        host=host, port=int(port), tls=tls, authorization=f"Bearer {token}" if token else ""
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to requests.

    at:      an expression to be found in `METHOD target`.
    after:   so many such requests pass before.    times: so many meet the fault.
    seconds: since the proxy's first request, for which it lasts.
    """

    at: str
    act: Callable[[Exchange], None]
    after: int = 0
    times: float = math.inf
    seconds: float = math.inf


@dataclass(slots=True)
class Asked:
    """A request: its `METHOD target`, when it came, the server's status; 0: it was not asked."""

    line: str
    when: float
    status: int = 0

    def __str__(self) -> str:
        return f"{self.line.partition('?')[0]} {self.status}"


class Proxy:
    """requests: in the order in which they came.    kill: ends whoever uses the proxy."""

    def __init__(self, upstream: Upstream, *, tls: bool = True) -> None:
        self.upstream = upstream
        self.authority = trustme.CA()
        self.kill: Callable[[], object] = lambda: None
        self.closing = threading.Event()
        self.one_by_one = threading.Lock()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server = _Server(self, self._context() if tls else None)
        self.port = int(self._server.server_address[1])
        self.arm()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context

    @property
    def kubeconfig(self) -> str:
        """Its text; the token is nobody's, for the proxy has credentials of its own."""
        return self.kubeconfig_of({"token": "proxied"})

    def kubeconfig_of(self, user: Mapping[str, Any]) -> str:
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority-data": base64.b64encode(
                self.authority.cert_pem.bytes()
            ).decode(),
        }
        context = {"cluster": "proxy", "user": "proxy"}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "proxy",
                "contexts": [{"name": "proxy", "context": context}],
                "clusters": [{"name": "proxy", "cluster": cluster}],
                "users": [{"name": "proxy", "user": user}],
            }
        )

    def arm(self, *faults: Fault) -> None:
        """Break requests in another way, and begin to count anew. The first that matches acts."""
        with self._lock:
            self.faults = faults
            self.requests: list[Asked] = []
            self._matches: Counter[int] = Counter()

    @property
    def writes(self) -> list[str]:
        """What took effect, each as `METHOD path`."""
        lines = [asked.line for asked in self.requests if 200 <= asked.status < 300]
        return [line.partition("?")[0] for line in lines if re.search(WRITE, line)]

    def meet(self, line: str) -> tuple[Asked, Fault | None]:
        """Note a request, and tell which fault it meets."""
        with self._lock:
            asked = Asked(line, time.monotonic())
            self.requests.append(asked)
            elapsed = asked.when - self.requests[0].when
            for number, fault in enumerate(self.faults):
                if not re.search(fault.at, line) or elapsed > fault.seconds:
                    continue
                self._matches[number] += 1
                if fault.after < self._matches[number] <= fault.after + fault.times:
                    return asked, fault
            return asked, None

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def vanish(self) -> None:
        """Nobody listens any more, and every connection is broken off, those behind it too."""
        self.closing.set()
        self._server.shutdown()
        self._server.socket.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # not TLS' own farewell

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self.vanish()
        self._server.server_close()  # waits for every answer under way


class Exchange:
    """One request, what the server behind answers it, and what is answered in its place."""

    def __init__(self, proxy: Proxy, handler: _Handler, asked: Asked, body: bytes) -> None:
        self.proxy, self._handler, self._asked = proxy, handler, asked
        self.target, self._body = handler.path, body

    def ask(self, target: str = "") -> http.client.HTTPResponse:
        """The server's answer, its body not read yet. target: other than what was asked for."""
        headers = {
            name: value
            for name, value in self._handler.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        credentials = self.proxy.upstream.authorization
        if credentials is None:
            credentials = self._handler.headers.get("Authorization")
        if credentials:
            headers["Authorization"] = credentials
        upstream = self._handler.upstream()
        upstream.request(self._handler.command, target or self.target, self._body or None, headers)
        answer = upstream.getresponse()
        self._asked.status = answer.status
        return answer

    def send(self, answer: http.client.HTTPResponse) -> None:
        """As it is: in pieces as soon as they are there, for a watch waits for them."""
        length = answer.headers.get("Content-Length")
        self.begin(answer.status, answer.headers, length=None if length is None else int(length))
        if self._handler.command == "HEAD" or answer.status in (204, 304):
            answer.read()
            return
        while piece := answer.read1(_PIECE):
            self.write(piece)
        answer.read()  # `read1` does not notice the end of a known length: gh-113199
        self.end()

    def begin(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        """The head of an answer. length: of its body; None: not known, so it comes in chunks."""
        handler = self._handler
        self._chunked = length is None and status not in (204, 304)
        handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                handler.send_header(name, value)
        if self._chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        elif length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.flush()

    def write(self, data: bytes) -> None:
        if data:
            text = b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data
            self._handler.wfile.write(text)
            self._handler.wfile.flush()

    def end(self) -> None:
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")

    def wait(self, seconds: float, *, for_whom: bool = True) -> bool:
        """Whether there is still somebody to answer afterwards; for_whom: or no longer to wait."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if self.proxy.closing.wait(min(left, 0.1)) or (for_whom and self._hung_up()):
                return False
        return not self._hung_up()

    def hold(self) -> None:
        """Nothing more, and no end, until the other side hangs up."""
        self.wait(math.inf)
        self.cut()

    def cut(self) -> NoReturn:
        """End the connection after what was sent. Does not return."""
        raise ConnectionAbortedError

    def reset(self) -> NoReturn:
        """The same by a reset, which overtakes what was sent."""
        option = struct.pack("ii", 1, 0)
        self._handler.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        raise ConnectionResetError

    def _hung_up(self) -> bool:
        connection = self._handler.plain
        try:
            return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # closing waits for all of them
    request_queue_size = 64

    def __init__(self, proxy: Proxy, tls: ssl.SSLContext | None) -> None:
        self.proxy, self.tls = proxy, tls
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """Clients hang up; that is no news."""

    def shutdown_request(self, request: Any) -> None:
        self.proxy.closed(request)
        request.close()  # without a farewell, which a reset has not


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    request: socket.socket

    def setup(self) -> None:
        self.plain = self.request
        self._upstream: http.client.HTTPConnection | None = None
        self._used = 0.0
        self.server.proxy.opened(self.plain)
        if self.server.tls:
            # Of a copy, so that `plain` can be asked whether the other side has hung up.
            self.request = self.server.tls.wrap_socket(self.request.dup(), server_side=True)
        super().setup()

    def finish(self) -> None:
        self._leave_upstream()
        super().finish()
        self.request.close()

    def handle(self) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            super().handle()

    def upstream(self) -> http.client.HTTPConnection:
        if time.monotonic() - self._used > _LONGEST_IDLE:
            self._leave_upstream()
        if not self._upstream:
            self._upstream = self.server.proxy.upstream.connect()
            self._upstream.connect()
            self.server.proxy.opened(self._upstream.sock)
        self._used = time.monotonic()
        return self._upstream

    def _leave_upstream(self) -> None:
        if self._upstream:
            self.server.proxy.closed(self._upstream.sock)
            self._upstream.close()
            self._upstream = None

    def _serve(self) -> None:
        asked, fault = self.server.proxy.meet(f"{self.command} {self.path}")
        exchange = Exchange(self.server.proxy, self, asked, self._body())
        if fault:
            fault.act(exchange)
        else:
            exchange.send(exchange.ask())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing: what was asked is in `Proxy.requests`."""


@contextmanager
def proxy_before(upstream: Upstream, *, tls: bool = True) -> Iterator[Proxy]:
    """A proxy that is open. tls: False for what reaches it as an engine does its registry."""
    proxy = Proxy(upstream, tls=tls)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
