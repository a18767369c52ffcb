"""The cluster that a step works on: by a sign-in to Azure, or by a kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action import environment
from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import InputError
from aks_action.jobs import azure
from aks_action.model.settings import Settings
from aks_action.workflow import Workflow


def connect(
    settings: Settings, env: Mapping[str, str], workflow: Workflow, limit: TimeLimit
) -> Cluster:
    """The cluster that the inputs or the environment name; its library is imported only here."""
    from aks_action.clients.kube.connection import connect as open_cluster  # noqa: PLC0415
    from aks_action.clients.kube.kubeconfig import Trust  # noqa: PLC0415

    if cluster := azure.open_cluster(settings, env, workflow, limit):
        return cluster
    kubeconfig = environment.kubeconfig(settings.cluster.kubeconfig, env)
    if not kubeconfig:
        raise InputError(
            "There is no cluster. Give `cluster-name`, `resource-group` and a sign-in to Azure, or "
            "`kubeconfig`, or sign in to the cluster in an earlier step."
        )
    return open_cluster(
        kubeconfig,
        context=settings.cluster.context,
        skip_tls_verify=settings.cluster.skip_tls_verify,
        limit=limit,
        mask=workflow.mask,
        trust=Trust(
            workspace=str(environment.folders(env).workspace),
            carries="pull-secret-name" if settings.deploy.pull_secret else "",
        ),
    )
