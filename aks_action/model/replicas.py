"""How many pods a copy gets."""

from __future__ import annotations

from typing import Any

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document

REPLICAS = ("spec", "replicas")
_SCALED = ("Deployment", "ReplicaSet", "StatefulSet")
"""Kinds with a number of pods; a DaemonSet has one per node, a Pod is one."""


def share(replicas: int, percentage: int) -> int:
    """`percentage` of `replicas`, rounded half up, and at least one pod (as in k8s-deploy)."""
    return max(1, (2 * replicas * percentage + 100) // 200)


def of(workload: Document) -> int:
    """The replicas that a workload asks for; Kubernetes' default is 1."""
    replicas: Any = get_in(workload, REPLICAS)
    return replicas if isinstance(replicas, int) and not isinstance(replicas, bool) else 1


def for_copy(
    workload: Document, live: Document | None, *, percentage: int, fixed: int | None = None
) -> int:
    """The pods of a canary or a baseline: `fixed` if given, else the share of the workload's.

    A manifest that leaves the number to an autoscaler has the share of the live number.
    """
    if fixed is not None:
        return fixed
    counted = live if live is not None and get_in(workload, REPLICAS) is None else workload
    return share(of(counted), percentage)


def scaled(workload: Document, replicas: int) -> Document:
    """The workload with that many replicas; DaemonSets and Pods have no such number."""
    return set_in(workload, REPLICAS, replicas) if workload["kind"] in _SCALED else workload


def carried_over(workload: Document, live: Document | None) -> Document:
    """The workload with as many replicas as `live` has, if those are more.

    For a colour that takes over the traffic of an autoscaled one: it has to begin at the size
    that the load of the moment needs.
    """
    if live is None or workload["kind"] not in _SCALED:
        return workload
    return scaled(workload, max(of(workload), of(live)))
