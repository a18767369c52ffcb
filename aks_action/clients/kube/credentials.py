"""How requests say who asks: a header, renewed when it runs out.

Exec plugins follow https://kubernetes.io/docs/reference/access-authn-authz/authentication/
("client-go credential plugins"); they get 60 s and no terminal, since a plugin that waits for a
person would hang a job without a word.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from aks_action.clients.kube.access import Access
from aks_action.errors import AuthError, InputError
from aks_action.model import children
from aks_action.model.bounded import read_json
from aks_action.model.timestamps import parse_time

_PLUGIN_SECONDS = 60
_RENEW_BEFORE_SECONDS = 60
_TOKEN_FILE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """What is sent until `expires` (seconds since 1970, None: for ever)."""

    authorization: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    expires: float | None = None


class Credentials:
    """The credential of one `Access`, renewed in time. Safe to use from several threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._credential = obtain(access)

    @property
    def current(self) -> Credential:
        """The credential; obtained again when it is about to run out."""
        expires = self._credential.expires
        if expires is not None and time() > expires - _RENEW_BEFORE_SECONDS:
            self.renew(self._credential)
        return self._credential

    def renew(self, refused: Credential) -> bool:
        """Obtain another credential in place of `refused`; False when there is no way to."""
        access = self._access
        if access.plugin is None and access.bearer is None and not access.token_file:
            return False
        with self._lock:
            if self._credential is refused:
                self._credential = obtain(self._access)
        return True


def obtain(access: Access) -> Credential:
    """The credential that an access gives now. Raises AuthError when a plugin does not."""
    certificate, key = access.client_certificate, access.client_key
    if access.bearer is not None:
        token = access.bearer()
        return Credential(
            authorization=f"Bearer {token.value}", expires=token.renew_at + _RENEW_BEFORE_SECONDS
        )
    if access.token_file:
        return Credential(
            authorization=_bearer(_file_token(access.token_file)),
            expires=time() + _TOKEN_FILE_SECONDS + _RENEW_BEFORE_SECONDS,
        )
    if access.token:
        authorization = _bearer(access.token)
    elif access.plugin is not None:
        return _from_plugin(access.plugin, access)
    elif access.username:
        pair = f"{access.username}:{access.password}".encode()
        authorization = f"Basic {base64.b64encode(pair).decode()}"
    else:
        authorization = ""
    return Credential(authorization=authorization, client_certificate=certificate, client_key=key)


def _bearer(token: str) -> str:
    """A header with a token, which may have visible ASCII only: whatever else is no token."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise AuthError(
            "The token for the cluster cannot be sent: it has blanks, line ends or letters that "
            "no token has. Sign in to the cluster again."
        )
    return f"Bearer {token}"


def _file_token(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise AuthError(f"The kubeconfig's token file {path} cannot be read.") from error


def _from_plugin(plugin: Mapping[str, Any], access: Access) -> Credential:
    status = _run(plugin, access)
    token = status.get("token")
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if not token and not (certificate and key):
        raise AuthError(
            f"The credential plugin {_command(plugin)} gave neither a token nor a certificate."
        )
    return Credential(
        authorization=_bearer(str(token)) if token else "",
        client_certificate=str(certificate or "").encode(),
        client_key=str(key or "").encode(),
        expires=_seconds(status.get("expirationTimestamp")),
    )


def _run(plugin: Mapping[str, Any], access: Access) -> Mapping[str, Any]:
    command = _command(plugin)
    version = str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    cluster = {"server": access.server}
    if access.authority:
        cluster["certificate-authority-data"] = base64.b64encode(access.authority).decode()
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = cluster
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    own = _variables(plugin)
    try:
        done = subprocess.run(
            [command, *(str(argument) for argument in plugin.get("args") or ())],
            env=children.of_plugin(os.environ, {**own, "KUBERNETES_EXEC_INFO": json.dumps(info)}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PLUGIN_SECONDS,
            check=False,
        )
    except OSError as error:
        raise AuthError(
            f"The kubeconfig signs in by the command {command}, which cannot be run here "
            f"({error.strerror}). Use a kubeconfig with a token or a client certificate."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise AuthError(
            f"The credential plugin {command} did not end within {_PLUGIN_SECONDS} s; it may wait "
            "for a person to sign in. Use a kubeconfig that needs none."
        ) from error
    return _status(command, done)


def _variables(plugin: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {str(each["name"]): str(each["value"]) for each in plugin.get("env") or ()}
    except (KeyError, TypeError):
        raise InputError(
            f"The env of the command {_command(plugin)} in the kubeconfig is not a list of names "
            "and values."
        ) from None


def _status(command: str, done: subprocess.CompletedProcess[bytes]) -> Mapping[str, Any]:
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[-300:]
        raise AuthError(
            f"The credential plugin {command} failed ({done.returncode}): {said} It sees no "
            "variables of the job but PATH, HOME, proxies, certificate authorities and those of "
            "the clouds (AZURE_*, AAD_*, AWS_*, GOOGLE_*); others go into `env` of the "
            "kubeconfig's `exec`."
        )
    try:
        status = read_json(done.stdout)["status"]
    except (ValueError, KeyError, TypeError):
        status = None
    if not isinstance(status, dict):
        raise AuthError(f"The credential plugin {command} did not print an ExecCredential.")
    return status


def _command(plugin: Mapping[str, Any]) -> str:
    return str(plugin.get("command") or "(none)")


def _seconds(timestamp: Any) -> float | None:
    when = parse_time(timestamp)
    return when.timestamp() if when else None
