"""Requests as one user, repeated where that is safe, with time limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from aks_action import __version__
from aks_action.clients.clock import TimeLimit
from aks_action.clients.kube.access import Access
from aks_action.clients.kube.credentials import Credential, Credentials
from aks_action.clients.kube.errors import from_answer, is_schema_error
from aks_action.clients.kube.pools import pool
from aks_action.clients.kube.sending import Answer, Call, TooLong, Whole
from aks_action.clients.kube.unreachable import unreachable
from aks_action.clients.retry import Again, Backoff, long_wish, retry_after, with_retries
from aks_action.clients.timed_connections import give_time
from aks_action.errors import ActionError, ApiError, ApplyError, AuthError

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer. An object has 3 MB at most, and a page of a LIST can be made shorter."""

_BACKOFF = Backoff()
_ATTEMPTS_AT_500 = 3  # a webhook that fails will fail again
_CHUNK = 256 * 1024
_OUTAGE_SECONDS = 5.0
"""From when on it is told since when there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds. `retry` is for one outage: as long as no request succeeds, it is not renewed.

    connect: to open a connection.      read:  between two parts of an answer.
    head:    until an answer begins that is read as it comes: a watch begins at once.
    answer:  for a whole answer. An API server gives a write 34 s, its webhooks included, and
             anything else 60 s.
    name:    until a name that nobody knows is told to be wrong.
    refused: to go on trying where credentials are refused that were accepted before.
    retry:   to go on trying what was answered by 429 or 5xx, or broke; what restarts is back.
    """

    connect: float = 5.0
    read: float = 40.0
    head: float = 12.0
    answer: float = 70.0
    name: float = 3.0
    refused: float = 8.0
    retry: float = 30.0


class Transport:
    """Requests to one API server as one user. Safe to use from several threads."""

    def __init__(
        self,
        access: Access,
        *,
        verify: bool,
        limit: TimeLimit,
        patience: Patience = Patience(),
    ) -> None:
        self.host = access.server
        self._access = access
        self._verify = verify
        self._limit = limit
        self._clock = limit.clock
        self._patience = patience
        self._credentials = Credentials(access)
        self._lock = threading.Lock()
        self._accepted: Credential | None = None
        self._failing_since: float | None = None
        self._certificate = self._credentials.current.client_certificate
        self._pool = self._pool_of(self._credentials.current)
        parts = urlsplit(access.server)
        proxied = parts.scheme == "http" and self._pool.proxy is not None
        self._prefix = access.server if proxied else parts.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown of the credentials in use."""
        authorization = self._credentials.current.authorization.rpartition(" ")[2]
        known = (authorization, self._access.token, self._access.password)
        return tuple(secret for secret in known if secret)

    def send(self, call: Call) -> Answer:
        """The answer, if it is below 300. Raises what `errors` and `unreachable` make of others."""
        begun = self._clock.now()
        attempts = 0

        def once() -> Answer | Again:
            nonlocal attempts
            attempts += 1
            outcome = self._once(call, attempts, begun)
            self._note(failed=isinstance(outcome, Again))
            return outcome

        since = self._failing_since
        deadline = (begun if since is None else min(begun, since)) + self._patience.retry
        deadline = min(deadline, begun + self._limit.left())
        return with_retries(once, clock=self._clock, deadline=deadline, backoff=_BACKOFF)

    def _once(self, call: Call, attempt: int, begun: float) -> Answer | Again:
        credential = self._credentials.current
        try:
            answer = self._request(call, credential)
            if answer.status < 300 and call.stream is not None:
                give_time(answer, min(call.stream, self._limit.left()))
                received: Answer = answer
            else:
                received = self._received(answer)
        except HTTPError as error:
            return self._again(error, call, begun)
        if received.status == 401:
            return self._refused(received, call, credential, attempt, begun)
        self._accepted = credential
        if received.status < 300:
            return received
        headers = received.headers
        failed = from_answer(
            received.status, received.data, headers.get("Content-Type", ""), call.asked, call.body
        )
        if _worth_another(received.status, failed, call, attempt):
            after = retry_after(headers.get("Retry-After"), date=headers.get("Date"))
            if wish := long_wish(after):
                failed.add(f"{wish}.")
            return Again(error=failed, after=after)
        raise failed

    def _request(self, call: Call, credential: Credential) -> urllib3.BaseHTTPResponse:
        left = self._limit.left()
        if not left:
            raise ApplyError(
                f"{self.host} was not asked to {call.asked.verb} {call.asked.ref}: the time limit "
                "of this step is over."
            )
        headers = {"Accept": call.accept, "User-Agent": f"aks-action/{__version__}"}
        if credential.authorization:
            headers["Authorization"] = credential.authorization
        if call.content_type:
            headers["Content-Type"] = call.content_type
        whole = self._patience.answer if call.stream is None else self._patience.head
        return self._pool_for(credential).urlopen(
            call.method,
            self._prefix + call.path,
            body=call.body,
            headers=headers,
            timeout=urllib3.Timeout(
                connect=min(self._patience.connect, left), read=min(whole, left)
            ),
            retries=False,
            redirect=False,
            assert_same_host=False,  # to a plain HTTP proxy the path is a whole URL
            preload_content=False,
        )

    def _received(self, answer: urllib3.BaseHTTPResponse) -> Whole:
        """The answer, read to its end. Raises TooLong, HTTPError."""
        data = bytearray()
        while chunk := answer.read(_CHUNK):
            data += chunk
            if len(data) > MOST_BYTES:
                answer.close()
                most = MOST_BYTES // 1024 // 1024
                raise TooLong(f"{self.host} sends more than {most} MB in one answer.")
        return Whole(status=answer.status, headers=answer.headers, data=bytes(data))

    def _again(self, error: HTTPError, call: Call, begun: float) -> Again:
        """What broke, where another attempt may not break. Raises it where there is none."""
        now = self._clock.now()
        failure = unreachable(error, self._access, since=self._outage(now))
        is_wrong_name = failure.unknown_name and self._accepted is None
        if (
            failure.permanent
            or call.stream is not None  # whoever reads it goes on by itself
            or (failure.maybe_done and not call.repeatable)
            or (is_wrong_name and now >= begun + self._patience.name)
        ):
            raise failure
        return Again(error=failure)

    def _outage(self, now: float) -> datetime | None:
        """Since when nothing has been answered, if that is worth a word."""
        since = self._failing_since
        if since is None or now - since < _OUTAGE_SECONDS:
            return None
        return datetime.now(UTC) - timedelta(seconds=now - since)

    def _refused(
        self, answer: Answer, call: Call, credential: Credential, attempt: int, begun: float
    ) -> Again:
        """A 401: by another credential if there is one, and else once more in any case.

        A server that starts may not know yet whom it knew before.
        """
        content_type = answer.headers.get("Content-Type", "")
        failed = from_answer(answer.status, answer.data, content_type, call.asked)
        was_accepted = self._accepted is not None
        self._credentials.renew(credential)
        is_late = self._clock.now() >= begun + self._patience.refused
        if attempt > 1 and (is_late or not was_accepted):
            raise failed
        return Again(error=failed)

    def _pool_for(self, credential: Credential) -> urllib3.HTTPConnectionPool:
        """The pool; a new one when a plugin gave another client certificate."""
        if credential.client_certificate != self._certificate:
            with self._lock:
                if credential.client_certificate != self._certificate:
                    self._pool = self._pool_of(credential)
                    self._certificate = credential.client_certificate
        return self._pool

    def _pool_of(self, credential: Credential) -> urllib3.HTTPConnectionPool:
        return pool(self._access, credential, verify=self._verify, silence=self._patience.read)

    def _note(self, *, failed: bool) -> None:
        if not failed:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock.now()


def _worth_another(status: int, failed: ActionError, call: Call, attempt: int) -> bool:
    if isinstance(failed, AuthError) or not isinstance(failed, ApiError):
        return False
    if status == 429:  # it was not begun
        return True
    if status < 500 or not call.repeatable or is_schema_error(status, failed.message):
        return False
    return status != 500 or attempt < _ATTEMPTS_AT_500
