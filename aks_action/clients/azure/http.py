"""HTTPS to Azure and GitHub: verified, by the proxy of the environment, retried while it helps.

Not `azure.core.PipelineClient`: its first call costs 48 ms of CPU, and how long to go on, what to
tell meanwhile and what to say at the end are this action's own.
"""

from __future__ import annotations

import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as faults

from aks_action import __version__
from aks_action.clients.ports import Clock
from aks_action.clients.retry import Again, retry_after, with_retries
from aks_action.errors import ApplyError, AuthError

_MOST_BYTES = 4 * 1024 * 1024
_AGENT = f"aks-action/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer that is not worth another try; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Http:
    """Requests to a few hosts. Safe to use from several threads.

    patience: seconds in which one request, its pauses included, must have been answered.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 120.0,
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._patience = patience
        self._reached: set[str] = set()
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        patience: float | None = None,
    ) -> Answer:
        """Send until there is an answer that is neither 429 nor 5xx.

        Every request that this action sends to Azure may be repeated without harm.
        Raises ApplyError (cannot be reached, keeps failing) and AuthError (certificate).
        """
        host = urlsplit(url).netloc
        sent = {"User-Agent": _AGENT, "Accept": "application/json", **(headers or {})}

        def call() -> Answer | Again:
            return self._attempt(method, url, host, sent, body)

        seconds = self._patience if patience is None else patience
        return with_retries(
            call, clock=self._clock, deadline=self._clock.now() + seconds, tell=self._tell
        )

    def _attempt(
        self, method: str, url: str, host: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer | Again:
        try:
            response = self._pool(host).request(
                method,
                url,
                headers=headers,
                body=body,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=5.0, read=60.0),
                preload_content=False,
            )
            data = response.read(_MOST_BYTES)
            response.release_conn()
        except faults.HTTPError as error:
            return self._failed(error, host)
        self._reached.add(host)
        lower = {name.lower(): value for name, value in response.headers.items()}
        if response.status == 429 or response.status >= 500:
            return Again(
                error=ApplyError(_busy(host, response.status)),
                after=retry_after(lower.get("retry-after"), date=lower.get("date")),
            )
        return Answer(status=response.status, headers=lower, body=data)

    def _pool(self, host: str) -> urllib3.PoolManager:
        """One for each way out: the system's certificates take 10 ms to read."""
        proxy = ""
        if not urllib.request.proxy_bypass(host):
            proxy = urllib.request.getproxies().get("https", "")
        with self._lock:
            if proxy not in self._pools:
                context = ssl.create_default_context()
                self._pools[proxy] = (
                    urllib3.ProxyManager(proxy, maxsize=4, ssl_context=context)
                    if proxy
                    else urllib3.PoolManager(maxsize=4, ssl_context=context)
                )
            return self._pools[proxy]

    def _failed(self, error: faults.HTTPError, host: str) -> Again:
        if isinstance(error, faults.SSLError):
            raise AuthError(
                f"The certificate of {host} is not accepted ({_short(error)}); nothing was sent. "
                "Behind a proxy that opens TLS, name its authority by SSL_CERT_FILE."
            ) from None
        sentence = ApplyError(
            f"{host} cannot be reached: {_short(error)}. Check the network of the runner, and "
            "HTTPS_PROXY if there is a proxy."
        )
        # A host that never answered is a wrong name rather than a hiccup: told at once.
        if host not in self._reached and isinstance(error, faults.NewConnectionError):
            raise sentence from None
        return Again(error=sentence)


def _busy(host: str, status: int) -> str:
    if status == 429:
        return f"{host} answered 429: it is asked too often. Run the job again in a few minutes."
    return f"{host} answered {status}: it is not well. See https://status.azure.com, and run again."


def _short(error: faults.HTTPError) -> str:
    match error:
        case faults.NameResolutionError():
            return "its name is unknown"
        case faults.NewConnectionError():
            return "nothing listens there"
        case faults.ConnectTimeoutError() | faults.ReadTimeoutError():
            return "it did not answer in time"
        case faults.ProxyError():
            return "the proxy does not let us through"
        case _:
            text = " ".join(str(error.args[-1] if error.args else error).split())
            return text.rstrip(".")[:200] or type(error).__name__
