"""Tokens of Entra: one explicit class of azure-identity for each kind of identity.

The only module that imports `azure`. Never the default chain: it probes what was not asked for,
slowly, and may sign in as somebody else. A credential object lives for one token: what it would
cache is kept here, where it is renewed by the token's own life and each renewal of an OIDC
sign-in comes with a new assertion (GitHub's live for minutes, runs for hours).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from aks_action.clients.azure import github_oidc, sign_in_errors
from aks_action.clients.clock import TimeLimit, within
from aks_action.clients.http import Http
from aks_action.errors import AuthError
from aks_action.model import origins
from aks_action.model.azure import AuthType, AzureSettings
from aks_action.model.origins import Origin, display

_MARGIN = 300.0
_MARGIN_PART = 0.25
_PIPELINE = {"connection_timeout": 5, "read_timeout": 30, "retry_total": 5}
_LONGEST_SIGN_IN = 60.0
"""Seconds for all of it: the library counts those between two bytes only."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Token:
    """An access token; times in seconds since 1970. `renew_at` is well before it ends."""

    value: str
    renew_at: float


class Entra:
    """Gets tokens for one identity. Safe to use from several threads.

    env:  the runner's variables: OIDC request, federated token file, certificates.
    mask: takes each token and assertion before it is used.
    """

    def __init__(
        self,
        settings: AzureSettings,
        env: Mapping[str, str],
        *,
        http: Http,
        mask: Callable[[str], None],
        limit: TimeLimit,
    ) -> None:
        self._limit = limit
        self._settings = settings
        self._env = env
        self._http = http
        self._mask = mask
        # The library warns of failures by itself, with text that was not looked through.
        logging.getLogger("azure").setLevel(logging.CRITICAL)
        logging.getLogger("msal").setLevel(logging.CRITICAL)

    @property
    def tenant_id(self) -> str:
        """As far as it is known: a managed identity knows its tenant only by itself."""
        return self._settings.identity.tenant_id or self._env.get("AZURE_TENANT_ID", "")

    def token(self, scope: str) -> Token:
        """A new token for `scope`. Raises AuthError with what to do."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - see above

        asked = time.time()
        try:
            info = within(
                min(_LONGEST_SIGN_IN, self._limit.left()), lambda: self._token_info(scope)
            )
        except TimeoutError:
            late = "it did not answer in time"
            raise sign_in_errors.refused(late, self._settings, scope) from None
        except AzureError as error:
            text = str(getattr(error, "message", "") or error)
            raise sign_in_errors.refused(text, self._settings, scope) from None
        self._mask(info.token)
        life = max(float(info.expires_on) - asked, 0.0)
        margin = min(_MARGIN, life * _MARGIN_PART)
        return Token(value=info.token, renew_at=float(info.expires_on) - margin)

    def _token_info(self, scope: str) -> Any:
        with self._credential() as credential:
            return credential.get_token_info(scope)

    def _credential(self) -> AbstractContextManager[Any]:
        from azure import identity as library  # noqa: PLC0415 - 0.1 s, on this path only

        who = self._settings.identity
        common: dict[str, Any] = {
            **_PIPELINE,
            "connection_verify": self._env.get("SSL_CERT_FILE") or True,
        }
        entra = {
            "transport": _only_to(origins.of_sign_in(self._settings.cloud.authority), common),
            **_PIPELINE,
            "authority": self._settings.cloud.authority,
            "disable_instance_discovery": True,
        }
        match who.kind:
            case AuthType.SERVICE_PRINCIPAL:
                return library.ClientSecretCredential(
                    who.tenant_id, who.client_id, who.client_secret, **entra
                )
            case AuthType.OIDC:
                return library.ClientAssertionCredential(
                    who.tenant_id, who.client_id, self._assertion, **entra
                )
            case AuthType.WORKLOAD_IDENTITY:
                return library.WorkloadIdentityCredential(**self._workload(), **entra)
            case AuthType.MANAGED_IDENTITY:
                # Asked for by name: not a workload identity whose variables happen to be set.
                # Its endpoint is the machine's own, by plain HTTP: a proxy would read the token.
                return library.ManagedIdentityCredential(
                    client_id=who.client_id or None,
                    use_env_settings=False,
                    _exclude_workload_identity_credential=True,
                    **{**common, "retry_total": 2, "retry_status": 2},
                )

    def _assertion(self) -> str:
        return github_oidc.assertion(self._env, self._http, self._mask)

    def _workload(self) -> dict[str, str]:
        """From the inputs, else from what the webhook of workload identity set in the pod."""
        who = self._settings.identity
        found = {
            "client_id": who.client_id or self._env.get("AZURE_CLIENT_ID", ""),
            "tenant_id": self.tenant_id,
            "token_file_path": self._env.get("AZURE_FEDERATED_TOKEN_FILE", ""),
        }
        if missing := [name for name, value in found.items() if not value]:
            words = {
                "client_id": "`client-id` (or AZURE_CLIENT_ID)",
                "tenant_id": "`tenant-id` (or AZURE_TENANT_ID)",
                "token_file_path": "AZURE_FEDERATED_TOKEN_FILE",
            }
            raise AuthError(
                "The sign-in by workload identity lacks "
                f"{', '.join(words[name] for name in missing)}. The runner's pod needs the label "
                "`azure.workload.identity/use: true` and a service account with the client's id."
            )
        return found


def _only_to(receivers: frozenset[Origin], options: Mapping[str, Any]) -> Any:
    """The library's transport for a secret that `receivers` alone may get.

    Where a token is asked for stands in an answer of the authority: its OpenID configuration.
    """
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - on this path only
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415

    class OnlyTo(RequestsTransport):  # type: ignore[misc]
        def send(self, request: Any, **how: Any) -> Any:
            try:
                is_known = Origin.of(request.url) in receivers
            except ValueError:
                is_known = False
            if not is_known:
                where = display(request.url)
                # Of all errors of the library the one that it does not try again.
                raise ClientAuthenticationError(f"it leads to {where}, where no sign-in is sent")
            return super().send(request, **how)

    return OnlyTo(**options)
