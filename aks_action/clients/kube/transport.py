"""Requests as one user, repeated where that is safe, with time limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from aks_action import __version__
from aks_action.clients.kube.access import Access
from aks_action.clients.kube.credentials import Credential, Credentials
from aks_action.clients.kube.errors import from_answer, is_schema_error
from aks_action.clients.kube.pools import pool
from aks_action.clients.kube.sending import Call
from aks_action.clients.kube.unreachable import Unreachable, unreachable
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, Backoff, retry_after, with_retries
from aks_action.errors import ActionError, ApiError, AuthError

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
        self._pool = pool(access, self._credentials.current, verify=verify)
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
                    self._pool = pool(self._access, credential, verify=self._verify)
                    self._certificate = credential.client_certificate
        return self._pool

    def _note(self, *, failed: bool) -> None:
        if not failed:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock.now()


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
