"""Requests to one registry, signed in, with what it refuses told in its own words."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aks_action.clients.clock import TimeLimit
from aks_action.clients.http import Answer
from aks_action.clients.image_ports import Credentials
from aks_action.clients.registry.signing_in import SignIn
from aks_action.clients.registry.transport import Transport
from aks_action.errors import AuthError, RegistryError
from aks_action.model import origins
from aks_action.model.bounded import read_json
from aks_action.model.images.references import DOCKER_HUB

_HUB_API = "registry-1.docker.io"


class SignedRequests:
    """Requests to the registry `host`. Safe to use from several threads.

    Opening sends nothing. The first request asks `/v2/` how to sign in, so that ten images do
    not each learn it from a refusal.
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        *,
        limit: TimeLimit,
        named: bool,
        token_server: str,
        tell: Callable[[str], None],
        patience: float,
        ca_file: str,
    ) -> None:
        self._host = host
        self._password = credentials.password
        self._api = _HUB_API if host == DOCKER_HUB else host
        self._transport = Transport(
            self._api,
            limit=limit,
            named=named,
            token_server=token_server,
            tell=tell,
            patience=patience,
            ca_file=ca_file,
        )
        self._sign_in = SignIn(host, credentials, self._transport, limit.clock)
        self._base = ""
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        *,
        about: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """The answer, whatever its status is but 401 and 403, which are AuthErrors.

        scopes: what a token has to allow.     about: what the request is for, for messages.
        """
        url = self._base_url() + path
        header = self._sign_in.header(scopes)
        answer = self._signed(method, url, header, headers or {}, body)
        if answer.status == 401:
            self._sign_in.challenged(answer, self._base_url())
            again = self._sign_in.header(scopes, refused=header)
            if again != header:
                answer = self._signed(method, url, again, headers or {}, body)
        if answer.status == 401:
            raise self._sign_in.refusal(about, self._said(answer))
        if answer.status == 403:
            said = self._said(answer)
            raise AuthError(
                f"{self._host} does not let {self._sign_in.who()} {_verb(method)} {about}"
                + (f" ({said})." if said else ".")
            )
        return answer

    def give_up(self, upload: Answer, scopes: tuple[str, ...], about: str) -> None:
        """End the upload that an answer has opened."""
        location = upload.headers.get("location", "")
        base = self._base_url()
        url = origins.resolved(f"{base}/v2/", location)
        if location and url.startswith(f"{base}/"):
            self.send("DELETE", url.removeprefix(base), scopes, about=about)

    def expect(self, answer: Answer, allowed: tuple[int, ...], what: str) -> None:
        """Raise RegistryError when the answer's status is not one of `allowed`."""
        if answer.status not in allowed:
            said = self._said(answer)
            tail = f": {said}." if said else "."
            raise RegistryError(f"{self._host} {what} and answered {answer.status}{tail}")

    def _signed(
        self, method: str, url: str, header: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        signed = {**headers, "Authorization": header} if header else headers
        return self._transport.send(method, url, headers=signed, body=body)

    def _base_url(self) -> str:
        with self._lock:
            if not self._base:
                base = self._transport.base()
                answer = self._transport.send("GET", f"{base}/v2/")
                web_page = "html" in answer.headers.get("content-type", "").lower()
                if answer.status == 401:
                    self._sign_in.challenged(answer, base)
                elif answer.status != 200 or web_page:
                    what = "a web page" if web_page else str(answer.status)
                    raise RegistryError(
                        f"{self._host} answers {what} where a registry answers (/v2/): "
                        "check `registry`."
                    )
                self._base = base
            return self._base

    def _said(self, answer: Answer) -> str:
        """The registry's own words, on one line, without the password in any case."""
        try:
            errors = read_json(answer.body)["errors"]
            parts = [f"{e.get('code', '')} {e.get('message', '')}".strip() for e in errors]
        except (ValueError, KeyError, TypeError, AttributeError):
            return ""
        text = " ".join(", ".join(parts).split()).rstrip(".")[:200]
        return text.replace(self._password, "***") if self._password else text


def _verb(method: str) -> str:
    match method:
        case "GET" | "HEAD":
            return "read"
        case "DELETE":
            return "delete"
        case _:
            return "write"
