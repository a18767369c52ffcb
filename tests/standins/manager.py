"""The resource manager: credentials of clusters and fleets, and their state.

AKS, api-version 2024-09-01:
https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials
https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-admin-credentials
https://learn.microsoft.com/rest/api/aks/managed-clusters/get
Fleets, api-version 2024-04-01: https://learn.microsoft.com/rest/api/fleet/fleets/list-credentials
Errors: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

import jwt

from tests.standins.entra import Entra
from tests.standins.web import Request, Response, answer

HOST = "management.azure.com"
AUDIENCE = "https://management.azure.com"
VERSIONS = {"managedClusters": "2024-09-01", "fleets": "2024-04-01"}

USER = "Azure Kubernetes Service Cluster User Role"
ADMIN = "Azure Kubernetes Service Cluster Admin Role"
FLEET = "Azure Kubernetes Fleet Manager RBAC Writer"

_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.ContainerService/(?P<kind>managedClusters|fleets)/(?P<name>[^/]+)"
    r"(?:/(?P<action>\w+))?"
)
_ROLES = {
    "listClusterUserCredential": {USER, ADMIN},
    "listClusterAdminCredential": {ADMIN},
    "listCredentials": {FLEET},
    None: {USER, ADMIN, FLEET},
}


@dataclass(kw_only=True)
class Cluster:
    """A cluster or the hub of a fleet. `user` and `admin` are kubeconfigs.

    roles: object id → built-in roles on it.
    """

    name: str
    group: str = "shop-rg"
    kind: str = "managedClusters"
    user: str = ""
    admin: str = ""
    public: str = ""
    local_accounts: bool = True
    power: str = "Running"
    access_profile: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)

    def grant(self, object_id: str, *roles: str) -> None:
        self.roles.setdefault(object_id, set()).update(roles)


class Manager:
    """One subscription. Checks the token, the api-version, the method and the body."""

    def __init__(self, entra: Entra, subscription_id: str) -> None:
        self.entra = entra
        self.subscription_id = subscription_id
        self.clusters: list[Cluster] = []

    def add(self, cluster: Cluster) -> Cluster:
        self.clusters.append(cluster)
        return cluster

    def __call__(self, request: Request) -> Response:
        try:
            claims = self.entra.issuer.read(request.bearer, AUDIENCE)
        except jwt.ExpiredSignatureError:
            return error(401, "ExpiredAuthenticationToken", "The access token expiry UTC time has "
                         "passed.")  # fmt: skip
        except jwt.InvalidTokenError as why:
            return error(401, "InvalidAuthenticationToken", f"The access token is invalid: {why}")
        found = _PATH.fullmatch(request.path)
        if found is None:
            return error(404, "InvalidResourceType", "The resource type could not be found.")
        return self._resource(request, claims, **found.groupdict())

    def _resource(  # noqa: PLR0911 - one for each refusal of the resource manager
        self,
        request: Request,
        claims: dict[str, Any],
        *,
        subscription: str,
        group: str,
        kind: str,
        name: str,
        action: str | None,
    ) -> Response:
        version = request.query.get("api-version")
        if version is None:
            return error(400, "MissingApiVersionParameter", "The api-version query parameter is "
                         "required for all requests.")  # fmt: skip
        if version != VERSIONS[kind]:
            return error(400, "InvalidApiVersionParameter", f"{version} is invalid.")
        if subscription != self.subscription_id:
            return error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could "
                         "not be found.")  # fmt: skip
        if group.lower() not in {each.group.lower() for each in self.clusters}:
            return error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be "
                         "found.")  # fmt: skip
        cluster = next(
            (each for each in self.clusters if each.name == name and each.kind == kind), None
        )
        if cluster is None:
            return error(404, "ResourceNotFound", f"The Resource 'Microsoft.ContainerService/{kind}"
                         f"/{name}' under resource group '{group}' was not found.")  # fmt: skip
        if action not in _ROLES or request.method != ("POST" if action else "GET"):
            return error(405, "MethodNotAllowed", "The request is not allowed.")
        if action and request.headers.get("content-length") is None:
            return error(411, "LengthRequired", "A content length is required.")
        if not cluster.roles.get(claims["oid"], set()) & _ROLES[action]:
            what = f"{action}/action" if action else "read"
            return error(
                403,
                "AuthorizationFailed",
                f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have "
                f"authorization to perform action 'Microsoft.ContainerService/{kind}/{what}' over "
                f"scope '{request.path.removesuffix(f'/{action}')}' or the scope is invalid. If "
                "access was recently granted, please refresh your credentials.",
            )
        return self._granted(request, cluster, action)

    def _granted(self, request: Request, cluster: Cluster, action: str | None) -> Response:
        if action is None:
            return answer(
                {
                    "id": request.path,
                    "name": cluster.name,
                    "properties": {
                        "provisioningState": "Succeeded",
                        "powerState": {"code": cluster.power},
                        "disableLocalAccounts": not cluster.local_accounts,
                        "apiServerAccessProfile": cluster.access_profile,
                    },
                }
            )
        if action == "listClusterAdminCredential" and not cluster.local_accounts:
            return error(400, "BadRequest", "Getting static credential is not allowed because this "
                         "cluster is set to disable local accounts.")  # fmt: skip
        text = cluster.admin if action == "listClusterAdminCredential" else cluster.user
        if request.query.get("server-fqdn") == "public":
            text = cluster.public
        value = base64.b64encode(text.encode()).decode()
        return answer({"kubeconfigs": [{"name": "clusterUser", "value": value}]})


def error(status: int, code: str, message: str, **headers: str) -> Response:
    """An error of the resource manager (common types v5, ErrorResponse)."""
    return answer({"error": {"code": code, "message": message}}, status, **headers)
