"""Signing in to a registry: a password, a token for it, or nothing."""

from __future__ import annotations

import base64
import re
import threading
from dataclasses import dataclass

from aks_action.clients.http import Answer
from aks_action.clients.image_ports import Credentials
from aks_action.clients.ports import Clock
from aks_action.clients.registry.challenges import NO_CHALLENGE, Scheme, read_challenge
from aks_action.clients.registry.transport import Transport
from aks_action.errors import AuthError, RegistryError
from aks_action.model.azure import REGISTRY_USERNAME
from aks_action.model.bounded import read_json, whole_number

_SHORTEST_LIFE = 60  # seconds; the token specification's default
_MARGIN = 10.0


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until: float


class SignIn:
    """The `Authorization` of each request; tokens are shared by all that need the same rights.

    Safe to use from several threads.
    """

    def __init__(
        self, host: str, credentials: Credentials, transport: Transport, clock: Clock
    ) -> None:
        self._host = host
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._base = ""
        self._challenge = NO_CHALLENGE
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._locks: dict[tuple[str, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def challenged(self, answer: Answer, base: str) -> None:
        """Learn from a 401 of the registry at `base` how it wants to be signed in to."""
        self._base = base
        challenge = read_challenge(answer.headers.get("www-authenticate", ""))
        if challenge.scheme is not Scheme.NONE:
            self._challenge = challenge

    def header(self, scopes: tuple[str, ...], *, refused: str = "") -> str:
        """The header's value for these rights; empty for none.

        scopes:  such as `repository:app:pull,push`.
        refused: a value that was just refused: a token of that value is not given again.
        Raises AuthError for credentials that are not accepted, RegistryError for a token server
        that fails.
        """
        match self._challenge.scheme:
            case Scheme.BASIC:
                return self._basic()
            case Scheme.BEARER:
                return self._bearer(scopes, refused)
            case Scheme.NONE:
                return ""

    def who(self) -> str:
        """Who is signed in, for messages."""
        return f'user "{self._credentials.username}"' if self._credentials.username else "nobody"

    def refusal(self, about: str, said: str = "") -> AuthError:
        """The one line for a sign-in that is not accepted."""
        tail = f" ({said})" if said else ""
        if not self._credentials.username:
            return AuthError(
                f"{self._host} wants a sign-in for {about}{tail}: give `registry-username` and "
                "`registry-password`."
            )
        if self._credentials.username == REGISTRY_USERNAME:
            return AuthError(
                f"{self._host} does not let the identity of the sign-in to Azure use "
                f'{about}{tail}: give it the role "AcrPush" on the registry.'
            )
        return AuthError(
            f'{self._host} does not accept the password of user "{self._credentials.username}" '
            f"for {about}{tail}: check `registry-username` and `registry-password`."
        )

    def _basic(self) -> str:
        if not self._credentials.username:
            return ""
        pair = f"{self._credentials.username}:{self._credentials.password}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _bearer(self, scopes: tuple[str, ...], refused: str) -> str:
        with self._lock:
            lock = self._locks.setdefault(scopes, threading.Lock())
        with lock:
            token = self._tokens.get(scopes)
            if token and token.header != refused and token.until > self._clock.now():
                return token.header
            token = self._fetch(scopes)
            self._tokens[scopes] = token
            return token.header

    def _fetch(self, scopes: tuple[str, ...]) -> _Token:
        answer = self._ask(scopes)
        # Some registries refuse a token for pushing to who may only read: reading is tried.
        if answer.status == 403 and any("push" in scope for scope in scopes):
            answer = self._ask(tuple(_read_only(scope) for scope in scopes))
        if answer.status in (400, 401, 403):
            raise self.refusal(_about(scopes) or "this registry")
        return self._read(answer)

    def _ask(self, scopes: tuple[str, ...]) -> Answer:
        basic = self._basic()
        return self._transport.ask_for_token(
            self._base,
            self._challenge.token_url(scopes),
            {"Authorization": basic} if basic else {},
        )

    def _read(self, answer: Answer) -> _Token:
        try:
            document = read_json(answer.body) if answer.status == 200 else {}
            value = document.get("token") or document["access_token"]
            life = whole_number(document.get("expires_in")) or _SHORTEST_LIFE
        except (ValueError, KeyError, TypeError, AttributeError):
            value, life = "", 0
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
            raise RegistryError(
                f"The token server of {self._host} answered {answer.status} without a token."
            )
        return _Token(f"Bearer {value}", self._clock.now() + max(life - _MARGIN, 1.0))


def repository_scope(repository: str, *, push: bool) -> str:
    """The name of a right, as token servers know it."""
    return f"repository:{repository}:{'pull,push' if push else 'pull'}"


def _read_only(scope: str) -> str:
    head, _, _ = scope.rpartition(":")
    return f"{head}:pull"


def _about(scopes: tuple[str, ...]) -> str:
    return " and ".join(scope.split(":")[1] for scope in scopes if scope.count(":") >= 2)
