"""What canary and blue-green have to see of the cluster besides the manifests' own objects."""

from __future__ import annotations

from collections.abc import Sequence

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Collection
from aks_action.model.resources import ResourceTypes
from aks_action.model.traffic import routing
from aks_action.strategies.app import served
from aks_action.strategies.bystanders import AUTOSCALER_KINDS, SELECTING_KINDS

GroupKind = tuple[str, str]


def collections(
    manifests: ManifestSet, types: ResourceTypes, more: Sequence[GroupKind] = ()
) -> tuple[Collection, ...]:
    """(apiVersion, kind, namespace) of copies, routes, splits, autoscalers, budgets, policies and
    `more`. Routes and splits are looked at by every method: one may be out by another.

    Of each kind the first version that is served, by name; kinds that are not served are left
    out. The namespaces are those of the workloads.
    """
    workloads = [each for each in manifests if routing.is_workload(each.document)]
    namespaces = sorted({each.ref.namespace for each in workloads})
    kinds = {(each.ref.api_version, each.kind) for each in workloads}
    kinds.add(("v1", "Service"))
    wanted = [
        *((group, kind) for kind, group in AUTOSCALER_KINDS.items()),
        *((group, kind) for kind, (group, _, _) in SELECTING_KINDS.items()),
        *((routing.GATEWAY_GROUP, kind) for kind in routing.ROUTE_KINDS),
        (routing.SPLIT_GROUP, "TrafficSplit"),
        *more,
    ]
    for group, kind in wanted:
        kinds.update((version, kind) for version in _preferred(types, group, kind))
    return tuple(
        (version, kind, namespace) for version, kind in sorted(kinds) for namespace in namespaces
    )


def _preferred(types: ResourceTypes, group: str, kind: str) -> list[str]:
    versions = list(served(types, group, kind))
    if group == "autoscaling" and "autoscaling/v2" in versions:
        return ["autoscaling/v2"]  # what basic lists too: one LIST serves both
    return versions[:1]
