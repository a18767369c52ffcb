"""Manifests from URLs: HTTPS from the first request to the last redirect, bounded in all ways."""

from __future__ import annotations

import ipaddress
import urllib.request
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3 import exceptions as faults

from aks_action import __version__
from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, retry_after, with_retries
from aks_action.errors import InputError

MOST_BYTES = 32 * 1024 * 1024
_PATIENCE_SECONDS = 60.0
_PATIENCE_TO_CONNECT_SECONDS = 3.0
_MOST_REDIRECTS = 10
_CHUNK = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)


def display(url: str) -> str:
    """A URL for messages: without its query, where signed links keep their secret."""
    parts = _split(url)
    if not parts.scheme:
        return parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A file's content or, where `redirect` is not empty, the address to ask instead."""

    content: bytes = b""
    redirect: str = ""


class Downloads:
    """Fetches files. `patience` is in seconds: everything about one file has to fit into it.

    ca_file: further trusted certificates (PEM).
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        patience: float = _PATIENCE_SECONDS,
        most_bytes: int = MOST_BYTES,
        ca_file: str = "",
    ) -> None:
        self._clock = clock or SystemClock()
        self._patience = patience
        self._most_bytes = most_bytes
        self._ca_file = ca_file

    def get(self, url: str) -> bytes:
        """The bytes behind a URL; redirects are followed, to HTTPS only.

        Plain HTTP is for this machine only. 429, 5xx and broken connections are tried again.
        Raises InputError with one sentence.
        """
        deadline = self._clock.now() + self._patience
        target = url
        for _ in range(_MOST_REDIRECTS):
            _check(target, url)
            answer = self._fetch(target, url, deadline)
            if not answer.redirect:
                return answer.content
            target = answer.redirect
        raise InputError(f"{display(url)} redirects in a circle. Give the final address.")

    def _fetch(self, target: str, url: str, deadline: float) -> _Answer:
        to_connect = self._clock.now() + _PATIENCE_TO_CONNECT_SECONDS

        def call() -> _Answer | Again:
            return self._attempt(target, url, deadline, to_connect)

        return with_retries(call, clock=self._clock, deadline=deadline)

    def _attempt(
        self, target: str, url: str, deadline: float, to_connect: float
    ) -> _Answer | Again:
        left = max(deadline - self._clock.now(), 0.1)
        timeout = urllib3.Timeout(connect=min(10.0, left), read=min(30.0, left))
        try:
            with self._pool(target) as pool:
                response = pool.request(
                    "GET",
                    target,
                    headers={"User-Agent": f"aks-action/{__version__}"},
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=timeout,
                )
                try:
                    return self._answer(response, target, url, deadline)
                finally:
                    response.close()
        except faults.SSLError as error:
            raise InputError(
                f"{display(url)} was not downloaded: the certificate of its server is not "
                f"trusted ({_short(error)})."
            ) from None
        except faults.HTTPError as error:
            failure = InputError(f"{display(url)} was not downloaded: {_short(error)}.")
            nobody = isinstance(error, faults.NewConnectionError | faults.NameResolutionError)
            if nobody and self._clock.now() >= to_connect:
                raise failure from None
            return Again(error=failure)

    def _answer(
        self, response: urllib3.BaseHTTPResponse, target: str, url: str, deadline: float
    ) -> _Answer | Again:
        status, headers = response.status, response.headers
        location = headers.get("Location")
        if status in _REDIRECTS and location:
            return _Answer(redirect=urljoin(target, location))
        if status == 429 or status >= 500:
            after = retry_after(headers.get("Retry-After"), date=headers.get("Date"))
            sentence = f"{display(url)} was not downloaded: the server answered {status}."
            return Again(error=InputError(sentence), after=after)
        if status != 200:
            hint = " Is it public?" if status in (401, 403, 404) else ""
            raise InputError(f"{display(url)} was not downloaded: it answered {status}.{hint}")
        if headers.get("Content-Type", "").lower().startswith("text/html"):
            raise InputError(
                f"{display(url)} is a web page, not a manifest. Give the address of the raw file."
            )
        return _Answer(content=self._content(response, url, deadline))

    def _content(self, response: urllib3.BaseHTTPResponse, url: str, deadline: float) -> bytes:
        content = bytearray()
        while chunk := response.read(_CHUNK):
            content += chunk
            if len(content) > self._most_bytes:
                raise InputError(
                    f"{display(url)} has more than {self._most_bytes // 1024 // 1024} MB, "
                    "which is too much for a manifest."
                )
            if self._clock.now() > deadline:
                raise InputError(f"{display(url)} was not downloaded within {self._patience:g} s.")
        return bytes(content)

    def _pool(self, target: str) -> urllib3.PoolManager:
        parts = _split(target)
        ca_certs = self._ca_file or None
        proxies = urllib.request.getproxies_environment()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        host = parts.hostname or ""
        if proxy and not _is_loopback(host) and not urllib.request.proxy_bypass(host):
            return urllib3.ProxyManager(proxy, ca_certs=ca_certs)
        return urllib3.PoolManager(ca_certs=ca_certs)


def _check(target: str, url: str) -> None:
    parts = _split(target)
    if "@" in parts.netloc:
        raise InputError(f"{display(url)}: an address with a password in it is not fetched.")
    plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    if not parts.hostname or (parts.scheme != "https" and not plain):
        where = "is" if target == url else f"redirects to {display(target)}, which is"
        raise InputError(f"{display(url)} {where} no HTTPS address. Only https:// is fetched.")


def _split(url: str) -> SplitResult:
    """The parts of a URL; what is none has no host."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a port that is no number raises here
    except ValueError:
        return SplitResult("", "", url, "", "")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _short(error: Exception) -> str:
    match error:
        case faults.NameResolutionError():
            return "its host is unknown"
        case faults.NewConnectionError():
            return "nothing listens there"
        case faults.TimeoutError():
            return "its server did not answer in time"
        case _:
            text = " ".join(str(error.args[-1] if error.args else error).split())
            return text.rstrip(".")[:200] or type(error).__name__
