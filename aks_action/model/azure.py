"""Azure as the inputs describe it: which cloud, who signs in, which cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application that stands for the API servers of all AKS clusters, the same in every cloud.

https://azure.github.io/kubelogin/concepts/aks.html
"""

AKS_SCOPE = f"{AKS_SERVER}/.default"
REGISTRY_USERNAME = "00000000-0000-0000-0000-000000000000"
"""Stands for "a token is the password" (as `az acr login --expose-token` prints it)."""

REGISTRY_SCOPE = "https://containerregistry.azure.net/.default"
"""For registries that do not take a token for the resource manager."""


class AuthType(StrEnum):
    """How somebody proves to Entra who they are."""

    SERVICE_PRINCIPAL = "service-principal"
    OIDC = "oidc"
    MANAGED_IDENTITY = "managed-identity"
    WORKLOAD_IDENTITY = "workload-identity"


class ResourceKind(StrEnum):
    """What a cluster is for the resource manager; spelled as k8s-deploy's `resource-type`."""

    CLUSTER = "Microsoft.ContainerService/managedClusters"
    FLEET = "Microsoft.ContainerService/fleets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The endpoints of one Azure cloud, without a slash at the end.

    authority: where Entra signs in.   manager: the resource manager; its own audience, too.
    registries: what the host of a container registry ends with.
    """

    name: str
    authority: str
    manager: str
    audience: str
    registries: str

    @property
    def manager_scope(self) -> str:
        return f"{self.audience}/.default"

    def has_registry(self, host: str) -> bool:
        """Whether `host` is a container registry of this cloud (ACR), at the port of HTTPS."""
        name = host.lower().removesuffix(self.registries)
        return name != host.lower() and re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name) is not None


CLOUDS: Mapping[str, Cloud] = {
    cloud.name.lower(): cloud
    for cloud in (
        Cloud(
            name="AzureCloud",
            authority="https://login.microsoftonline.com",
            manager="https://management.azure.com",
            audience="https://management.azure.com",
            registries=".azurecr.io",
        ),
        Cloud(
            name="AzureUSGovernment",
            authority="https://login.microsoftonline.us",
            manager="https://management.usgovcloudapi.net",
            audience="https://management.usgovcloudapi.net",
            registries=".azurecr.us",
        ),
        Cloud(
            name="AzureChinaCloud",
            authority="https://login.chinacloudapi.cn",
            manager="https://management.chinacloudapi.cn",
            audience="https://management.chinacloudapi.cn",
            registries=".azurecr.cn",
        ),
    )
}
"""By lower-case name, as azure/login and `az cloud list` spell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signs in. The ids may be empty for a managed or a workload identity."""

    kind: AuthType
    client_id: str = ""
    tenant_id: str = ""
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureCluster:
    """A cluster, or the hub of a fleet, as the resource manager knows it.

    private: its API server is reached by run commands only.
    """

    subscription_id: str
    resource_group: str
    name: str
    kind: ResourceKind = ResourceKind.CLUSTER
    admin: bool = False
    public_fqdn: bool = False
    private: bool = False

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{self.kind}/{self.name}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """The sign-in to Azure. `cluster` is None when it is for the registry only."""

    identity: Identity
    cloud: Cloud
    cluster: AzureCluster | None = None
