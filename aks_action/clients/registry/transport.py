"""HTTP for registries: pooled, verified, retried, and careful about where credentials go.

The only module that knows urllib3 for registries.
"""

from __future__ import annotations

import ipaddress
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as faults

from aks_action import __version__
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, retry_after, with_retries
from aks_action.errors import AuthError, RegistryError

_MOST_BYTES = 8 * 1024 * 1024  # twice what registries take as a manifest
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_WORKERS = 8
_AGENT = f"aks-action/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; header names are lower case. `status` is never a retried one."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport:
    """Requests to one registry and its token server. Safe to use from several threads.

    patience: seconds in which one request, its pauses included, must have been answered.
    ca_file:  further trusted certificates (PEM), beside those of the system.
    """

    def __init__(
        self,
        host: str,
        *,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        ca_file: str = "",
    ) -> None:
        self._host = host
        self._clock = clock
        self._tell = tell
        self._patience = patience
        self._pool = _pool(host, ca_file)
        self._reached = False

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send until there is an answer that is neither 429 nor 5xx.

        Redirects of GET and HEAD are followed; another host never sees `Authorization`.

        Raises RegistryError (cannot be reached, keeps failing) and AuthError (certificate).
        """
        headers = {"User-Agent": _AGENT, **(headers or {})}

        def call() -> Answer | Again:
            return self._follow(method, url, headers, body)

        deadline = self._clock.now() + self._patience
        return with_retries(call, clock=self._clock, deadline=deadline, tell=self._tell)

    def scheme(self) -> str:
        """`https`; for a registry on this machine whichever of the two it speaks.

        Only the question itself is sent, so no password can go the wrong way.
        """
        if not is_loopback(self._host):
            return "https"
        plain = self._attempt("GET", f"http://{self._host}/v2/", {"User-Agent": _AGENT}, None)
        # A server that speaks TLS answers 400 to plain text, or hangs up.
        if isinstance(plain, Answer) and plain.status != 400:
            return "http"
        if isinstance(plain, Again) and self._reached:
            return "http"
        try:
            secure = self._attempt("GET", f"https://{self._host}/v2/", {"User-Agent": _AGENT}, None)
        except RegistryError:
            return "http"
        return "https" if isinstance(secure, Answer) or self._reached else "http"

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Answer | Again:
        for _ in range(_MOST_REDIRECTS):
            answer = self._attempt(method, url, headers, body)
            if isinstance(answer, Again) or answer.status not in _REDIRECTS:
                return answer
            target = urljoin(url, answer.headers.get("location", ""))
            if method not in ("GET", "HEAD") or not answer.headers.get("location"):
                raise RegistryError(
                    f"{self._host} answered {method} {urlsplit(url).path} with a redirect to "
                    f"{urlsplit(target).netloc}, which cannot be followed. Is it a registry?"
                )
            self.check_url(target)
            if _origin(target) != _origin(url):
                headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
            url = target
        raise RegistryError(f"{self._host} redirects {urlsplit(url).path} in a circle.")

    def check_url(self, url: str) -> None:
        """Refuse to send anything in plain text off this machine. Raises RegistryError."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme == "http" and is_loopback(parts.netloc) and is_loopback(self._host):
            return
        raise RegistryError(
            f"{self._host} points to {parts.scheme}://{parts.netloc}, which is not HTTPS: "
            "nothing is sent there. Plain HTTP is for a registry on this machine only."
        )

    def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer | Again:
        try:
            response = self._pool.request(
                method, url, headers=headers, body=body, redirect=False, preload_content=False
            )
            data = response.read(_MOST_BYTES + 1)
        except faults.HTTPError as error:
            return self._failed(error)
        if len(data) > _MOST_BYTES:
            response.close()
            raise RegistryError(
                f"{self._host} answered {urlsplit(url).path} with more than "
                f"{_MOST_BYTES // 1024 // 1024} MB, which is no manifest."
            )
        response.release_conn()
        self._reached = True
        answer_headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status == 429 or response.status >= 500:
            return Again(
                error=RegistryError(_busy(self._host, response.status)),
                after=retry_after(
                    answer_headers.get("retry-after"), date=answer_headers.get("date")
                ),
            )
        return Answer(status=response.status, headers=answer_headers, body=data)

    def _failed(self, error: faults.HTTPError) -> Again:
        if isinstance(error, faults.SSLError):
            if "CERTIFICATE" in str(error).upper():
                raise AuthError(_certificate(self._host, error)) from error
            raise RegistryError(f"{self._host} does not speak HTTPS: {_short(error)}.") from error
        sentence = RegistryError(f"{self._host} cannot be reached: {_short(error)}.")
        # A host that never answered is a wrong name rather than a hiccup: told at once.
        if not self._reached and isinstance(error, faults.NewConnectionError):
            raise sentence from error
        return Again(error=sentence)


def is_loopback(netloc: str) -> bool:
    """Whether `host[:port]` is this machine: 127.0.0.0/8, ::1 or localhost."""
    host = urlsplit(f"//{netloc}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pool(host: str, ca_file: str) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=5.0, read=30.0)
    ca_certs = ca_file or None
    proxy = ""
    if not is_loopback(host) and not urllib.request.proxy_bypass(host):
        proxy = urllib.request.getproxies().get("https", "")
    if proxy:
        return urllib3.ProxyManager(
            proxy, maxsize=_WORKERS, retries=False, timeout=timeout, ca_certs=ca_certs
        )
    return urllib3.PoolManager(maxsize=_WORKERS, retries=False, timeout=timeout, ca_certs=ca_certs)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _busy(host: str, status: int) -> str:
    why = "it is asked too often" if status == 429 else "it is not well"
    return f"{host} answered {status}: {why}."


def _certificate(host: str, error: Exception) -> str:
    text = str(error)
    if "expired" in text:
        why = "it has expired"
    elif "self-signed" in text or "self signed" in text or "local issuer" in text:
        why = "nobody that this machine trusts has signed it"
    elif "mismatch" in text or "not valid for" in text:
        why = "it is not for this name"
    else:
        why = _short(error)
    return f"The certificate of {host} is refused: {why}. Nothing was sent."


def _short(error: Exception) -> str:
    """The last cause of a chain of library errors, on one line."""
    match error:
        case faults.NameResolutionError():
            return "its name is unknown"
        case faults.NewConnectionError():
            return "nothing listens there"
        case faults.ConnectTimeoutError() | faults.ReadTimeoutError():
            return "it did not answer in time"
        case _:
            text = " ".join(str(error.args[-1] if error.args else error).split())
            return text.rstrip(".")[:200] or type(error).__name__
