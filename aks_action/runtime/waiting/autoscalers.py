"""Autoscalers of the cluster, which are asked for only where a pod finds no node."""

from __future__ import annotations

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.manifests import ObjectRef

_STATUS = ObjectRef(
    api_version="v1",
    kind="ConfigMap",
    namespace="kube-system",
    name="cluster-autoscaler-status",
)
"""Written by the cluster autoscaler, also by the one that AKS runs."""


def may_add_nodes(cluster: Cluster) -> bool:
    """Whether anything adds nodes, by at most two requests; who may not look has to assume it."""
    try:
        return (
            any(api_version.startswith("karpenter.") for api_version, _ in cluster.types())
            or cluster.get(_STATUS) is not None
        )
    except ActionError:
        return True
