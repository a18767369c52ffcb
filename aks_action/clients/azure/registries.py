"""Container registries of Azure: a token of Entra becomes a login.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
"""

from __future__ import annotations

from urllib.parse import urlencode

from aks_action.clients.http import Answer, Http
from aks_action.clients.image_ports import Credentials
from aks_action.errors import ApplyError, AuthError, InputError, RegistryError
from aks_action.model import origins
from aks_action.model.azure import REGISTRY_USERNAME
from aks_action.model.bounded import read_json

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def exchange(host: str, tenant_id: str, token: str, http: Http) -> Credentials:
    """The login that a token of Entra is exchanged for; it lives three hours.

    Raises AuthError when the token is not accepted (the role is named), RegistryError for a
    registry that fails, InputError for one that is not there.
    """
    answer = _ask(host, tenant_id, token, http)
    if answer.status in (401, 403):
        raise AuthError(
            f"The registry {host} does not know the identity that signed in to Azure. Give it the "
            'role "AcrPush" on the registry (for a deploy alone nothing is needed), and check '
            "that `tenant-id` is the registry's."
        )
    try:
        login = read_json(answer.body)["refresh_token"] if answer.status == 200 else ""
    except (ValueError, KeyError, TypeError):
        login = ""
    if not isinstance(login, str) or not login:
        raise RegistryError(
            f"The registry {host} answered {answer.status} to the sign-in by Azure. Is it a "
            "container registry of Azure? Else give `registry-username` and `registry-password`."
        )
    return Credentials(username=REGISTRY_USERNAME, password=login)


def _ask(host: str, tenant_id: str, token: str, http: Http) -> Answer:
    fields = {"grant_type": "access_token", "service": host, "access_token": token}
    if tenant_id:
        fields["tenant"] = tenant_id
    try:
        return http.send(
            "POST",
            f"https://{host}/oauth2/exchange",
            to=origins.of_registry(host),
            headers=_FORM,
            body=urlencode(fields).encode(),
        )
    except ApplyError as error:
        if "its name is unknown" in str(error):
            raise InputError(f"There is no registry {host}: check `registry`.") from None
        raise RegistryError(*error.problems) from None
