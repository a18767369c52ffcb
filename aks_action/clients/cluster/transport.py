"""Requests to the API server: one place for headers, timeouts, retries and their errors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from aks_action import __version__
from aks_action.clients.cluster.connection import Connection
from aks_action.clients.kube.errors import Asked, from_answer, is_schema_error
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, Backoff, retry_after, with_retries
from aks_action.errors import ActionError, ApiError, ApplyError

RETRIED = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, for an answer, and in which a request is tried again."""

    connect: float = 5.0
    read: float = 30.0
    patience: float = 30.0


class Transport:
    """Sends requests over the pool of a connection. Safe to use from several threads."""

    def __init__(self, connection: Connection, clock: Clock, timeouts: Timeouts) -> None:
        self._connection = connection
        self._clock = clock
        self._timeouts = timeouts

    def send(
        self,
        method: str,
        path: str,
        asked: Asked,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
    ) -> bytes:
        """The body of a successful answer.

        Connections that break, 429 and 5xx are tried again while there is patience; a request
        that is not idempotent only when the server cannot have acted on it (429, no connection).
        Raises ApiError for an error answer, AuthError for 401, ApplyError without an answer.
        """
        url = self._url(path, query)
        timeout = urllib3.Timeout(connect=self._timeouts.connect, read=self._timeouts.read)

        def call() -> bytes | Again:
            try:
                answer = self._connection.pool.request(
                    method,
                    url,
                    body=body,
                    headers=self._headers(headers),
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                )
            except HTTPError as error:
                return self._broken(error, idempotent=idempotent)
            if answer.status < 300:
                return answer.data
            return _refused(answer, answer.data, asked, idempotent=idempotent)

        return with_retries(
            call,
            clock=self._clock,
            deadline=self._clock.now() + self._timeouts.patience,
            backoff=Backoff(),
        )

    def stream(
        self, path: str, asked: Asked, *, query: Mapping[str, str], seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """An answer that goes on for `seconds`; the caller closes it. Never tried again."""
        try:
            answer = self._connection.pool.request(
                "GET",
                self._url(path, query),
                headers=self._headers(None),
                timeout=urllib3.Timeout(connect=self._timeouts.connect, read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            raise unreachable(self._connection.host, error) from None
        if answer.status < 300:
            return answer
        data = answer.read()
        answer.close()
        raise from_answer(answer.status, data, answer.headers.get("Content-Type", ""), asked)

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        words = {name: value for name, value in (query or {}).items() if value}
        return f"{self._connection.host}{path}" + (f"?{urlencode(words)}" if words else "")

    def _headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"aks-action/{__version__}"}
        if authorization := self._connection.authorization():
            headers["Authorization"] = authorization
        return {**headers, **(more or {})}

    def _broken(self, error: HTTPError, *, idempotent: bool) -> Again:
        failure = unreachable(self._connection.host, error)
        # A wrong name or certificate stays wrong; a lost answer may hide a write that was done.
        if isinstance(error, SSLError | NameResolutionError | ProxyError):
            raise failure from None
        if not idempotent and not isinstance(error, NewConnectionError):
            raise failure from None
        return Again(error=failure)


def _refused(
    answer: urllib3.BaseHTTPResponse, data: bytes, asked: Asked, *, idempotent: bool
) -> Again:
    headers = answer.headers
    error = from_answer(answer.status, data, headers.get("Content-Type", ""), asked)
    after = retry_after(headers.get("Retry-After"), date=headers.get("Date"))
    if not _is_worth_another_try(answer.status, error, idempotent=idempotent):
        raise error
    return Again(error=error, after=after)


def _is_worth_another_try(status: int, error: ActionError, *, idempotent: bool) -> bool:
    if status not in RETRIED or (status != 429 and not idempotent):
        return False
    message = error.message if isinstance(error, ApiError) else ""
    return not is_schema_error(status, message)


def unreachable(host: str, error: HTTPError) -> ApplyError:
    """Why no answer came, as a sentence that says what to look at."""
    return ApplyError(f"{host} cannot be reached: {_why(error)}")


def _why(error: HTTPError) -> str:
    if isinstance(error, SSLError):
        return _tls(error)
    if isinstance(error, NameResolutionError):
        return (
            "its name is not known here. Check the server in the kubeconfig; the address of a "
            "private cluster is known only inside its network."
        )
    if isinstance(error, ConnectTimeoutError):
        return "it did not answer in time. Check firewalls and authorized IP ranges."
    if isinstance(error, ReadTimeoutError):
        return "it took the request, but its answer did not come in time."
    if isinstance(error, ProxyError):
        return "the proxy does not let us through. Check HTTPS_PROXY and NO_PROXY."
    if isinstance(error, NewConnectionError):
        return "the connection was refused. Check that the cluster runs, and its address."
    if isinstance(error, ProtocolError):
        return "the connection broke before the answer was complete."
    return f"{type(error).__name__}."


def _tls(error: SSLError) -> str:
    cause: Any = next((each for each in error.args if isinstance(each, ssl.SSLError)), error)
    reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "TLS failed"
    return (
        f"its certificate is not accepted ({reason}). Check the certificate authority and the "
        "server in the kubeconfig; they may belong to another cluster, or have expired."
    )
