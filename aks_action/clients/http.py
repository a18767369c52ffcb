"""HTTP to servers that are no cluster: Azure, GitHub, registries, where manifests lie.

Pooled, verified, by the proxy of the environment, bounded in time and size, and tried again while
that helps. Not `azure.core.PipelineClient`: its first call costs 48 ms of CPU, and how long to go
on, what to tell meanwhile and what to say at the end are this action's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as faults

from aks_action import __version__
from aks_action.clients.clock import TimeLimit
from aks_action.clients.http_faults import NoAnswer, Why, broken, not_now
from aks_action.clients.http_pools import Pools
from aks_action.clients.retry import Again, with_retries
from aks_action.errors import ActionError

MEGABYTE = 1024 * 1024
REDIRECTS = (301, 302, 303, 307, 308)

_MOST_REDIRECTS = 10
_CHUNK = 64 * 1024
_AGENT = f"aks-action/{__version__}"
_NAME_SECONDS = 1.5
"""How long a host that never answered is tried whose name is unknown or that speaks no TLS: most
such are wrong names rather than hiccups.
"""
_RESTART_SECONDS = 30.0
"""How long one is tried where nothing listens: it may be back by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer that is neither 429 nor 5xx; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Http:
    """Requests to any hosts. Safe to use from several threads.

    limit:      of the step: no request goes on for longer.
    error:      the error to raise when there is no answer.
    patience:   seconds in which one request, its pauses included, must have been answered.
    headers:    sent with every request.
    ca_file:    further trusted certificates (PEM), beside those of the system.
    may_follow: raises for an address that a redirect must not lead to; without it, redirects are
                answers like others.
    """

    def __init__(
        self,
        *,
        limit: TimeLimit,
        error: Callable[[NoAnswer], ActionError],
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        most_bytes: int = 8 * MEGABYTE,
        headers: Mapping[str, str] | None = None,
        ca_file: str = "",
        may_follow: Callable[[str], None] | None = None,
    ) -> None:
        self._limit, self._clock = limit, limit.clock
        self._error = error
        self._tell = tell
        self._patience = patience
        self._most_bytes = most_bytes
        self._headers = {"User-Agent": _AGENT, **(headers or {})}
        self._pools = Pools(ca_file, silence=patience / 2)
        self._may_follow = may_follow
        self._reached: set[str] = set()

    def reached(self, netloc: str) -> bool:
        """Whether a host has answered anything so far."""
        return netloc in self._reached

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send until there is an answer that is neither 429 nor 5xx.

        Every request of this action may be repeated without harm. Redirects of GET and HEAD are
        followed where they may be; another host never sees `Authorization`.
        Raises `error`.
        """
        begun = self._clock.now()

        def call() -> Answer | Again:
            answer = self._follow(method, url, dict(headers or {}), body, begun)
            if isinstance(answer, Answer):
                return answer
            if not answer.again:
                raise self._error(answer)
            return Again(error=self._error(answer), after=answer.after)

        deadline = begun + min(self._patience, self._limit.left())
        return with_retries(call, clock=self._clock, deadline=deadline, tell=self._tell)

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, begun: float
    ) -> Answer | NoAnswer:
        for _ in range(_MOST_REDIRECTS):
            answer = self.attempt(method, url, headers=headers, body=body, begun=begun)
            if isinstance(answer, NoAnswer) or answer.status not in REDIRECTS:
                return answer
            location = answer.headers.get("location", "")
            if not self._may_follow or method not in ("GET", "HEAD") or not location:
                return answer
            target = urljoin(url, location)
            self._may_follow(target)
            if _origin(target) != _origin(url):
                headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
            url = target
        parts = urlsplit(url)
        sentence = f"{parts.netloc} redirects {parts.path} in a circle"
        return NoAnswer(why=Why.IN_A_CIRCLE, sentence=sentence)

    def attempt(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        begun: float | None = None,
    ) -> Answer | NoAnswer:
        """One request. begun: when the first attempt was made, on the clock; now without it."""
        host = urlsplit(url).netloc
        begun = self._clock.now() if begun is None else begun
        left = min(begun + self._patience - self._clock.now(), self._limit.left())
        if left <= 0:
            return NoAnswer(why=Why.UNREACHED, sentence=f"{host} did not answer in time")
        try:
            response = self._pools.of(url).request(
                method,
                url,
                headers={**self._headers, **(headers or {})},
                body=body,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=min(5.0, left), read=left),
                preload_content=False,
            )
            data = self._content(response, host, begun)
        except faults.HTTPError as error:
            is_odd = isinstance(error, faults.SSLError | faults.NameResolutionError)
            patience = _NAME_SECONDS if is_odd else _RESTART_SECONDS
            is_known = host in self._reached or self._clock.now() < begun + patience
            return broken(error, host, is_known=is_known)
        if isinstance(data, NoAnswer):
            response.close()
            return data
        response.release_conn()
        self._reached.add(host)
        lower = {name.lower(): value for name, value in response.headers.items()}
        if response.status == 429 or response.status >= 500:
            return not_now(host, response.status, lower)
        return Answer(status=response.status, headers=lower, body=data)

    def _content(
        self, response: urllib3.BaseHTTPResponse, host: str, begun: float
    ) -> bytes | NoAnswer:
        content = bytearray()
        while chunk := response.read(_CHUNK):
            content += chunk
            if len(content) > self._most_bytes:
                sentence = f"{host} sends more than {self._most_bytes // MEGABYTE} MB"
                return NoAnswer(why=Why.TOO_LONG, sentence=sentence)
            if self._clock.now() > begun + self._patience:
                sentence = f"{host} did not send all of its answer within {self._patience:g} s"
                return NoAnswer(why=Why.UNREACHED, sentence=sentence)
        return bytes(content)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
