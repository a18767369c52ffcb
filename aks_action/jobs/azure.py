"""The sign-in to Azure, for the jobs that need it; its libraries are imported only here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.model import origins
from aks_action.model.azure import AzureSettings
from aks_action.model.images.plan import ImagePlan, host_of_credentials
from aks_action.model.images.release_plan import ImageSettings
from aks_action.model.settings import Settings
from aks_action.workflow import Workflow

if TYPE_CHECKING:
    from aks_action.clients.azure.session import AzureSession


def open_cluster(
    settings: Settings, env: Mapping[str, str], workflow: Workflow, limit: TimeLimit
) -> Cluster | None:
    """The cluster that the inputs name in Azure; None when they name none. Raises ActionError.

    The time in which Azure starts a pod for a run command is not counted: a private cluster has a
    clock of its own.
    """
    azure = settings.azure
    if azure is None or azure.cluster is None:
        return None
    if azure.cluster.private:
        unlimited = TimeLimit(limit.clock)
        return _session(azure, env, workflow, unlimited).open_private(azure.cluster)
    return _session(azure, env, workflow, limit).open_cluster(
        azure.cluster, skip_tls_verify=settings.cluster.skip_tls_verify
    )


def with_registry_login(
    plan: ImagePlan,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    limit: TimeLimit,
) -> ImageSettings:
    """The settings, with a login by Azure where the registry is Azure's and no password is given.

    Raises InputError where it is not clear whose the login is, before anybody is asked; another
    ActionError when the registry does not let the identity in.
    """
    images, azure = settings.images, settings.azure
    host_of_credentials(plan, images)
    if azure is None or images.username:
        return images
    if not any(azure.cloud.has_registry(host) for host in plan.hosts):
        return images
    # Azure's registries alone see a token of Azure, also where only a file names them.
    host = origins.registry_of_password(plan.hosts, registry="", named=plan.hosts)
    login = _session(azure, env, workflow, limit).registry_credentials(host)
    workflow.write(f"{host}: signed in by Azure.")
    return replace(images, username=login.username, password=login.password, login_host=host)


def _session(
    azure: AzureSettings, env: Mapping[str, str], workflow: Workflow, limit: TimeLimit
) -> AzureSession:
    from aks_action.clients.azure.session import AzureSession  # noqa: PLC0415

    return AzureSession(azure, env, tell=workflow.write, mask=workflow.mask, limit=limit)
