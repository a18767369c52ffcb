"""The resource manager: credentials of clusters and fleets, and their state.

AKS, api-version 2024-09-01:
https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials
https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-admin-credentials
https://learn.microsoft.com/rest/api/aks/managed-clusters/get
https://learn.microsoft.com/rest/api/aks/managed-clusters/run-command
https://learn.microsoft.com/rest/api/aks/managed-clusters/get-command-result
Fleets, api-version 2024-04-01: https://learn.microsoft.com/rest/api/fleet/fleets/list-credentials
Errors: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import jwt

from tests.standins.entra import Entra
from tests.standins.runner import Runner
from tests.standins.web import Request, Response, answer

HOST = "management.azure.com"
AUDIENCE = "https://management.azure.com"
VERSIONS = {"managedClusters": "2024-09-01", "fleets": "2024-04-01"}

USER = "Azure Kubernetes Service Cluster User Role"
ADMIN = "Azure Kubernetes Service Cluster Admin Role"
RUN = "Azure Kubernetes Service Contributor Role"
FLEET = "Azure Kubernetes Fleet Manager RBAC Writer"

_PATH = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.ContainerService/(?P<kind>managedClusters|fleets)/(?P<name>[^/]+)"
    r"(?:/(?P<action>\w+))?(?:/(?P<result>\w+))?"
)
_ROLES = {
    "listClusterUserCredential": {USER, ADMIN},
    "listClusterAdminCredential": {ADMIN},
    "listCredentials": {FLEET},
    "runCommand": {RUN},
    "commandResults": {RUN},
    None: {USER, ADMIN, FLEET, RUN},
}


@dataclass(kw_only=True)
class Cluster:
    """A cluster or the hub of a fleet. `user` and `admin` are kubeconfigs.

    entra: whether it is integrated.  runner: carries out its run commands.
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
    entra: bool = True
    runner: Runner | None = None
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

    def _resource(  # noqa: C901, PLR0911 - one branch for each refusal
        self,
        request: Request,
        claims: dict[str, Any],
        *,
        subscription: str,
        group: str,
        kind: str,
        name: str,
        action: str | None,
        result: str | None,
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
        post = action and action != "commandResults"
        if action not in _ROLES or request.method != ("POST" if post else "GET"):
            return error(405, "MethodNotAllowed", "The request is not allowed.")
        if post and request.headers.get("content-length") is None:
            return error(411, "LengthRequired", "A content length is required.")
        if not cluster.roles.get(claims["oid"], set()) & _ROLES[action]:
            what = f"{action}/action" if post else f"{action or ''}/read".lstrip("/")
            return error(
                403,
                "AuthorizationFailed",
                f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have "
                f"authorization to perform action 'Microsoft.ContainerService/{kind}/{what}' over "
                f"scope '{request.path.removesuffix(f'/{action}')}' or the scope is invalid. If "
                "access was recently granted, please refresh your credentials.",
            )
        if action == "runCommand":
            return self._run(request, cluster)
        if action == "commandResults" and cluster.runner:
            return cluster.runner.result(request.target, result or "")
        return self._granted(request, cluster, action)

    def _run(self, request: Request, cluster: Cluster) -> Response:
        runner = cluster.runner
        if runner is None:
            return error(400, "BadRequest", "Run command is disabled for this cluster.")
        body = json.loads(request.body)
        if set(body) - {"command", "context", "clusterToken"} or not body.get("command"):
            return error(400, "BadRequest", "The request content was invalid.")
        if cluster.entra and not body.get("clusterToken"):
            return error(400, "BadRequest", "clusterToken is required for AAD enabled clusters.")
        if runner.refuses:
            return runner.refuses
        identity = runner.start(body)
        place = request.path.removesuffix("/runCommand") + f"/commandResults/{identity}"
        return Response(
            status=202,
            headers={
                "location": f"https://{HOST}{place}?api-version={VERSIONS['managedClusters']}",
                "retry-after": "0",
            },
        )

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
                        **({"aadProfile": {"managed": True}} if cluster.entra else {}),
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
