"""The runner's own identity: a short-lived assertion of GitHub about this job.

https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from aks_action.clients.http import Http
from aks_action.errors import AuthError
from aks_action.model import origins
from aks_action.model.bounded import read_json

AUDIENCE = "api://AzureADTokenExchange"
"""What a federated credential of Entra expects unless told otherwise, in every cloud."""

_ASK = (
    "Give the job `permissions: id-token: write` (and `contents: read`, which is lost by setting "
    "any); in a reusable workflow the calling job needs it, too"
)


def assertion(env: Mapping[str, str], http: Http, mask: Callable[[str], None]) -> str:
    """A new assertion, valid for minutes. Raises AuthError that says which permission lacks.

    env: ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN are what the runner sets for jobs that may ask.
    """
    url = env.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    token = env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not url or not token:
        raise AuthError(
            f"This job cannot prove who it is: GitHub gave it no identity token. {_ASK}. Workflows "
            "of forked repositories never get one."
        )
    mask(token)
    receivers = origins.of_runner(url)
    if not receivers:
        raise AuthError(
            "ACTIONS_ID_TOKEN_REQUEST_URL of this job is no HTTPS address: the job's token is not "
            "sent there. The runner sets it; nothing else should."
        )
    separator = "&" if "?" in url else "?"
    answer = http.send(
        "GET",
        f"{url}{separator}{urlencode({'audience': AUDIENCE})}",
        to=receivers,
        headers={"Authorization": f"Bearer {token}"},
    )
    if answer.status in (401, 403):
        raise AuthError(f"GitHub refuses this job an identity token ({answer.status}). {_ASK}.")
    try:
        value = read_json(answer.body)["value"] if answer.status == 200 else ""
    except (ValueError, KeyError, TypeError):
        value = ""
    if not isinstance(value, str) or not value:
        raise AuthError(
            f"GitHub answered {answer.status} without an identity token. Run the job again."
        )
    mask(value)
    return value
