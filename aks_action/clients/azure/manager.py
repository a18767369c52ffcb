"""Azure's resource manager: requests as somebody, its errors, its long-running operations.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.clients.azure.credentials import Entra, Token
from aks_action.clients.http import Answer, Http
from aks_action.clients.ports import Clock
from aks_action.clients.retry import retry_after
from aks_action.errors import ActionError, ApplyError, AuthError, InputError
from aks_action.model.azure import AzureSettings
from aks_action.model.bounded import read_json
from aks_action.model.origins import Origin

_ACTION = re.compile(r"action '([^']+)' over scope '([^']+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a request is about, for its errors: `name` as in "The cluster shop", the role to have.

    role: the least built-in role that may do it.
    """

    name: str
    role: str


class ResourceManager:
    """The resource manager of one cloud for one identity. Safe to use from several threads."""

    def __init__(self, settings: AzureSettings, entra: Entra, http: Http, clock: Clock) -> None:
        self._settings = settings
        self._entra = entra
        self._http = http
        self._clock = clock
        self._token: Token | None = None
        self._lock = threading.Lock()

    def token(self) -> str:
        """A token for the resource manager, valid for a while. Raises AuthError."""
        with self._lock:
            if self._token is None or time.time() > self._token.renew_at:
                self._token = self._entra.token(self._settings.cloud.manager_scope)
            return self._token.value

    def get(
        self, path: str, subject: Subject, *, api_version: str, **query: str
    ) -> Mapping[str, Any]:
        """The JSON of a resource. Raises as `refused` tells."""
        return self._json(self._send("GET", self._url(path, api_version, query), None), subject)

    def post(
        self, path: str, subject: Subject, *, api_version: str, body: Any = None, **query: str
    ) -> Mapping[str, Any]:
        """The JSON that an action answers at once. Raises as `refused` tells."""
        return self._json(self._send("POST", self._url(path, api_version, query), body), subject)

    def run(
        self, path: str, subject: Subject, *, api_version: str, body: Any, seconds: float
    ) -> Mapping[str, Any]:
        """The JSON at the end of a long-running action: 202, then its Location until it is 200.

        seconds: how long it may take. Raises as `refused` tells, ApplyError when it takes longer.
        """
        deadline = self._clock.now() + seconds
        answer = self._send("POST", self._url(path, api_version, {}), body)
        while answer.status == 202:
            location = answer.headers.get("location", "")
            if not _is_at(location, self._settings.cloud.manager):
                raise ApplyError(
                    f"{subject.name}: the resource manager names no place to wait for its answer."
                )
            pause = _seconds(answer.headers.get("retry-after"))
            if self._clock.now() + pause > deadline:
                raise ApplyError(f"{subject.name}: no result within {seconds:g} s.")
            self._clock.sleep(pause)
            # The answer comes late while the command runs; a lost connection is no lost command.
            answer = self._send("GET", location, None)
        return self._json(answer, subject)

    def _url(self, path: str, api_version: str, query: Mapping[str, str]) -> str:
        words = "".join(f"&{name.replace('_', '-')}={value}" for name, value in query.items())
        return f"{self._settings.cloud.manager}{path}?api-version={api_version}{words}"

    def _send(self, method: str, url: str, body: Any) -> Answer:
        data = b"" if method == "POST" else None
        headers = {"Authorization": f"Bearer {self.token()}"}
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        to = (Origin.of(self._settings.cloud.manager),)
        return self._http.send(method, url, to=to, headers=headers, body=data)

    def _json(self, answer: Answer, subject: Subject) -> Mapping[str, Any]:
        try:
            document = read_json(answer.body) if answer.body else {}
        except ValueError:
            document = None
        if answer.status in (200, 201) and isinstance(document, dict):
            return document
        error = document.get("error", document) if isinstance(document, dict) else {}
        error = error if isinstance(error, dict) else {}
        code, said = str(error.get("code") or ""), _line(str(error.get("message") or ""))
        raise self._refused(answer.status, code, said, subject)

    def _refused(self, status: int, code: str, said: str, subject: Subject) -> ActionError:
        name = subject.name
        if code in ("SubscriptionNotFound", "InvalidSubscriptionId"):
            return InputError(
                f"{name} was not found: nobody here knows the subscription. Check "
                "`subscription-id`, and that the identity has a role in it."
            )
        if code == "ResourceGroupNotFound":
            return InputError(
                f"{name} was not found: the subscription has no such resource group. Check "
                "`resource-group` and `subscription-id`."
            )
        if status == 404:
            return InputError(
                f"{name} was not found. Check `cluster-name`, `resource-group` and "
                "`subscription-id`."
            )
        if status == 401:
            return AuthError(
                f"{name}: the resource manager does not accept the sign-in ({code or status}). "
                "Check that `tenant-id` is the directory of the subscription, and `environment`."
            )
        if status == 403 and code in ("AuthorizationFailed", "LinkedAuthorizationFailed", ""):
            lacks = _ACTION.search(said)
            what = f" (it lacks {lacks[1]})" if lacks else ""
            where = lacks[2] if lacks else "the cluster"
            return AuthError(
                f"{name}: the identity has no right to it{what}. Give it the role "
                f'"{subject.role}" on {where}; a new role takes some minutes to count.'
            )
        error = AuthError if status == 403 else ApplyError
        return error(f"{name}: the resource manager answered {status} {code}: {said or 'nothing'}.")


def _is_at(url: str, manager: str) -> bool:
    try:
        return Origin.of(url) == Origin.of(manager)
    except ValueError:
        return False


def _line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 400 else line[:400] + " …"


def _seconds(text: str | None) -> float:
    asked = retry_after(text)
    return 2.0 if asked is None else min(max(asked, 0.2), 30.0)
