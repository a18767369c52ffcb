"""HTTP for registries: careful about where credentials go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

from aks_action.clients.clock import TimeLimit
from aks_action.clients.http import REDIRECTS, Answer, Http
from aks_action.clients.http_faults import NoAnswer, Why
from aks_action.clients.http_pools import is_loopback
from aks_action.errors import ActionError, AuthError, RegistryError


class Transport:
    """Requests to one registry and its token server. Safe to use from several threads.

    patience: seconds in which one request, its pauses included, must have been answered.
    ca_file:  further trusted certificates (PEM), beside those of the system.
    """

    def __init__(
        self,
        host: str,
        *,
        limit: TimeLimit,
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        ca_file: str = "",
    ) -> None:
        self._host = host
        self._http = Http(
            limit=limit,
            error=_error,
            tell=tell,
            patience=patience,
            ca_file=ca_file,
            may_follow=self.check_url,
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """As `Http.send`. Raises RegistryError (cannot be reached, keeps failing, leads nowhere)
        and AuthError (certificate).
        """
        answer = self._http.send(method, url, headers=headers, body=body)
        if answer.status in REDIRECTS:
            target = urljoin(url, answer.headers.get("location", ""))
            raise RegistryError(
                f"{self._host} answered {method} {urlsplit(url).path} with a redirect to "
                f"{urlsplit(target).netloc}, which cannot be followed. Is it a registry?"
            )
        return answer

    def scheme(self) -> str:
        """`https`; for a registry on this machine whichever of the two it speaks.

        Only the question itself is sent, so no password can go the wrong way.
        """
        if not is_loopback(self._host):
            return "https"
        plain = self._http.attempt("GET", f"http://{self._host}/v2/")
        # A server that speaks TLS answers 400 to plain text, or hangs up.
        if isinstance(plain, Answer) and plain.status != 400:
            return "http"
        if isinstance(plain, NoAnswer) and self._http.reached(self._host):
            return "http"
        secure = self._http.attempt("GET", f"https://{self._host}/v2/")
        if isinstance(secure, NoAnswer) and secure.why is Why.UNTRUSTED:
            raise _error(secure)
        return "https" if isinstance(secure, Answer) or self._http.reached(self._host) else "http"

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


def _error(answer: NoAnswer) -> ActionError:
    kind = AuthError if answer.why is Why.UNTRUSTED else RegistryError
    return kind(f"{answer.sentence}.")
