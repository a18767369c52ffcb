"""A door to the API server that kills who uses it right after a chosen write took effect.

The action needs no hook for it: it is given a kubeconfig that names this door, and gets SIGKILL
while it waits for the answer to that write. No later write comes through.
"""

import http.client
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from demo.bed import Bed, tool
from tests.scenarios.support import Finished, Step

KILLED = -9
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_PIECE = 65_536


@dataclass(kw_only=True)
class Door:
    """writes: how many took effect, each as `METHOD path`.    victim: who is to be killed.

    limit: the number of the write that is the last; 0: none is.
    """

    upstream: int
    limit: int = 0
    victim: "subprocess.Popen[str] | None" = None
    writes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    @property
    def kubeconfig(self) -> str:
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "door",
                "contexts": [{"name": "door", "context": {"cluster": "door", "user": "door"}}],
                "clusters": [{"name": "door", "cluster": cluster}],
                "users": [{"name": "door", "user": {}}],
            }
        )

    def arm(self, limit: int) -> None:
        """Begin to count anew."""
        self.limit, self.victim, self.writes = limit, None, []

    @property
    def is_spent(self) -> bool:
        return bool(self.limit) and len(self.writes) >= self.limit


@contextmanager
def killing_proxy(bed: Bed) -> Iterator[Door]:
    """A door that is open; behind it stands `kubectl proxy`, which knows the credentials."""
    command = [tool("kubectl"), f"--kubeconfig={bed.kubeconfig}", "proxy", "--port=0"]
    behind = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert behind.stdout
    door = Door(upstream=int(behind.stdout.readline().rpartition(":")[2]))
    handler = type("Handler", (_Handler,), {"door": door})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False  # closing waits for all of them
    door.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield door
    finally:
        server.shutdown()
        behind.terminate()  # which ends the watches that are still open
        behind.communicate(timeout=10)
        server.server_close()


def run_through(
    door: Door, step: Step, inputs: Mapping[str, str], *, limit: int, code: int = 0
) -> Finished:
    """A step that is killed right after as many writes; 0: not killed. code: of its proper end."""
    door.arm(limit)
    process = step.start({**inputs, "kubeconfig": door.kubeconfig})
    door.victim = process
    finished = step.finish(process)
    assert finished.code in (code, KILLED), finished.log
    if finished.code == KILLED:
        step.forget_lock()
    return finished


class _Handler(http.server.BaseHTTPRequestHandler):
    door: Door
    protocol_version = "HTTP/1.1"

    def _forward(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with closing(http.client.HTTPConnection("127.0.0.1", self.door.upstream)) as upstream:
            if not self._is_write():
                self._pass_on(self._ask(upstream, body))
                return
            with self.door.lock:  # one write after the other, so that a kill falls between two
                if self.door.is_spent:
                    return
                answer = self._ask(upstream, body)
                if answer.status < 400:
                    self.door.writes.append(f"{self.command} {self.path.partition('?')[0]}")
                if self.door.is_spent:
                    assert self.door.victim
                    self.door.victim.kill()
                    return
            self._pass_on(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815 - the base's names

    def _is_write(self) -> bool:
        """Whether it changes the app: a question does not, nor does the lock of the run."""
        beside = ("dryRun=All", "/authorization.k8s.io/", "/coordination.k8s.io/")
        return self.command in _WRITES and not any(each in self.path for each in beside)

    def _ask(self, upstream: http.client.HTTPConnection, body: bytes) -> http.client.HTTPResponse:
        dropped = ("host", "connection", "accept-encoding")
        headers = {key: value for key, value in self.headers.items() if key.lower() not in dropped}
        upstream.request(self.command, self.path, body or None, headers)
        return upstream.getresponse()

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        """In chunks, each as soon as it is there: a watch waits for them."""
        with answer, suppress(ConnectionError, http.client.IncompleteRead):
            self.send_response(answer.status)
            for key in ("Content-Type", "Retry-After", "Warning"):
                for value in answer.headers.get_all(key, ()):
                    self.send_header(key, value)
            self.send_header("Connection", "close")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := answer.read1(_PIECE):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass
