"""Requests over the library's connection pool, repeated where that is safe, with time limits.

The pool, TLS and proxies are the library's (`ApiClient.rest_client`); its `param_serialize` and
`call_api` are left out: they cost as much again as the request itself (1,000 dry-run applies on
8 threads: 0.81 s of CPU through them, 0.54 s without) and the token hook of its kubeconfig loader
reads the proxy environment for every request. What the pool raises are urllib3's errors, hence
the second import.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit
from warnings import filterwarnings

import urllib3
from kubernetes.client import ApiClient, Configuration
from urllib3.exceptions import HTTPError

from aks_action import __version__
from aks_action.clients.kube import tls
from aks_action.clients.kube.credentials import Credential, Credentials
from aks_action.clients.kube.errors import Asked, from_answer, is_schema_error
from aks_action.clients.kube.kubeconfig import Access
from aks_action.clients.kube.sending import Answer
from aks_action.clients.kube.unreachable import Unreachable, unreachable
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, Backoff, retry_after, with_retries
from aks_action.errors import ActionError, ApiError, AuthError, InputError

_CONNECTIONS = 64  # kept open: one for each worker and each watch
_BACKOFF = Backoff()
_ATTEMPTS_AT_500 = 3  # a webhook that fails will fail again


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds. `retry` is for one outage: as long as no request succeeds, it is not renewed.

    connect: to open a connection.      read:  between two parts of an answer.
    first:   to reach the server at all for the first time; a wrong address is told soon.
    retry:   to go on trying what was answered by 429 or 5xx, or broke.
    """

    connect: float = 5.0
    read: float = 30.0
    first: float = 5.0
    retry: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` has its query; `repeatable`: doing it twice does no harm.

    stream: seconds that may pass between two parts of an answer that is read as it comes.
    """

    method: str
    path: str
    asked: Asked
    body: bytes | None = None
    content_type: str = ""
    accept: str = "application/json"
    repeatable: bool = True
    stream: float | None = None


class Transport:
    """Requests to one API server as one user. Safe to use from several threads."""

    def __init__(
        self,
        access: Access,
        *,
        verify: bool,
        clock: Clock,
        patience: Patience = Patience(),
    ) -> None:
        self.host = access.server
        self._access = access
        self._verify = verify
        self._clock = clock
        self._patience = patience
        self._credentials = Credentials(access)
        self._lock = threading.Lock()
        self._reached = False
        self._failing_since: float | None = None
        self._certificate = self._credentials.current.client_certificate
        self._pool = _pool(access, self._credentials.current, verify=verify)
        parts = urlsplit(access.server)
        proxied = parts.scheme == "http" and self._pool.proxy is not None
        self._prefix = access.server if proxied else parts.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown of the credentials in use."""
        authorization = self._credentials.current.authorization.rpartition(" ")[2]
        known = (authorization, self._access.token, self._access.password)
        return tuple(secret for secret in known if secret)

    def send(self, call: Call) -> urllib3.BaseHTTPResponse:
        """The answer, if it is below 300. Raises what `errors` and `unreachable` make of others."""
        attempts = 0

        def once() -> urllib3.BaseHTTPResponse | Again:
            nonlocal attempts
            attempts += 1
            outcome = self._once(call, attempts)
            self._note(failed=isinstance(outcome, Again))
            return outcome

        now = self._clock.now()
        since = self._failing_since
        patience = self._patience.retry if self._reached else self._patience.first
        deadline = (now if since is None else min(now, since)) + patience
        return with_retries(once, clock=self._clock, deadline=deadline, backoff=_BACKOFF)

    def _once(self, call: Call, attempt: int) -> urllib3.BaseHTTPResponse | Again:
        credential = self._credentials.current
        try:
            answer = self._request(call, credential)
            if answer.status == 401 and self._credentials.renew(credential):
                answer.drain_conn()
                answer = self._request(call, self._credentials.current)
            body = b"" if answer.status < 300 else answer.data
        except HTTPError as error:
            failure = unreachable(error, self._access)
            return _again(failure, call)
        self._reached = True
        if answer.status < 300:
            return answer
        content_type = answer.headers.get("Content-Type", "")
        failed = from_answer(answer.status, body, content_type, call.asked)
        if _worth_another(answer.status, failed, call, attempt):
            after = retry_after(answer.headers.get("Retry-After"), date=answer.headers.get("Date"))
            return Again(error=failed, after=after)
        raise failed

    def _request(self, call: Call, credential: Credential) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": call.accept, "User-Agent": f"aks-action/{__version__}"}
        if credential.authorization:
            headers["Authorization"] = credential.authorization
        if call.content_type:
            headers["Content-Type"] = call.content_type
        read = self._patience.read if call.stream is None else call.stream
        return self._pool_for(credential).urlopen(
            call.method,
            self._prefix + call.path,
            body=call.body,
            headers=headers,
            timeout=urllib3.Timeout(connect=self._patience.connect, read=read),
            retries=False,
            redirect=False,
            assert_same_host=False,  # to a plain HTTP proxy the path is a whole URL
            preload_content=call.stream is None,
        )

    def _pool_for(self, credential: Credential) -> urllib3.HTTPConnectionPool:
        """The pool; a new one when a plugin gave another client certificate."""
        if credential.client_certificate != self._certificate:
            with self._lock:
                if credential.client_certificate != self._certificate:
                    self._pool = _pool(self._access, credential, verify=self._verify)
                    self._certificate = credential.client_certificate
        return self._pool

    def _note(self, *, failed: bool) -> None:
        if not failed:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock.now()


class Stream:
    """An answer that is read line by line; `close` ends it from any thread."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._closed = False
        self._reading = threading.Lock()

    def lines(self, *, last: bool = False) -> Iterator[bytes]:
        """Complete lines until the server ends, the connection breaks, or `close` is called.

        A line that was cut short is dropped: the reader asks again from what it has seen.
        last: one at the proper end counts as complete.
        """
        rest = b""
        with self._reading:
            try:
                for chunk in self._answer.stream(65_536, decode_content=False):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from lines
                    if self._closed:
                        return
                if last and rest:
                    yield rest
            except (HTTPError, OSError):
                return
            except (ValueError, AttributeError):  # what a closed file says, in several ways
                if not self._closed:
                    raise

    def close(self) -> None:
        """End the reading. A blocked read wakes up; closing alone would not wake it."""
        self._closed = True
        with suppress(ValueError, RuntimeError, OSError, AttributeError):
            self._answer.shutdown()
        self._answer.close()


def _pool(access: Access, credential: Credential, *, verify: bool) -> urllib3.HTTPConnectionPool:
    configuration = Configuration(host=access.server, connection_pool_maxsize=_CONNECTIONS)
    configuration.verify_ssl = verify
    configuration.keep_alive = True  # load balancers drop quiet watches without a word
    configuration.tls_server_name = access.tls_server_name or None
    if access.proxy:
        configuration.proxy = access.proxy
    if not verify:
        filterwarnings("ignore", message="Unverified HTTPS request")
    try:
        manager = ApiClient(configuration).rest_client.pool_manager
        if access.server.startswith("https"):
            manager.connection_pool_kw["ssl_context"] = tls.context(
                access, credential, verify=verify
            )
        pool: urllib3.HTTPConnectionPool = manager.connection_from_url(access.server)
    except (HTTPError, ImportError, AssertionError) as error:
        raise InputError(
            f"The server {access.server} or the proxy of the kubeconfig is not usable: {error}."
        ) from error
    return pool


def _again(failure: Unreachable, call: Call) -> Again:
    if failure.permanent or (failure.maybe_done and not call.repeatable):
        raise failure
    return Again(error=failure)


def _worth_another(status: int, failed: ActionError, call: Call, attempt: int) -> bool:
    if isinstance(failed, AuthError) or not isinstance(failed, ApiError):
        return False
    if status == 429:  # it was not begun
        return True
    if status < 500 or not call.repeatable or is_schema_error(status, failed.message):
        return False
    return status != 500 or attempt < _ATTEMPTS_AT_500


def to_json(document: object) -> bytes:
    """A body. JSON is YAML, which is what server-side apply takes."""
    return json.dumps(document, separators=(",", ":")).encode()
