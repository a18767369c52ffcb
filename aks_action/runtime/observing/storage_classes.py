"""StorageClasses, which are asked for only where a claim cannot change, or is not bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.applying.refusals import Refusal
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.volumes.mounts import CLAIM


def by_name(cluster: Cluster) -> Mapping[str, Document] | None:
    """Every StorageClass, by one LIST; None where they may not be listed."""
    try:
        listing = cluster.list("storage.k8s.io/v1", "StorageClass")
    except ActionError:
        return None
    return {each["metadata"]["name"]: each for each in listing.items}


def explained(
    refusals: Sequence[Refusal], cluster: Cluster, live: Mapping[ObjectRef, Document]
) -> Sequence[Refusal]:
    """The refusals, those of claims and StatefulSets with the reason that only a look tells."""
    kinds = {each.manifest.ref.group_kind for each in refusals}
    if not kinds & {CLAIM, "StatefulSet.apps"}:
        return refusals
    from aks_action.model.volumes import refusals as of_volumes  # noqa: PLC0415

    classes = by_name(cluster) if CLAIM in kinds else None
    return of_volumes.explained(refusals, live, classes)
