"""What pods mount and is not there, looked for only where an event says that a mount fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.documents import get_in
from aks_action.model.manifests import ObjectRef
from aks_action.model.volumes.mounts import Mounted


def of(cluster: Cluster, wanted: Iterable[Mounted]) -> frozenset[Mounted]:
    """Those that are not there, by one GET for each object; what may not be read may be there."""
    by_ref: defaultdict[ObjectRef, list[Mounted]] = defaultdict(list)
    for each in wanted:
        by_ref[each.ref].append(each)
    return frozenset(
        each for ref, all_of_it in by_ref.items() for each in _absent(cluster, ref, all_of_it)
    )


def _absent(cluster: Cluster, ref: ObjectRef, wanted: Collection[Mounted]) -> Iterable[Mounted]:
    try:
        document = cluster.get(ref)
    except ActionError:
        return ()
    if document is None:
        return wanted
    keys = {key for name in ("data", "binaryData") for key in get_in(document, (name,)) or ()}
    return [each for each in wanted if each.key and each.key not in keys]
