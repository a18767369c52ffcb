"""HTTPS to Azure, and what is said when it does not answer."""

from __future__ import annotations

from collections.abc import Callable

from aks_action.clients.clock import TimeLimit
from aks_action.clients.http import Http
from aks_action.clients.http_faults import NoAnswer, Why
from aks_action.errors import ActionError, ApplyError, AuthError

_ADVICE = {
    Why.UNREACHED: "Check the network of the runner, and HTTPS_PROXY if there is a proxy.",
    Why.BUSY: "Run the job again in a few minutes.",
    Why.UNWELL: "See https://status.azure.com, and run again.",
}


def azure_http(*, limit: TimeLimit, tell: Callable[[str], None] = lambda _: None) -> Http:
    """Raises ApplyError (cannot be reached, keeps failing) and AuthError (certificate)."""
    accept = {"Accept": "application/json"}
    return Http(limit=limit, tell=tell, error=_error, patience=120.0, headers=accept)


def _error(answer: NoAnswer) -> ActionError:
    kind = AuthError if answer.why is Why.UNTRUSTED else ApplyError
    return kind(f"{answer.sentence}. {_ADVICE.get(answer.why, '')}".strip())
