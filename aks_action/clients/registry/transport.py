"""HTTP for one registry: what goes there, to its token server, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from aks_action.clients.clock import TimeLimit
from aks_action.clients.http import REDIRECTS, Answer, Http
from aks_action.clients.http_faults import NoAnswer, Why
from aks_action.errors import ActionError, AuthError, RegistryError
from aks_action.model import origins
from aks_action.model.origins import Origin


class Transport:
    """Requests to one registry and its token server. Safe to use from several threads.

    named:        the workflow's author named the registry, not only a file.
    token_server: a host that the author named as the registry's token server.
    patience:     seconds in which one request, its pauses included, must have been answered.
    ca_file:      further trusted certificates (PEM), beside those of the system.
    """

    def __init__(
        self,
        host: str,
        *,
        limit: TimeLimit,
        named: bool = True,
        token_server: str = "",
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        ca_file: str = "",
    ) -> None:
        self._host = host
        self._origins = origins.of_registry(host)
        self._named = named
        self._token_server = token_server
        self._http = Http(
            limit=limit, error=_error, tell=tell, patience=patience, ca_file=ca_file, follow=True
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """A request to the registry itself, at `url` below what `base` answered; as `Http.send`.

        Raises RegistryError (cannot be reached, keeps failing, leads nowhere) and AuthError
        (certificate).
        """
        answer = self._http.send(
            method, url, to=self._origins, named=self._named, headers=headers, body=body
        )
        if answer.status in REDIRECTS:
            target = origins.resolved(url, answer.headers.get("location", ""))
            raise RegistryError(
                f"{self._host} answered {method} {urlsplit(url).path} with a redirect to "
                f"{origins.display(target)}, which cannot be followed. Is it a registry?"
            )
        return answer

    def ask_for_token(self, base: str, url: str, headers: Mapping[str, str]) -> Answer:
        """A request to the token server that the registry at `base` names; as `send`.

        Raises AuthError when `headers` have a password that the token server must not get.
        """
        receivers = origins.of_password(Origin.of(base), self._token_server)
        try:
            server = Origin.of(url)
            if server not in receivers:
                origins.check_named_by_answer(url)
        except ValueError as why:
            raise RegistryError(
                f"{self._host} names {origins.display(url)} as its token server, {why}: nothing is "
                "sent there."
            ) from None
        if headers and server not in receivers:
            netloc = str(server).partition("://")[2]
            raise AuthError(
                f"{self._host} asks for the password at {server}, which is another host than the "
                "registry's: nothing is sent there. If that is the registry's token server, name "
                f"it: `registry-token-server: {netloc}`."
            )
        named = self._named and server in receivers
        return self._http.send("GET", url, to=receivers, named=named, headers=headers)

    def base(self) -> str:
        """Where the registry is: by HTTPS; on this machine by whichever of the two it speaks.

        Only the question itself is sent, so no password can go the wrong way.
        """
        secure, plain = (f"{scheme}://{self._host}" for scheme in ("https", "http"))
        if not Origin.of(secure).is_here or not self._named:
            return secure
        answer = self._http.attempt("GET", f"{plain}/v2/")
        # A server that speaks TLS answers 400 to plain text, or hangs up.
        if isinstance(answer, Answer) and answer.status != 400:
            return plain
        if isinstance(answer, NoAnswer) and self._http.reached(plain):
            return plain
        answer = self._http.attempt("GET", f"{secure}/v2/")
        if isinstance(answer, NoAnswer) and answer.why is Why.UNTRUSTED:
            raise _error(answer)
        is_secure = isinstance(answer, Answer) or self._http.reached(secure)
        return secure if is_secure else plain


def _error(answer: NoAnswer) -> ActionError:
    kind = AuthError if answer.why is Why.UNTRUSTED else RegistryError
    return kind(f"{answer.sentence}.")
