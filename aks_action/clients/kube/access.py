"""Where an API server is and how to be known there: what requests need of a kubeconfig."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BearerToken:
    """A token, and when to get the next one (seconds since 1970)."""

    value: str
    renew_at: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """One context of a kubeconfig. Certificates and keys are PEM; empty means not given.

    token_file: read again and again, since its content is renewed.
    plugin:     the `exec` section of the user: a command that prints credentials.
    bearer:     gets a new token each time, instead of a plugin.
    """

    context: str
    server: str
    namespace: str
    authority: bytes = b""
    insecure: bool = False
    tls_server_name: str = ""
    proxy: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    plugin: Mapping[str, Any] | None = None
    bearer: Callable[[], BearerToken] | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry something that proves who asks."""
        headers = self.token or self.token_file or self.username or self.plugin or self.bearer
        return bool(headers)
