"""AKS clusters and fleets: their kubeconfig from the resource manager, their state when in doubt.

https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials
https://learn.microsoft.com/rest/api/fleet/fleets/list-credentials
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from aks_action.clients.azure.manager import ResourceManager, Subject
from aks_action.errors import ActionError, ApplyError, AuthError
from aks_action.model.azure import AzureCluster, ResourceKind

AKS_API = "2024-09-01"
FLEET_API = "2024-04-01"

_ROLES = {
    "user": "Azure Kubernetes Service Cluster User Role",
    "admin": "Azure Kubernetes Service Cluster Admin Role",
    "fleet": "Azure Kubernetes Fleet Manager RBAC Writer",
}


def kubeconfig(manager: ResourceManager, cluster: AzureCluster) -> str:
    """The text of the cluster's kubeconfig.

    Raises InputError (not found), AuthError (a role is missing, and named; admin is switched off),
    ApplyError (anything else).
    """
    try:
        answer = _credentials(manager, cluster)
    except ApplyError as error:
        if "local accounts" in str(error):
            raise AuthError(
                f"{title(cluster)} has its local accounts disabled, so there is no `admin` for "
                "it. Leave out `admin`, and give the identity a role in Kubernetes."
            ) from None
        raise
    try:
        value = answer["kubeconfigs"][0]["value"]
        return base64.b64decode(value, validate=True).decode()
    except (KeyError, IndexError, TypeError, binascii.Error, ValueError):
        raise ApplyError(
            f"{title(cluster)}: the resource manager answered without a kubeconfig. Check in the "
            "portal that the cluster was made completely."
        ) from None


def _credentials(manager: ResourceManager, cluster: AzureCluster) -> Mapping[str, Any]:
    if cluster.kind is ResourceKind.FLEET:
        return manager.post(
            f"{cluster.resource_id}/listCredentials",
            Subject(name=title(cluster), role=_ROLES["fleet"]),
            api_version=FLEET_API,
        )
    which = "Admin" if cluster.admin else "User"
    query = {"server_fqdn": "public"} if cluster.public_fqdn else {}
    if not cluster.admin:
        query["format"] = "exec"
    return manager.post(
        f"{cluster.resource_id}/listCluster{which}Credential",
        Subject(name=title(cluster), role=_ROLES[which.lower()]),
        api_version=AKS_API,
        **query,
    )


def why_unreachable(manager: ResourceManager, cluster: AzureCluster) -> str:
    """What of the cluster's state explains that its API server does not answer; may be empty."""
    if cluster.kind is ResourceKind.FLEET:
        return ""
    subject = Subject(name=title(cluster), role=_ROLES["user"])
    try:
        found = manager.get(cluster.resource_id, subject, api_version=AKS_API)
    except ActionError:
        return ""
    properties = found.get("properties") or {}
    where = f"--resource-group {cluster.resource_group} --name {cluster.name}"
    if (properties.get("powerState") or {}).get("code") == "Stopped":
        return f"{title(cluster)} is stopped. Start it: `az aks start {where}`."
    access = properties.get("apiServerAccessProfile") or {}
    if access.get("enablePrivateCluster"):
        return (
            f"{title(cluster)} is private: its API server is reached from its network only. Run "
            "the job on a runner in that network, or set `use-public-fqdn` if only the name is "
            "not known there."
        )
    if access.get("authorizedIPRanges"):
        return (
            f"{title(cluster)} lets only some addresses in. Add the runner's to its authorized IP "
            "ranges, or run the job on a runner that is among them."
        )
    state = properties.get("provisioningState", "")
    return f"{title(cluster)} is {state} at the moment." if state not in ("", "Succeeded") else ""


def title(cluster: AzureCluster) -> str:
    what = "fleet" if cluster.kind is ResourceKind.FLEET else "cluster"
    return f"The {what} {cluster.name} in the resource group {cluster.resource_group}"
