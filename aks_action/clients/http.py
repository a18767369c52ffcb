"""HTTP to servers that are no cluster: Azure, GitHub, registries, where manifests lie.

The one door: each request says which origins may receive its credentials, and an answer cannot
lead it elsewhere. Pooled, verified, by the proxy of the environment, bounded in time and size, and
tried again while that helps. Not `azure.core.PipelineClient`: its first call costs 48 ms of CPU,
and how long to go on, what to tell meanwhile and what to say at the end are this action's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import urllib3
from urllib3 import exceptions as faults

from aks_action import __version__
from aks_action.clients.clock import TimeLimit
from aks_action.clients.http_faults import NoAnswer, Why, broken, not_now
from aks_action.clients.http_pools import Pools
from aks_action.clients.retry import Again, with_retries
from aks_action.errors import ActionError
from aks_action.model import origins
from aks_action.model.origins import Origin

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
    follow:     redirects of GET and HEAD are followed; without it they are answers like others.
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
        follow: bool = False,
    ) -> None:
        self._limit, self._clock = limit, limit.clock
        self._error = error
        self._tell = tell
        self._patience = patience
        self._most_bytes = most_bytes
        self._headers = {"User-Agent": _AGENT, **(headers or {})}
        self._pools = Pools(ca_file, silence=patience / 2)
        self._follow_redirects = follow
        self._reached: set[tuple[str, int]] = set()

    def reached(self, url: str) -> bool:
        """Whether the host and port of an address have answered anything so far."""
        origin = Origin.of(url)
        return (origin.host, origin.port) in self._reached

    def send(
        self,
        method: str,
        url: str,
        *,
        to: Collection[Origin] = (),
        named: bool = True,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send until there is an answer that is neither 429 nor 5xx.

        to:    the origins that may receive the credentials of this request; whatever has a body
               or `Authorization` is sent to one of them or not at all.
        named: the workflow's author named the host. A host that only a file or an answer names
               is asked by HTTPS alone, and neither on this machine nor at a metadata service.

        Every request of this action may be repeated without harm. A redirect to another origin
        never sees `Authorization`, and is followed as what an answer names.
        Raises `error`.
        """
        begun = self._clock.now()

        def call() -> Answer | Again:
            answer = self._follow(method, url, to, named, dict(headers or {}), body, begun)
            if isinstance(answer, Answer):
                return answer
            if not answer.again:
                raise self._error(answer)
            return Again(error=self._error(answer), after=answer.after)

        deadline = begun + min(self._patience, self._limit.left())
        return with_retries(call, clock=self._clock, deadline=deadline, tell=self._tell)

    def _follow(
        self,
        method: str,
        url: str,
        to: Collection[Origin],
        named: bool,  # noqa: FBT001
        headers: dict[str, str],
        body: bytes | None,
        begun: float,
    ) -> Answer | NoAnswer:
        for _ in range(_MOST_REDIRECTS):
            answer = self.attempt(
                method, url, to=to, named=named, headers=headers, body=body, begun=begun
            )
            if isinstance(answer, NoAnswer) or answer.status not in REDIRECTS:
                return answer
            location = answer.headers.get("location", "")
            if not self._follow_redirects or method not in ("GET", "HEAD") or not location:
                return answer
            source = Origin.of(url)
            try:
                url = origins.resolved(url, location)
                if Origin.of(url) != source:
                    origins.check_named_by_answer(url)
                    named = False
                    headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
            except ValueError as why:
                told = f"{source} redirects to {origins.display(url)}, {why}"
                return NoAnswer(why=Why.FORBIDDEN, sentence=told)
        sentence = f"{origins.display(url)} redirects in a circle"
        return NoAnswer(why=Why.IN_A_CIRCLE, sentence=sentence)

    def attempt(
        self,
        method: str,
        url: str,
        *,
        to: Collection[Origin] = (),
        named: bool = True,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        begun: float | None = None,
    ) -> Answer | NoAnswer:
        """One request. begun: when the first attempt was made, on the clock; now without it."""
        begun = self._clock.now() if begun is None else begun
        sent = {**self._headers, **(headers or {})}
        try:
            origin = _allowed(url, to, named=named, has_secrets=bool(body) or _is_signed(sent))
        except ValueError as why:
            sentence = f"Nothing is sent to {origins.display(url)}, {why}"
            return NoAnswer(why=Why.FORBIDDEN, sentence=sentence)
        host = str(origin).partition("://")[2]
        left = min(begun + self._patience - self._clock.now(), self._limit.left())
        if left <= 0:
            return NoAnswer(why=Why.UNREACHED, sentence=f"{host} did not answer in time")
        try:
            response = self._pools.of(origin, named=named).request(
                method,
                url,
                headers=sent,
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
            is_known = self.reached(url) or self._clock.now() < begun + patience
            return broken(error, host, is_known=is_known)
        if isinstance(data, NoAnswer):
            response.close()
            return data
        response.release_conn()
        self._reached.add((origin.host, origin.port))
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


def _is_signed(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "authorization" for name in headers)


def _allowed(url: str, to: Collection[Origin], *, named: bool, has_secrets: bool) -> Origin:
    """The origin of a request that may be sent. Raises ValueError with the end of a sentence."""
    origin = Origin.of(url) if named else origins.check_named_by_answer(url)
    if not origin.is_private:
        raise ValueError("which is not HTTPS; plain HTTP is for this machine only")
    if has_secrets and origin not in to:
        raise ValueError("which may not have the credentials of this request")
    return origin
